/* tree_text - how one scalar is written, on one line. Shared by the emitters. */
#ifndef LIMA_TREE_TEXT_H
#define LIMA_TREE_TEXT_H

#include "tree.h"

/* Whether a text is valid UTF-8 of printable characters, or of those in `also` (ASCII). */
bool text_all_printable(const char *s, const char *also);
/* A text, in `style` if its characters allow; `flow`: within [] or {}. */
void text_inline(struct buf *out, const char *s, char style, bool flow);
/* A key of a map. */
void text_key(struct buf *out, const char *key, bool flow);
/* Any scalar; a null that was written as nothing stays nothing, except in flow style. */
void scalar_inline(struct buf *out, const struct node *n, bool flow);
/* The same as JSON. */
void scalar_json(struct buf *out, const struct node *n);

#endif
