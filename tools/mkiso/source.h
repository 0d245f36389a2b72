/* source - the content of one file, as libisofs reads it. */
#ifndef LIMA_MKISO_SOURCE_H
#define LIMA_MKISO_SOURCE_H

#include <stddef.h>
/* libisofs.h needs it and does not include it. */
#include <stdint.h>

#define LIBISOFS_WITHOUT_LIBBURN
#include <libisofs/libisofs.h>

#include "err.h"
#include "files.h"

/* What the streams of one image share. `e` holds the first failure; look at it when the writer thread has ended. */
struct source_set {
	const struct files *files;
	struct err e;
};

/* A stream for file number `index`, for iso_tree_add_new_file, which takes it over. Its content is opened when libisofs
 * comes to it. The set must outlive the image. */
IsoStream *source_stream(struct source_set *set, size_t index);

#endif
