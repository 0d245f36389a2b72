/* plan - what separates two resolved documents, and what it costs to go from one to the other. */
#ifndef LIMA_PLAN_H
#define LIMA_PLAN_H

#include "buf.h"
#include "schema.h"
#include "tree.h"

/* Appends a line for each key that differs, "KEY: OLD -> NEW (CLASS)", to `out_text`. *worst, when not NULL, becomes the
 * most expensive class (CHANGE_NOOP when there is none). Returns the number of lines.
 *
 * Of images: only the entry that counts asks for a new disk when it changes, which is the first one for the architecture;
 * other entries may come, go and change (no-op). */
int plan_diff(const struct node *old_resolved, const struct node *new_resolved, struct buf *out_text,
	      enum change_class *worst);

#endif
