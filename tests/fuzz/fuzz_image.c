/* The check of image headers: whatever the bytes are, it ends soon, reads only inside the image, and an image that it
 * lets through names no other file. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "image_header.h"

#define READS_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct input {
	const uint8_t *data;
	size_t n;
	unsigned reads;
};

static ssize_t read_input(void *ctx, uint64_t at, void *buf, size_t n)
{
	struct input *in = ctx;

	if (++in->reads > READS_MAX)
		abort();
	if (at >= in->n)
		return 0;
	if (n > in->n - at)
		n = (size_t)(in->n - at);
	memcpy(buf, in->data + at, n);
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct input in = { .data = data, .n = n };
	struct image_source src = { .read = read_input, .ctx = &in, .size = n };
	struct image_info info = { 0 };
	struct err e = { 0 };

	if (image_check(&src, "input", &info, &e) < 0) {
		if (e.code != EXIT_BADDATA || !e.msg[0])
			abort();
		return 0;
	}
	if (info.virtual_size == 0 || info.virtual_size > IMAGE_VIRTUAL_MAX)
		abort();
	/* backing_file_offset, backing_file_size, crypt_method */
	if (info.format == IMAGE_QCOW2 && (memcmp(data, "QFI\xfb", 4) != 0 || memcmp(data + 8, "\0\0\0\0\0\0\0\0\0\0\0", 12) != 0 ||
					   memcmp(data + 32, "\0\0\0", 4) != 0))
		abort();
	if (info.format == IMAGE_RAW && memcmp(data, "QFI\xfb", 4) == 0)
		abort();
	return 0;
}
