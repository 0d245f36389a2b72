/* iso - a tree of files as a reproducible ISO 9660 image, by libisofs. */
#ifndef LIMA_MKISO_ISO_H
#define LIMA_MKISO_ISO_H

#include <stdbool.h>
#include <time.h>

#include "err.h"
#include "files.h"

#define LABEL_MAX 32
#define LABEL_JOLIET_MAX 16
/* Directory records count years from 1900 in one byte. */
#define DATE_MAX 5869583999ll
/* 2026-01-01 00:00 UTC: all dates in an image, when nobody says otherwise. */
#define DATE_DEFAULT 1767225600ll

struct iso_opts {
	const char *label; /* checked by iso_check_label */
	bool joliet;	   /* adds names as Windows and macOS read them */
	time_t date;	   /* of everything in the image, 0..DATE_MAX */
};

/* A label: 1 to 32 printable ASCII characters, 16 with Joliet. */
int iso_check_label(const char *label, bool joliet, struct err *e);

/* Writes the image of a tree to the descriptor; `name` is for messages about that. A file that has changed since the
 * tree was read is an error. */
int iso_write(const struct files *f, const struct iso_opts *o, int fd, const char *name, struct err *e);

#endif
