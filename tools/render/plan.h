/* plan - what separates two resolved documents, and what it costs to go from one to the other. */
#ifndef LIMA_PLAN_H
#define LIMA_PLAN_H

#include "buf.h"
#include "schema.h"
#include "tree.h"

/* Appends a line for each key that differs, "KEY: OLD -> NEW (CLASS)", to `out_text`. *worst, when not NULL, becomes the
 * most expensive class (CHANGE_NOOP when there is none). Returns the number of lines. */
int plan_diff(const struct node *old_resolved, const struct node *new_resolved, struct buf *out_text,
	      enum change_class *worst);

#endif
