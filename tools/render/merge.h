/* merge - fills a template from its bases, and joins the entries of lists that mean the same thing.
 *
 * merge_into, for each key of the base: what the template lacks is copied (behind its own keys, with comments); a
 * scalar or null of the template stays (an explicit null keeps the base out); maps are merged at any depth; lists are
 * concatenated, template first, except `provision`, `probes` and `base` at the top, where the base comes first. `dns`
 * of the base counts only when the template has none. `mountTypesUnsupported` drops repetitions. Of minimumLimaVersion
 * and vmOpts.qemu.minimumVersion the higher one stays. Other than upstream a null of the base never replaces a map
 * (quirk Q6 of the specification), and lists inside list entries are never joined (Q6b).
 *
 * merge_combine, once after all bases, for additionalDisks (key: name), mounts (key: mountPoint, else location) and
 * networks (key: interface): an entry with the key of an earlier one fills what that one lacks and goes away; an entry
 * with the key "*" fills all before it and goes away.
 */
#ifndef LIMA_MERGE_H
#define LIMA_MERGE_H

#include "err.h"
#include "tree.h"

#define MERGE_ENTRIES_MAX 10000 /* keys of a map, entries of a list that are compared with each other */

/* Fills the map `t` from the map `r`, whose parts move to t; what is left of r is a valid tree, to be freed by the
 * caller. Values of a wrong type are left to the validation. EXIT_BADDATA when a collection is too large; t is then
 * half merged. */
int merge_into(struct node *t, struct node *r, struct err *e);
int merge_combine(struct node *t, struct err *e);

#endif
