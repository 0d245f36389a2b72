/* embed - from a template and everything that it refers to, to the one self-contained document stored as lima.yaml.
 *
 * Reads the template, puts $LIMA_HOME/_config/base.yaml in front of its `base:` list, merges the bases depth first
 * (merge.h), and replaces `file:` of provision and probe scripts by the text of the file. A base may occur once in the
 * whole tree. Comments and the order of keys stay; tree_emit of the result is the text of lima.yaml.
 */
#ifndef LIMA_EMBED_H
#define LIMA_EMBED_H

#include <stdbool.h>

#include "buf.h"
#include "diag.h"
#include "locator.h"
#include "tree.h"

#define EMBED_BASES_MAX 200 /* templates in one tree */

struct embed_opts {
	const struct locator_ctx *ctx;
	bool keep_templates; /* leave bases and files of the form template:NAME as they are (`template copy --embed`) */
	bool no_base_config; /* leave _config/base.yaml out */
	bool keep_all; /* merge nothing: relative locators become absolute, and that is all */
	struct strv *files;  /* when given: every local file that was read is added, in order */
};

/* The resolved document; the caller frees it. NULL when *d got an error (findings have the position in the file where
 * the trouble is; warnings may be there on success too). */
struct node *embed(const char *locator, const struct embed_opts *o, struct diag *d);
/* The same for a template that was read already (locator_read); *s stays the caller's. */
struct node *embed_source(const struct locator_source *s, const struct embed_opts *o, struct diag *d);

#endif
