/* locator_priv - what the files of locator share. */
#ifndef LIMA_LOCATOR_PRIV_H
#define LIMA_LOCATOR_PRIV_H

#include "locator.h"

/* locator_open.c: a descriptor of a regular file, or -1. EXIT_NO: it does not exist. */
int locator_open(const char *path, struct err *e);
/* The same for `rel` below the folder `root`, never outside of it, whatever symbolic links say. A `root` that does not
 * exist has no files. */
int locator_open_beneath(const char *root, const char *rel, struct err *e);

/* locator_image.c: whether the name ends as those of images do. */
bool locator_is_image(const char *locator);
/* The template made up for an image; `location` is absolute. */
int locator_image(const char *location, struct locator_source *s, struct err *e);
/* The instance name for an image, not yet checked; the caller frees it. */
char *locator_image_name(const char *locator);

/* locator.c: the text behind a URL, by lima-fetch. *path, when wanted: where it is in the cache; the caller frees it. */
int locator_fetch(const char *url, const struct locator_ctx *ctx, struct buf *text, char **path, struct err *e);

/* locator_github.c: the address of the file that a github: locator means, or the next such locator where one leads to another. A .yaml
 * file is fetched for that. NULL and *e when it means none; the caller frees it. */
char *locator_github(const char *locator, const struct locator_ctx *ctx, struct err *e);

/* locator_path.c: texts only */
/* Length of "scheme" in "scheme:rest"; 0 when there is none (one letter is none). */
size_t locator_scheme(const char *s);
bool locator_has_scheme(const char *s, const char *scheme);
/* Without ".", "//" and a '/' at the end, and ".." taken back lexically; the caller frees it. */
char *locator_clean(const char *path);
/* An absolute path: "~" expanded, relative ones below ctx->cwd, cleaned. NULL and *e on error. */
char *locator_abs_path(const char *path, const struct locator_ctx *ctx, struct err *e);
/* The path below a template folder for what stands behind "template:", with ".yaml" where the rules add it. */
char *locator_template_path(const char *name, struct err *e);
/* The lower-cased last part of a path or URL. */
char *locator_base_name(const char *locator);

#endif
