/* yq_parts - the parts of yq.h: reading documents, and making an expression fit for libjq. */
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

/* yq_expr.c */
struct yq_allow {
	bool env, files;
};
/* The expression in what render/expr.h understands, behind the definitions of what jq calls differently. env(X) and load("F") become
 * the values. EXIT_NO with yq's text for what is no expression or not allowed. */
int yq_expression(const char *text, const struct yq_allow *allow, struct buf *out, struct err *e);
/* Whether it looks at the document: it has a path. */
bool yq_has_path(const char *text);

#endif
