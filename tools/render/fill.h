/* fill - the steps from three layers to one filled document; resolve.c calls them in order. */
#ifndef LIMA_FILL_H
#define LIMA_FILL_H

#include "diag.h"
#include "resolve.h"
#include "schema.h"
#include "tree.h"

/* What the steps share. */
struct fill {
	const struct resolve_in *in;
	const struct host *host;
	const char *name;
	char *hostname;
	struct node *doc;         /* under construction */
	const struct node *param; /* Y's: what templates see */
	struct diag *diag;
	struct node *guest_vars, *host_vars;
};

/* fill_types.c: a copy of a layer in which every value has its type; null and what is wrong is left out, with findings in *d. NULL when it is no
 * map. */
struct node *fill_types(const struct node *layer, struct diag *d);
/* fill_layers.c: the three (each may be NULL) as one, in schema order, without defaults. Mounts and networks are put one behind the
 * other (D, Y, O), for fill_mounts and fill_networks to join. */
struct node *fill_layers(const struct node *d, const struct node *y, const struct node *o);
/* Adds the fixed defaults of the schema at any depth, and brings maps into schema order. */
void fill_defaults(const struct schema_key *k, struct node *n);

/* Sets `key` of `map` when it is missing; takes `value` over. Its position becomes that of the map. */
void fill_missing(struct node *map, const char *key, struct node *value);
void fill_missing_str(struct node *map, const char *key, const char *value);

/* fill_scalars.c: os, arch, user, cpus, memory, ..., what is computed from this machine. */
void fill_scalars(struct fill *f);
/* fill_lists.c: the entries of lists. */
void fill_mounts(struct fill *f);
void fill_networks(struct fill *f);
void fill_lists(struct fill *f);
/* What `plain` takes away. */
void fill_plain(struct fill *f);
/* The type of mounts, from what host and guest can do. */
void fill_mount_type(struct fill *f);

/* fill_expand.c: the variables of templates (after user.name is known), and expansion of one value in place. */
void fill_vars(struct fill *f);
void fill_expand_key(struct fill *f, struct node *map, const char *key, const char *path, enum schema_expand kind);
/* An error of expand_text in the value `n`, at its place in the file. */
void fill_template_error(struct diag *d, const struct node *n, const char *path, const char *message);
/* Every value beneath `n` whose row of the schema says so. */
void fill_expand_all(struct fill *f, struct node *n, const struct schema_key *k, const char *path);

/* Whether the version that made the instance is older than X.Y.Z. Instances of this program are never old. */
bool fill_older_than(const struct fill *f, const char *version);

#endif
