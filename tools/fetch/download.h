/* download - brings a URL into its cache entry: resume, retries, digest, publication. */
#ifndef LIMA_FETCH_DOWNLOAD_H
#define LIMA_FETCH_DOWNLOAD_H

#include <stdbool.h>

#include "err.h"
#include "fetch/entry.h"
#include "fetch/locator.h"
#include "fetch/session.h"
#include "fetch/stamp.h"

/* Downloads the URL of a locked entry. Afterwards data, url, time, type, ALG.digest and the stamp are new, with
 * exactly the digest that is wanted when `want` is not NULL; on any failure an older data is still there.
 *
 * With `unchanged` not NULL the server is asked first whether data, of which *s is the stamp, is still what it has;
 * *unchanged says so, and nothing was written then.
 *
 * EXIT_UNAVAIL: the network or the server. EXIT_BADDATA: the digest is wrong, or the size is over the limit. A host
 * that cannot be reached is added to session.dead. */
int download(struct session *se, const struct locator *l, const struct entry *en, const struct digest *want,
	     struct stamp *s, bool *unchanged, struct err *e);

#endif
