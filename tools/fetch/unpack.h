/* unpack - gz, bz2, xz and zst files, and copies that keep holes. */
#ifndef LIMA_FETCH_UNPACK_H
#define LIMA_FETCH_UNPACK_H

#include <stdint.h>

#include "err.h"
#include "progress.h"

enum pack { PACK_NONE, PACK_GZIP, PACK_BZIP2, PACK_XZ, PACK_ZSTD };

/* How a file is compressed: by the last extension of its location (query and fragment of a URL do not count), else by
 * its first bytes. */
enum pack pack_of(const char *location, int fd);

/* Writes what `in` (read from its beginning) holds to `out`, an empty file: decompressed, or as it is for PACK_NONE.
 * Long runs of zeros become holes. More than `max` bytes are an error (EXIT_BADDATA), and so is anything that is not
 * `pack`. `name` is for messages. */
int unpack(int in, int out, enum pack pack, uint64_t max, const char *name, struct progress *p, struct err *e);

#endif
