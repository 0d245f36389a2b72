/* embed_script - what the two halves of embed share: the state of one run, and the handling of `file:` in scripts. */
#ifndef LIMA_EMBED_SCRIPT_H
#define LIMA_EMBED_SCRIPT_H

#include "embed.h"

struct embedding {
	const struct embed_opts *o;
	struct diag *d;
	struct strv used; /* the locators of all bases so far */
};

/* embed.c. All report what is wrong in m->d. */
/* The text of a reference, STRING or {url: STRING}; NULL when it is neither. */
const char *embed_reference(struct embedding *m, const struct node *ref, const char *key);
/* Makes a reference independent of the file `from` that it is in. */
int embed_make_absolute(struct embedding *m, struct node *ref, const char *from, const char *key);
int embed_read(struct embedding *m, const char *locator, struct pos at, const char *key, struct locator_source *s);

/* embed_script.c */
/* Makes `file` of all provision and probes entries absolute. */
void embed_script_references(struct embedding *m, struct node *t, const char *from);
/* Replaces `file` by the text of the file. -1 when there was an error. */
int embed_scripts(struct embedding *m, struct node *t);

#endif
