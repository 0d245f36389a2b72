/* renew - makes room for a new disk without ever removing the old one.
 *
 * The disk is an overlay: it means something only together with the image beneath it, which it names relative to its
 * own folder. So both go to DIR/diffdisk.old.N/ and stay a pair that works. The image is linked there first and the disk
 * renamed next, so a run killed anywhere leaves every disk beside its image. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"

#define OLD_MAX 10000 /* disks set aside; far more than anybody keeps */
#define F_LIMA_DISK "disk" /* the disk of an instance that Lima made */

static const char *const disks[] = { F_DIFFDISK, F_LIMA_DISK, NULL };
/* What comes from the image; products, which can be made again. */
static const char *const images[] = { F_BASEDISK, F_KERNEL, F_KERNEL_CMDLINE, F_INITRD, NULL };

static bool disk_exists_in(const char *dir)
{
	bool there = false;

	for (size_t i = 0; disks[i]; i++) {
		char *path = path_join(dir, disks[i]);

		there |= path_exists(path);
		free(path);
	}
	return there;
}

bool disk_exists(const struct instance *in)
{
	return disk_exists_in(in->dir);
}

static int move(const char *from, const char *to, const char *file, int (*how)(const char *, const char *),
		struct err *e)
{
	char *source = path_join(from, file), *dest = path_join(to, file);
	int r = 0;

	if (path_exists(source) && how(source, dest) < 0)
		r = err_sys(e, EXIT_CANTCREATE, "cannot move %s to %s", source, dest);
	free(dest);
	free(source);
	return r;
}

/* Images first, as second names; then the disks. */
static int transfer(const char *from, const char *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && images[i]; i++)
		r = move(from, to, images[i], link, e);
	for (size_t i = 0; r == 0 && disks[i]; i++)
		r = move(from, to, disks[i], rename, e);
	if (r == 0)
		r = dir_sync(to, e);
	return r == 0 ? dir_sync(from, e) : -1;
}

static void drop_images(const char *dir)
{
	for (size_t i = 0; images[i]; i++) {
		char *path = path_join(dir, images[i]);

		unlink(path);
		free(path);
	}
}

static char *make_folder(const struct instance *in, struct err *e)
{
	for (int n = 1; n <= OLD_MAX; n++) {
		char *path = xasprintf("%s/%s.old.%d", in->dir, F_DIFFDISK, n);

		if (mkdir(path, 0700) == 0)
			return path;
		if (errno != EEXIST) {
			err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
			free(path);
			return NULL;
		}
		free(path);
	}
	err_set(e, EXIT_CANTCREATE, "%s holds %d old disks; remove some", in->dir, OLD_MAX);
	return NULL;
}

int disk_set_aside(const struct instance *in, char **folder, struct err *e)
{
	*folder = NULL;
	if (disk_exists(in)) {
		*folder = make_folder(in, e);
		if (!*folder)
			return -1;
		if (transfer(in->dir, *folder, e) < 0) {
			disk_put_back(in, *folder);
			free(*folder);
			*folder = NULL;
			return -1;
		}
	}
	drop_images(in->dir);
	return 0;
}

void disk_put_back(const struct instance *in, const char *folder)
{
	struct err e = { 0 };

	/* A disk that is there has its image beside it, whichever it is: neither is touched. */
	if (!disk_exists(in)) {
		drop_images(in->dir);
		if (transfer(folder, in->dir, &e) < 0) {
			warn_msg("the old disk stays in %s: %s", folder, e.msg);
			return;
		}
	}
	/* Removes the folder only when no disk is in it. */
	if (!disk_exists_in(folder)) {
		drop_images(folder);
		rmdir(folder);
	}
}
