/* prune - makes the cache smaller. */
#ifndef LIMA_FETCH_PRUNE_H
#define LIMA_FETCH_PRUNE_H

#include <stdbool.h>

#include "err.h"

/* Removes the cache, except entries in use (one line on stderr each) and, with `keep_referred`, those that the
 * image.conf of an instance below LIMA_HOME names and those of the file `keep` (NULL: none), a line "ARCH LOCATION" each; from
 * what stays, the leftovers of killed runs are removed. No cache is fine. */
int prune(bool keep_referred, const char *keep, bool quiet, struct err *e);

#endif
