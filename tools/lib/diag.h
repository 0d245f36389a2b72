/* diag - the findings of one run over a document: many errors and warnings, each with file, line, column, key. */
#ifndef LIMA_DIAG_H
#define LIMA_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "tree.h"

struct diag_item {
	bool warning;
	struct pos pos;
	char *key;  /* "mounts[0].location"; NULL = the whole file */
	char *text; /* the reason, and what to do */
};
#define DIAG_MAX 1000 /* findings that are kept; further ones are only counted */

struct diag {
	struct diag_item *item;
	size_t n, errors;
	size_t dropped;
};

void diag_error(struct diag *d, struct pos at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diag_warn(struct diag *d, struct pos at, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Prints every item on stderr as "PROGRAM: file:line:column: key: reason" (warnings with "warning: " before the
 * reason), sorted by file, line and column, duplicates once, and a last line when some were dropped. Returns EXIT_BADDATA when there are errors, else 0. */
int diag_report(struct diag *d);
/* The two steps of it: sorting without duplicates, and the text of one line (without the program's name). */
void diag_sort(struct diag *d);
void diag_line(const struct diag_item *i, struct buf *out);
void diag_free(struct diag *d);

#endif
