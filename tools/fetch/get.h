/* get - one location becomes complete, verified local files: from the cache, or by fetching or building first. */
#ifndef LIMA_FETCH_GET_H
#define LIMA_FETCH_GET_H

#include "err.h"
#include "fetch/entry.h"
#include "fetch/locator.h"
#include "fetch/place.h"
#include "fetch/session.h"
#include "sha.h"

/* What a location gave. A URL and a file give data alone; a recipe may give all. Zeroed fields (path NULL): none. */
struct got {
	struct source data, kernel, initrd, cmdline;
};
void got_free(struct got *g);

/* Gets a location; got_free afterwards. `want` NULL = any content will do. Uses no network when a verified copy is in
 * the cache, except that a URL without digest is asked for a newer version (and the copy used when that cannot be
 * done). EXIT_UNAVAIL: offline and not cached, or see download. EXIT_NO: no such local file. EXIT_BADDATA: wrong
 * digest. */
int get_location(struct session *se, const char *location, const struct digest *want, struct got *g, struct err *e);

/* Opens one file of a locked entry as a source; no such file leaves it empty. */
int source_open(const struct entry *en, const char *name, const char *location, struct source *s, struct err *e);

#endif
