/* disk - the data disks: folders with a disk image that machines find under /mnt/lima-NAME.
 *
 * $LIMA_HOME/_disk/NAME/ (Lima's own _disks/ is understood) holds
 *   datadisk    the image: qcow2 or raw
 *   format      "qcow2" or "raw"; in folders made by Lima it is missing and the image's first bytes decide
 *   in_use_by   a symbolic link to the directory of the instance that uses the disk
 * Source: spec/host.md 1.5 and 3.3.
 */
#ifndef LIMACTL_DISK_H
#define LIMACTL_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

#define F_DATADISK "datadisk"
#define F_IN_USE_BY "in_use_by"
#define F_FORMAT "format"

struct disk {
	char *name, *dir, *path; /* path: of the image */
	const char *format;      /* "qcow2", "raw" */
	uint64_t size;           /* what a guest sees, in bytes */
	char *user_dir;          /* the instance that the mark names; NULL: none */
	char *user;              /* its name */
};

/* Finds one. EXIT_NO when there is none, with disk_missing's reason; EXIT_USAGE for what is no name. disk_close afterwards. */
int disk_open(const char *name, struct disk *d, struct err *e);
void disk_close(struct disk *d);
bool disk_exists_named(const char *name);
/* All names, sorted, each once. */
int disk_names(struct strv *names, struct err *e);

/* Makes $LIMA_HOME/_disk/NAME (mode `mode`) with an image that `fill` writes to a new file at `path`; nothing is left behind when
 * that fails. EXIT_NO "disk `D` already exists (`DIR`)". *dir, the caller frees it. */
int disk_make(const char *name, unsigned mode, const char *format, int (*fill)(const char *path, void *arg, struct err *e), void *arg,
	      char **dir, struct err *e);
/* Runs qemu-img; its first line of output is the reason of an error. */
int disk_qemu_img(char *const *argv, struct buf *out, struct err *e);
/* Copies an image, holes stay holes, blocks are shared where the file system can. `to` must not exist. */
int disk_copy(int from, const char *to, struct err *e);

#endif
