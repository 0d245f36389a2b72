/* out_source - what a command line names: a template, a file or an instance, embedded and edited, then resolved. */
#ifndef LIMA_OUT_SOURCE_H
#define LIMA_OUT_SOURCE_H

#include <stdbool.h>

#include "diag.h"
#include "edit.h"
#include "err.h"
#include "locator.h"
#include "tree.h"

struct source {
	struct node *doc; /* self-contained, edits applied, defaults not filled in */
	char *dir;        /* the instance directory that it is in, or would be */
	bool existing;    /* it is $LIMA_HOME/NAME/lima.yaml */
};

struct edits {
	struct edit *v;
	size_t n;
};

/* Reads `arg` (a template's name, a locator, or a directory with a lima.yaml) and applies the edits. Findings go to
 * `d`, other failures to `e`; -1 for both. Warnings about edits are printed. out_source_free afterwards, also after an
 * error. */
int source_load(const char *arg, const struct edits *edits, const struct locator_ctx *ctx, struct source *s,
		struct diag *d, struct err *e);
void out_source_free(struct source *s);

/* The document with everything filled in, expanded and checked; NULL when `d` got an error. */
struct node *source_resolve(const struct source *s, const struct locator_ctx *ctx, struct diag *d);

#endif
