/* template - a description that was read: from a locator, or an instance's own, embedded, changed by flags, checked. */
#ifndef LIMACTL_TEMPLATE_H
#define LIMACTL_TEMPLATE_H

#include <stdbool.h>

#include "buf.h"
#include "diag.h"
#include "err.h"
#include "instance/instance.h"
#include "render/embed.h"
#include "render/locator.h"
#include "tree.h"

struct template {
	struct locator_ctx ctx;
	struct locator_source source; /* the text as it was read */
	struct node *doc;             /* embedded; NULL before that */
};

/* How much of what it refers to is put in. */
enum embedding_kind { EMBED_NOTHING, EMBED_BUT_TEMPLATES, EMBED_ALL, EMBED_FOR_INSTANCE /* with _config/base.yaml */ };

/* What a locator with a scheme of its own stands for (template://X, github:, limactl-url-SCHEME); others come back as they are. NULL
 * and *e on error; the caller frees it. */
char *template_rewrite(const char *locator, struct err *e);
/* Reads the text. Warns of forms that are going away. template_free afterwards, also after an error. */
int template_read(const char *locator, struct template *t, struct err *e);
/* The same for a text that is there, such as one from an editor; its references are relative to `path`. */
int template_take(const struct buf *text, const char *path, struct template *t, struct err *e);
int template_embed(struct template *t, enum embedding_kind kind, struct err *e);
void template_free(struct template *t);

/* Applies flags, given as options of lima-render ("--cpus=2"), to a document. "error while processing flag `param`: template does
 * not define param `K`" and the like. */
int template_edit(struct node *doc, const struct strv *settings, struct err *e);
/* Fills in and checks the document as that of the instance DIR below `home`; what is wrong becomes *e, one finding a line. Warnings
 * are logged when `warn`. The caller frees the result. */
struct node *template_fill(const struct node *doc, const char *dir, const char *home, bool warn, struct err *e);

/* --- an instance that exists (edit.c) --- */

/* Changes its lima.yaml: applies settings, or takes `text` (one of the two is NULL). Nothing is written when the result is invalid,
 * needs a smaller disk or another one: then it is kept by editor_reject. *changed tells whether there was anything to write. */
int description_edit(const struct instance *in, const struct strv *settings, const struct buf *text, bool *changed, struct err *e);

/* --- an editor (editor.c) --- */

/* Lets the user edit `text`, with `header` (lines with '#') above, which is taken off again if it is still there. */
int editor_edit(const char *header, struct buf *text, struct err *e);
/* Keeps a text that cannot be used as lima.REJECTED.yaml in the current directory, and puts that in front of the error. */
int editor_reject(const struct buf *text, struct err *e);

#endif
