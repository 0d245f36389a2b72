/* tree - a YAML document in memory: typed nodes that remember file, line, column and comments.
 *
 * Everything that handles lima.yaml works on these trees: parsing, merging, filling, validating, expanding,
 * printing. A tree owns its children; node_free frees all below. Functions that put a node into another one take
 * it over. Strings returned by accessors belong to the node.
 */
#ifndef LIMA_TREE_H
#define LIMA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

enum node_type { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STR, NODE_SEQ, NODE_MAP };

/* Where a node was read. `file` is shared text that outlives the tree (tree_intern); NULL = made by a tool. */
struct pos {
	const char *file;
	unsigned line, col; /* from 1 */
};

struct node {
	enum node_type type;
	struct pos pos;
	bool b;
	int64_t i;
	double f;
	char *str;      /* NODE_STR: the text (NUL-terminated, may not contain NUL). Scalars: the source text when parsed */
	/* Of a parsed scalar: 0 plain, '\'' , '"', '|', '>'; of a collection: '[' or '{' for flow, ':' the pair in [a: b], 0
	 * block, '-' a block list whose dashes are indented more than the key above. */
	char style;
	/* Comment lines above, without indentation, each with its '#', joined by '\n'; an empty line is a blank line. Of a map's
	 * value: what stands above its key. NULL = none. */
	char *head;
	/* The comment behind it on its line, with '#', and in front of that the blanks that stood there (none is as good as one);
	 * NULL = none. */
	char *line_comment;
	char *foot;     /* comment lines after the last child of a collection */
	size_t n;       /* SEQ, MAP: children */
	struct node **item;
	char **key;     /* MAP: the keys, same order */
	struct pos *key_pos;
};

/* --- reading and writing text (tree_parse.c, tree_emit.c) --- */

/* Limits on what is read; more is an error with its position. */
#define TREE_TEXT_MAX (4u << 20)
#define TREE_DEPTH_MAX 64
#define TREE_NODES_MAX 200000       /* aliases count what they expand to */
#define TREE_BYTES_MAX (64u << 20) /* all texts together, aliases too */

/* Parses the first document of `text` (YAML 1.2 core schema; anchors, aliases, << merge keys, standard tags; duplicate
 * keys are errors; an empty document gives an empty map). `file` is for messages. NULL and *e (EXIT_BADDATA,
 * "file:line:col: reason") on error. */
struct node *tree_parse(const char *text, size_t n, const char *file, struct err *e);
/* The YAML text, keeping order, comments and scalar styles; parsing it gives an equal tree. */
void tree_emit(const struct node *root, struct buf *out);
/* The same in another layout. */
struct tree_style {
	unsigned indent; /* of what is inside of a map, 2 to 9; others mean 2 */
	bool one_blank;  /* before a comment behind something, whatever the source had */
};
void tree_emit_as(const struct node *root, const struct tree_style *style, struct buf *out);
/* JSON, one line or indented by two. */
void tree_emit_json(const struct node *root, bool pretty, struct buf *out);

/* What a plain (unquoted) scalar means: sets the type and value of *n, not its text (tree_scalar.c). Besides the core schema a
 * leading zero means octal, 0b binary, and digits may be grouped by '_'. NODE_STR when it is no other type. */
void scalar_resolve(const char *text, struct node *n);
/* Gives the scalar *n (text set) the type that a YAML tag asks for. Unknown tags change nothing. When the text cannot be of that type:
 * -1, and *why says why ("'%s' is no !!int" without the text). */
int scalar_tag(struct node *n, const char *tag, const char **why);
/* The shortest text that reads back as the same number; `out` has 40 bytes. Whole numbers get no fraction. */
void scalar_float(double f, char out[40]);

/* --- building and reading (tree.c) --- */

struct node *node_new(enum node_type type);
struct node *node_str(const char *s);
struct node *node_int(int64_t i);
struct node *node_bool(bool b);
struct node *node_copy(const struct node *n); /* deep, comments included; NULL stays NULL */
void node_free(struct node *n);
const char *tree_intern(const char *file);

/* A child by key; NULL when `map` is not a map or has no such key. */
struct node *map_get(const struct node *map, const char *key);
/* Sets or replaces (at its place) a key; takes `value` over. It inherits the comments of the replaced value that it lacks. */
void map_set(struct node *map, const char *key, struct node *value);
/* Adds a key that the map does not have, without looking (for readers that check this themselves). */
void map_append(struct node *map, const char *key, struct pos key_pos, struct node *value);
/* Removes and returns a child, NULL when missing. */
struct node *map_take(struct node *map, const char *key);
void seq_add(struct node *seq, struct node *value);
void seq_insert(struct node *seq, size_t at, struct node *value);
struct node *seq_take(struct node *seq, size_t at);

/* By path "ssh.localPort", "mounts[0].9p.msize"; NULL when there is none. */
struct node *tree_get(const struct node *root, const char *path);
/* Typed reads by path for documents that were resolved and validated; the fallback when missing, null or another type.
 * `path` is a printf format, for the indices. */
const char *tree_str(const struct node *root, const char *fallback, const char *path, ...)
	__attribute__((format(printf, 3, 4)));
int64_t tree_int(const struct node *root, int64_t fallback, const char *path, ...) __attribute__((format(printf, 3, 4)));
bool tree_bool(const struct node *root, bool fallback, const char *path, ...) __attribute__((format(printf, 3, 4)));
/* The list at a path, or NULL; tree_len is 0 for a missing one. */
const struct node *tree_seq(const struct node *root, const char *path, ...) __attribute__((format(printf, 2, 3)));
size_t tree_len(const struct node *root, const char *path, ...) __attribute__((format(printf, 2, 3)));
bool node_equal(const struct node *a, const struct node *b); /* content only */

#endif
