/* image_qcow2 - the part of image_header that reads qcow2. Use image_header.h. */
#ifndef LIMA_IMAGE_QCOW2_H
#define LIMA_IMAGE_QCOW2_H

#include <stdint.h>

#include "image_header.h"

/* `head` is the beginning of the image, at least 4 KiB, zeros behind its end. */
int qcow2_check(const struct image_source *src, const uint8_t *head, const char *name, uint64_t *virtual_size,
		struct err *e);
/* Reads exactly n bytes. EXIT_BADDATA when the image ends before. */
int image_read(const struct image_source *src, uint64_t at, void *buf, size_t n, const char *name, struct err *e);

#endif
