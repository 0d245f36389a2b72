/* bmp - see bmp.h. */
#include "bmp.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"

enum { HEADER_READ = 256, FILE_HEADER = 14, INFO_HEADER = 40, HEADERS = FILE_HEADER + INFO_HEADER, BITS = 24 };

/* A number of the header behind white space and comments; -1: there is none. Stops behind its last digit. */
static long number(const char **p)
{
	char *end;
	long v;

	for (; isspace((unsigned char)**p) || **p == '#'; (*p)++)
		if (**p == '#')
			*p += strcspn(*p, "\n");
	if (!isdigit((unsigned char)**p))
		return -1;
	v = strtol(*p, &end, 10);
	*p = end;
	return v;
}

/* The offset of the first pixel; -1: it is no pixmap that we take. */
static off_t parse(const char *head, long *width, long *height)
{
	const char *p = head + 2;

	if (strncmp(head, "P6", 2) != 0)
		return -1;
	*width = number(&p);
	*height = number(&p);
	if (number(&p) != 255 || !isspace((unsigned char)*p) || *width < 1 || *height < 1 || *width > BMP_SIDE_MAX ||
	    *height > BMP_SIDE_MAX)
		return -1;
	return p + 1 - head;
}

static void put(uint8_t *to, unsigned bytes, uint32_t v)
{
	for (unsigned i = 0; i < bytes; i++, v >>= 8)
		to[i] = (uint8_t)v;
}

static int write_headers(int out, long width, long height, size_t stride)
{
	uint32_t pixels = (uint32_t)(stride * (size_t)height);
	uint8_t h[HEADERS] = { 'B', 'M' };

	put(h + 2, 4, HEADERS + pixels);
	put(h + 10, 4, HEADERS);
	put(h + 14, 4, INFO_HEADER);
	put(h + 18, 4, (uint32_t)width);
	put(h + 22, 4, (uint32_t)height);
	put(h + 26, 2, 1); /* planes */
	put(h + 28, 2, BITS);
	put(h + 34, 4, pixels);
	return fd_write_all(out, h, sizeof(h));
}

/* Rows go from the last to the first, colours from blue to red. */
static int copy_rows(int ppm, int out, off_t at, long width, long height, struct err *e)
{
	size_t n = (size_t)width * 3, stride = (n + 3) / 4 * 4;
	uint8_t *row = xcalloc(1, stride);
	int r = 0;

	if (write_headers(out, width, height, stride) < 0)
		r = err_sys(e, EXIT_IOERR, "cannot write the bitmap");
	for (long y = height - 1; r == 0 && y >= 0; y--) {
		if (pread(ppm, row, n, at + (off_t)y * (off_t)n) != (ssize_t)n) {
			r = err_set(e, EXIT_BADDATA, "the picture is cut short");
			break;
		}
		for (size_t x = 0; x < n; x += 3) {
			uint8_t red = row[x];

			row[x] = row[x + 2];
			row[x + 2] = red;
		}
		if (fd_write_all(out, row, stride) < 0)
			r = err_sys(e, EXIT_IOERR, "cannot write the bitmap");
	}
	free(row);
	return r;
}

int bmp_from_ppm(int ppm, int out, struct err *e)
{
	char head[HEADER_READ + 1];
	ssize_t n = pread(ppm, head, HEADER_READ, 0);
	long width, height;
	off_t at;

	head[n > 0 ? n : 0] = '\0';
	at = n > 2 ? parse(head, &width, &height) : -1;
	if (at < 0)
		return err_set(e, EXIT_BADDATA, "the picture is no pixmap that can be read");
	return copy_rows(ppm, out, at, width, height, e);
}
