/* schema - every key of lima.yaml, in one table: its type, layering, default, change class and documentation.
 *
 * Paths: "ssh.localPort"; "mounts[].9p.msize" is a key of each list item; "env.*" stands for any key. The table is in the order in
 * which a filled document is printed. Parsing, layering, defaults, validation, the JSON schema and the man page use it.
 */
#ifndef LIMA_SCHEMA_H
#define LIMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "tree.h"

enum schema_type {
	T_STR,
	T_BOOL,
	T_INT,
	T_SIZE,   /* "4GiB" */
	T_IP,
	T_DIGEST,
	T_RANGE,  /* [lo, hi] */
	T_LIST,   /* children: PATH[] */
	T_MAP,    /* children: PATH.key; or any key, when there is PATH.* */
	T_ANY,    /* not looked into */
};

/* How the values of default.yaml (D), lima.yaml (Y) and override.yaml (O) become one. */
enum schema_layer {
	LAYER_ONE,      /* the first of O, Y, D that is set; maps key by key */
	LAYER_CONCAT,   /* O + Y + D */
	LAYER_UNIQUE,   /* D + Y + O, each text once */
	LAYER_FIRST,    /* the first that is not empty */
	LAYER_WHOLE,    /* maps: by key, the value of a key as a whole */
	LAYER_MOUNTS,   /* D + Y + O, joined by mountPoint */
	LAYER_NETWORKS, /* D + Y + O, joined by interface */
	LAYER_YAML,     /* only Y counts */
};

/* What a changed value costs an existing instance; the larger the worse. */
enum change_class {
	CHANGE_NOOP,    /* nothing */
	CHANGE_LIVE,    /* takes effect at once */
	CHANGE_RESTART,
	CHANGE_CIDATA,  /* a new cidata.iso, and a restart */
	CHANGE_DISK,    /* only a new disk would have it: the data of the old one would be lost */
};
const char *change_name(enum change_class c); /* "no-op", "live", "restart", "recreate-cidata", "new-disk" */

/* Whose variables a template in the value sees. */
enum schema_expand { EXPAND_NONE, EXPAND_GUEST, EXPAND_HOST };

struct schema_key {
	const char *path;
	enum schema_type type;
	enum schema_layer layer;
	enum change_class change;
	enum schema_expand expand;
	const char *values;    /* the accepted words, separated by '|'; NULL = any */
	int64_t min, max;      /* T_INT; 0, 0: any of 64 bits */
	const char *fallback;  /* the default as in YAML; "(...)" describes a computed one; NULL = stays unset */
	bool lines;            /* T_STR: may have several lines */
	const char *shorthand; /* T_MAP: a scalar means a map with just this key */
	const char *drivers;   /* NULL = all */
	const char *doc;       /* one line without a full stop */
	/* Made from the paths: */
	const char *name;      /* the last part: "msize", "[]", "*" */
	const struct schema_key *child, *next, *parent;
};

/* The root; its children are the top-level keys. */
const struct schema_key *schema_root(void);
/* By path; indices may be given ("mounts[3].location"), and a "*" stands for any key. NULL when there is none. */
const struct schema_key *schema_find(const char *path);
/* The child that describes `key` of a map, or the items of a list ("[]"). NULL when there is none. */
const struct schema_key *schema_child(const struct schema_key *parent, const char *key);
/* The known key that is most like a misspelt one; NULL when none is near. */
const char *schema_suggest(const struct schema_key *parent, const char *key);
/* "a number", "a list", ...: for messages. */
const char *schema_type_name(const struct schema_key *k);
/* Whether `word` is among k->values. */
bool schema_has_value(const struct schema_key *k, const char *word);

/* The JSON schema (draft-07) of lima.yaml, for editors. */
void schema_json(struct buf *out);
/* The list of keys for lima.yaml.5, in mdoc. */
void schema_mdoc(struct buf *out);

/* Splits "a|b|c": calls for each word until one returns true. */
const char *schema_next_word(const char *words, size_t *len);

#endif
