/* yq_parts - the parts of yq.h: reading documents, the styles of values, and what an expression may reach. */
#ifndef LIMACTL_YQ_PARTS_H
#define LIMACTL_YQ_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "tree.h"

/* yq_docs.c */
struct yq_docs {
	struct node **v;
	size_t n;
};
/* Adds the documents of a text: of YAML those between lines "---"; of JSON all values, one behind the other. */
int yq_docs_parse(const char *text, size_t n, bool json, const char *file, struct yq_docs *docs, struct err *e);
void yq_docs_free(struct yq_docs *docs);

/* yq_style.c: the parts that an expression is done in, one after the other. */
#define YQ_NO_STYLE (-1)
struct yq_part {
	char *expression;
	int style; /* what the paths that the expression gives are written in; YQ_NO_STYLE: it gives results */
};
struct yq_plan {
	struct yq_part *v;
	size_t n;
};
/* EXIT_NO for a style that there is not. yq_plan_free in any case. */
int yq_plan(const char *text, struct yq_plan *plan, struct err *e);
void yq_plan_free(struct yq_plan *plan);
/* Behind what stands at p and may have anything inside: a text, a comment, a group; else the next character. */
const char *yq_skip(const char *p, const char *end);
/* The value at a path, a list of keys and indices, gets a style of a part. */
void yq_set_style(struct node *doc, const struct node *path, int style);

/* yq_all.c: an expression over n documents as one over the list of them, whose results are {d: NUMBER OF THE DOCUMENT, v: VALUE}. EXIT_NO
 * when there is none. */
struct yq_origin {
	const char *name;   /* of the file; "-" */
	size_t file, place; /* the number of the file, and of the document in it */
};
/* The expression with a field in the place of fileIndex and such, which only eval-all knows. The caller frees it. */
char *yq_all_masked(const char *text);
int yq_all(const char *text, const struct yq_origin *origin, size_t n, struct buf *out, struct err *e);

/* yq_reach.c: env() and load() for render/expr.h; `arg` is a struct yq_allow. */
struct yq_allow {
	bool env, files;
};
int yq_reach(void *arg, const char *op, const char *argument, struct buf *out, struct err *e);

/* Whether an expression looks at the document: it has a path. */
bool yq_has_path(const char *text);

#endif
