/* place - see place.h. */
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#include <sys/ioctl.h>
#endif

#include "buf.h"
#include "fetch/unpack.h"
#include "file.h"
#include "image_header.h"
#include "progress.h"

/* The number of the temporary link in its name; those of file_begin count from 0. */
#define LINK_COUNTER 1000000u

void source_free(struct source *s)
{
	if (s->path && s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->location);
	*s = (struct source){ .fd = -1 };
}

/* What a killed run left of this file: ".NAME.tmp.PID.N". Others' files in the folder are not ours to judge. */
static void sweep(const char *dir, const char *name)
{
	char *prefix = xasprintf(".%s.tmp.", name);
	size_t n = strlen(prefix);
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d))) {
		long pid;
		unsigned counter;
		char rest;

		if (strncmp(de->d_name, prefix, n) || sscanf(de->d_name + n, "%ld.%u%c", &pid, &counter, &rest) != 2)
			continue;
		if (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(d), de->d_name, 0);
	}
	if (d)
		closedir(d);
	free(prefix);
}

static void sweep_beside(const char *dest)
{
	const char *slash = strrchr(dest, '/');
	char *dir = !slash ? xstrdup(".") : slash == dest ? xstrdup("/") : xstrndup(dest, (size_t)(slash - dest));

	sweep(dir, slash ? slash + 1 : dest);
	free(dir);
}

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* A hard link under a temporary name, renamed. Returns 1 when it was made, 0 when it cannot be and a copy must do. */
static int place_link(const struct source *src, const char *dest, struct err *e)
{
	const char *slash = strrchr(dest, '/');
	int dir_len = slash ? (int)(slash - dest) + 1 : 0;
	char *tmp = xasprintf("%.*s.%s.tmp.%ld.%u", dir_len, dest, dest + dir_len, (long)getpid(), LINK_COUNTER);
	struct stat held, there, linked;
	int r = 0;

	if (fstat(src->fd, &held) < 0)
		goto out;
	/* rename(2) does nothing when both names are the same file already. */
	if (lstat(dest, &there) == 0 && same_inode(&held, &there)) {
		r = 1;
		goto out;
	}
	unlink(tmp);
	if (link(src->path, tmp) < 0)
		goto out;
	/* The cache may have been pruned and filled again since the file was opened. */
	if (lstat(tmp, &linked) == 0 && same_inode(&held, &linked)) {
		r = 1;
		if (rename(tmp, dest) < 0)
			r = err_sys(e, EXIT_CANTCREATE, "cannot create %s", dest);
	}
	unlink(tmp);
out:
	free(tmp);
	return r;
}

static bool reflink(int in, int out)
{
#ifdef FICLONE
	return ioctl(out, FICLONE, in) == 0;
#else
	(void)in;
	(void)out;
	return false;
#endif
}

static int fill(const struct source *src, int out, enum pack pack, const struct place *how, struct err *e)
{
	struct progress *p;
	char *what;
	int r;

	if (pack == PACK_NONE && reflink(src->fd, out))
		return 0;
	what = xasprintf("%s %s", pack == PACK_NONE ? "copying" : "unpacking", src->location);
	p = progress_start(what, how->quiet || pack == PACK_NONE);
	r = unpack(src->fd, out, pack, how->max_size, src->location, p, e);
	progress_end(p, r == 0);
	free(what);
	return r;
}

static int check_image(int fd, const struct source *src, const struct place *how, struct err *e)
{
	struct image_info ignored;

	return how->image ? image_check_fd(fd, src->location, &ignored, e) : 0;
}

int place(const struct source *src, const char *dest, const struct place *how, struct err *e)
{
	enum pack pack = how->decompress ? pack_of(src->location, src->fd) : PACK_NONE;
	struct tmpfile t;
	int r = 0;

	sweep_beside(dest);
	if (pack == PACK_NONE && check_image(src->fd, src, how, e) < 0)
		return -1;
	if (pack == PACK_NONE && src->cached)
		r = place_link(src, dest, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (file_begin(dest, &t, e) < 0)
		return -1;
	if (fill(src, t.fd, pack, how, e) == 0 && check_image(t.fd, src, how, e) == 0)
		return file_commit(&t, 0444, e);
	file_abort(&t);
	return -1;
}
