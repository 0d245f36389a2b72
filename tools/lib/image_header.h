/* image_header - decides from the first bytes of a disk image whether QEMU may see it.
 *
 * A disk image is a program for the code that opens it: a qcow2 header can name another file of the host (backing
 * file, external data file), and a probing tool can be made to take a raw image for any format. So a stranger's image
 * is looked at by this parser first. Good are: qcow2 (version 2 and 3) without backing file, data file or encryption,
 * with tables inside the file and a sane size; and raw, which must begin like a disk (partition table or file system).
 * Everything else is refused by name.
 *
 * Formats: docs/interop/qcow2.txt of QEMU; UEFI specification 5.3 (GPT); Documentation/filesystems/ext4 of Linux. /
 */
#ifndef LIMA_IMAGE_HEADER_H
#define LIMA_IMAGE_HEADER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define IMAGE_VIRTUAL_MAX (16ull << 40) /* bytes that the guest may see */

enum image_format { IMAGE_QCOW2, IMAGE_RAW };

struct image_info {
	enum image_format format;
	uint64_t virtual_size; /* what the guest sees, in bytes */
};

/* Where the bytes come from: `read` copies up to n bytes from offset `at` and returns how many, 0 at the end, -1 with
 * errno. */
struct image_source {
	ssize_t (*read)(void *ctx, uint64_t at, void *buf, size_t n);
	void *ctx;
	uint64_t size;
};

/* Checks an image. `name` is for messages. EXIT_BADDATA and the reason when it is refused. Memory: less than 128 KiB,
 * whatever the image says. */
int image_check(const struct image_source *src, const char *name, struct image_info *info, struct err *e);
/* The same for an open file; its position does not change. */
int image_check_fd(int fd, const char *name, struct image_info *info, struct err *e);

#endif
