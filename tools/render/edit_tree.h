/* edit_tree - small changes of a document that keep the comments around them. */
#ifndef LIMA_EDIT_TREE_H
#define LIMA_EDIT_TREE_H

#include "edit_ops.h"

/* Puts `value` (taken over, also on error) at a path ".a.b"; maps on the way are made where there is nothing or null.
 */
int edit_put(struct node *doc, const char *path, struct node *value, struct err *e);
/* Sets a key of a map; a comment on the old value goes to the new one. */
void edit_put_key(struct node *map, const char *key, struct node *value);
/* The list at a key of the root, made where there is nothing or null; NULL and *e when something else is there. It is
 * ready to take entries that are maps. */
struct node *edit_list(struct node *doc, const char *key, struct err *e);
/* Makes the error of a parser one of the command line. Returns -1. */
int edit_misuse(struct err *e);
/* "" is true, as are true, t, 1; false, f, 0 are false. */
int edit_bool_value(const char *value, bool *ret, struct err *e);

#endif
