/* resolve - from lima.yaml to the document that everything else is made from.
 *
 * Types are checked and coerced, the layers default.yaml (D), lima.yaml (Y) and override.yaml (O) become one, what is missing is filled
 * from the schema and from this machine, templates are expanded, and the result is validated. All errors are found
 * in one run.
 */
#ifndef LIMA_RESOLVE_H
#define LIMA_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "diag.h"
#include "host.h"
#include "tree.h"

/* The version of Lima whose files we understand: what minimumLimaVersion is compared with. */
#define RESOLVE_COMPAT_VERSION "2.2.0"

struct resolve_in {
	const char *name;             /* NULL: the last part of dir */
	const char *dir;              /* the instance directory, absolute; may not exist yet */
	const char *home;             /* LIMA_HOME */
	const struct node *yaml;      /* Y, embedded */
	const struct node *defaults, *overrides; /* D, O; NULL = none */
	const char *instance_version; /* the content of DIR/lima-version; NULL = a new instance */
	bool existing;                /* the instance has been made by an earlier run */
	bool warnings;                /* also those for a new or edited instance */
	const struct host *host;      /* NULL = this machine */
};

/* The resolved document, a new tree in the order of the schema, with a map "_computed" for values that are no keys: name, hostname, dir,
 * mac (of the first network card), instanceVersion. NULL when there are errors in *d. The caller frees it. */
struct node *resolve(const struct resolve_in *in, struct diag *d);

/* The same for the instance directory `dir` beneath `home`: reads _config/{default,override}.yaml and DIR/lima-version, and finds out
 * whether the instance exists. */
struct node *resolve_instance(const struct node *yaml, const char *dir, const char *home, bool warnings, struct diag *d);

/* Bytes of the size at `path` ("memory", "mounts[0].9p.msize"). -1 when there is none. */
int resolve_bytes(const struct node *doc, const char *path, uint64_t *ret);

#endif
