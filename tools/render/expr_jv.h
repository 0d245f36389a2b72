/* expr_jv - between documents and the values of libjq, and the way back that leaves untouched parts as they were. */
#ifndef LIMA_EXPR_JV_H
#define LIMA_EXPR_JV_H

#include <jv.h>

#include "expr.h"

/* The document as a libjq value. Floats that JSON does not have become null or the largest number. */
jv expr_to_jv(const struct node *n);

/* The document `old` with the content of `value` (consumed): what is equal is copied with comments, style and position,
 * what differs is changed at the smallest place. NULL and *e when the value is deeper or larger than a document may be.
 */
struct node *expr_patch(const struct node *old, jv value, struct err *e);

/* expr_words.c: the expression in words that jq has, behind the definitions of those that it calls differently. */
int expr_words(const char *text, const struct expr_reach *reach, struct buf *out, struct err *e);
/* The key of a map that tells _multiply (expr_yq.c) how to merge; no document has it. */
#define EXPR_MERGE "\\u0001merge"

/* expr_yq.c: the expression with the habits of yq in the words of jq, behind the definitions that it may use, all
 * before its first line. `tolerant`: iterating over what is no list or map gives nothing. */
void expr_translate(const char *expression, bool tolerant, struct buf *out);

/* An error (EXIT_USAGE) when the expression uses an operator of yq, or of jq, that reads the environment or files. */
int expr_refuse(const char *expression, struct err *e);

#endif
