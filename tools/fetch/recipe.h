/* recipe - images that are built instead of fetched.
 *
 * SHARE/boot/recipes/build is run as
 *   build key NAME ARCH            prints one line: the hash of all that goes into the image
 *   build make NAME ARCH OUTDIR    leaves OUTDIR/{data,kernel,initrd,kernel.cmdline}; its lines on stderr are
 *                                  progress, when it fails the last one is the reason
 * The result is the cache entry of the URL "recipe:NAME?arch=ARCH&key=KEY". It is built in the entry, in build.PID,
 * under the entry's lock, and its files are moved in place when all are complete, data last. /
 */
#ifndef LIMA_FETCH_RECIPE_H
#define LIMA_FETCH_RECIPE_H

#include "err.h"
#include "fetch/get.h"
#include "fetch/locator.h"
#include "fetch/session.h"

/* Like get_location, for a recipe. */
int get_recipe(struct session *se, const struct locator *l, const struct digest *want, struct got *g, struct err *e);

/* The URL of its cache entry, as of now. The caller frees it. */
char *recipe_url(const char *name, const char *arch, struct err *e);

#endif
