/* expr - expressions on a document, by libjq: .cpus = 4 | .mounts[0].writable = true | del(.env.X).
 *
 * The language is jq. What users know from yq and what differs is understood as there: .9p and .a-b as keys without
 * quotes, `unique` and `unique_by` that keep the order, `with(PATH; EXPR)`, iterating over something that is null or
 * missing does nothing, `tag`, `type`, `kind`, `keys`, `path` behind a pipe, `ireduce`, `*+`, and "*" in the text to the right of
 * ==. The environment, modules and files cannot be reached from an expression.
 *
 * An expression runs in a child process with bounded CPU time and memory: the language has loops, and libjq trusts its
 * input.
 */
#ifndef LIMA_EXPR_H
#define LIMA_EXPR_H

#include "err.h"
#include "tree.h"

#define EXPR_TEXT_MAX (256u << 10) /* bytes of an expression */
#define EXPR_CPU_SECONDS 2
#define EXPR_MEMORY_MAX (512u << 20)
#define EXPR_RESULT_MAX (16u << 20) /* bytes of the result as JSON */

/* The document after the expression, a new tree: what the expression did not change keeps its comments, order, styles
 * and positions. The expression must give exactly one map. EXIT_USAGE for an expression that does not compile or fails,
 * EXIT_BADDATA for one that exceeds a limit. The caller frees the result; `doc` is not changed. */
struct node *expr_apply(const struct node *doc, const char *expression, struct err *e);

/* Gives `env`, `load` and such values, by appending JSON to *out; NULL as `argument`: it is no constant. Who has one also wants yq's
 * messages for words that yq does not have, or has and this does not. NULL instead of one: all of these are refused. */
struct expr_reach {
	int (*value)(void *arg, const char *op, const char *argument, struct buf *out, struct err *e);
	void *arg;
};

/* Asks instead of changing: all results, in order, that the expression gives for each of the n documents, in one process for all
 * of them; the limits are for all together. `each` gets the number of the document and a result, which it takes over; when it
 * returns -1 (with *e set) the rest is left out. Errors as above. */
int expr_query(const struct node *const *docs, size_t n, const char *expression,
	       int (*each)(void *arg, size_t doc, struct node *result, struct err *e), void *arg, struct err *e);
int expr_query_reaching(const struct node *const *docs, size_t n, const char *expression, const struct expr_reach *reach,
			int (*each)(void *arg, size_t doc, struct node *result, struct err *e), void *arg, struct err *e);

#endif
