/* edit - the options that change a lima.yaml: --cpus, --mount, --set, ... of limactl and CPUS=, MOUNT=, SET=, ... of
 * make.
 *
 * One table names each option, its make variable, the type of its value and what it does to the document. The order of
 * the table is the order in which options take effect, whatever the order on the command line: --set overrides what
 * stands before it and is overridden by what follows.
 */
#ifndef LIMA_EDIT_H
#define LIMA_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "tree.h"

enum edit_type {
	EDIT_INT,  /* a whole number */
	EDIT_GIB,  /* a number of GiB, fractions allowed, or a size with a suffix */
	EDIT_BOOL, /* true or false; the flag alone means true */
	EDIT_STRING,
	EDIT_LIST,   /* several, separated by commas; the flag may be repeated */
	EDIT_REPEAT, /* one value, the flag may be repeated */
};

struct edit_flag {
	const char *flag; /* without the dashes: "mount-type" */
	const char *var;  /* of make: "MOUNT_TYPE" */
	enum edit_type type;
	bool create_only; /* for new instances only */
	bool experimental;
	const char *arg;  /* for help: "DIR[:w]" */
	const char *help; /* for help, one line without a full stop */
	const char *keys; /* the keys it changes, for messages and documentation: ".mounts" */
};

/* The table, ended by an entry with flag NULL. */
const struct edit_flag *edit_table(void);
/* An entry by its flag, or by its make variable; NULL when there is none. */
const struct edit_flag *edit_find(const char *flag_or_var);

/* Applies one flag to the document (the root map, changed in place). A value of an EDIT_BOOL may be NULL or "" = true.
 * Repeated calls for the same flag act like a repeated flag, except for mount-only, which starts afresh. EXIT_USAGE
 * with "--FLAG VALUE: reason"; the document is then unchanged. */
int edit_apply(struct node *doc, const char *flag, const char *value, struct err *e);

/* Several at once, as given on a command line: checks what excludes what, applies them in the order of the table (equal
 * flags in the given order). Flags for new instances only are skipped when `existing`, with a line in *warnings (may be
 * NULL). Nothing is changed on error. */
struct edit {
	const char *flag, *value;
};
int edit_apply_all(struct node *doc, const struct edit *list, size_t n, bool existing, struct strv *warnings,
		   struct err *e);

#endif
