/* files - the tree that goes into an image: checked, and in an order that does not depend on the file system. */
#ifndef LIMA_MKISO_FILES_H
#define LIMA_MKISO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "err.h"

/* Longer names do not survive on every system that reads ISO 9660; deeper trees need relocated folders. */
#define NAME_CHARS_MAX 30
#define DEPTH_MAX 8
#define FILES_MAX 65536u
/* A file of more than 4 GiB - 1 needs several extents, which some readers cannot do. */
#define FILE_BYTES_MAX 0xffffffffll

struct file {
	char *path;	  /* from the root of the tree, without a leading slash */
	const char *name; /* its last part, inside path */
	size_t parent;	  /* index of the directory it is in; the root is entry 0, and its own parent */
	bool dir, exec;	  /* exec: some x bit is set */
	off_t size;
};
/* Directories stand before what is in them; siblings in the order of their bytes. */
struct files {
	const char *root; /* the path, as given */
	int fd;		  /* the directory, open */
	struct file *file;
	size_t n;
};

/* Reads the tree below `dir`, whose path may be a symbolic link. Refused (EXIT_BADDATA, with the path): everything that
 * is not a file or directory, names that are too long, no UTF-8 or have control characters, trees that are too deep,
 * and the file `out` (may be NULL), into which the image is to be written. files_free in any case. */
int files_read(const char *dir, const struct stat *out, struct files *f, struct err *e);
void files_free(struct files *f);

#endif
