/* place - puts a fetched file where somebody wants it. */
#ifndef LIMA_FETCH_PLACE_H
#define LIMA_FETCH_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* A file that is complete and verified. */
struct source {
	char *path;     /* NULL = there is none */
	int fd;         /* open for reading */
	bool cached;    /* it belongs to the cache: read-only, may be linked */
	char *location; /* where it came from, for messages and for the extension */
};

void source_free(struct source *s);

struct place {
	bool decompress;
	bool image;        /* it must be a disk image that QEMU may see (image_header.h) */
	bool quiet;
	uint64_t max_size; /* of the result */
};

/* Makes `dest` (mode 0444), atomically, replacing what is there: a hard link to the cache, else a reflink, else a copy
 * that keeps holes; or the decompressed content. A failure leaves the old file. */
int place(const struct source *src, const char *dest, const struct place *how, struct err *e);

#endif
