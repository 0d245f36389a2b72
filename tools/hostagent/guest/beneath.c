/* beneath - see beneath.h. Each part of the path is opened by itself, from the folder before it, so there is nothing that could be
 * swapped between a look and a use. */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

/* Opens the folder of `rest` below `root`, without following a link. *name is the last part. */
static int open_folder(const char *root, const char *rest, bool make, const char **name, struct err *e)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && strchr(rest, '/')) {
		char part[NAME_MAX + 1];
		size_t n = strcspn(rest, "/");
		int next;

		snprintf(part, sizeof(part), "%.*s", (int)n, rest);
		rest += n + strspn(rest + n, "/");
		if (n > NAME_MAX || !strcmp(part, "..") || !strcmp(part, ".")) {
			close(fd);
			return err_set(e, EXIT_BADDATA, "the part '%s' of the path is not usable", part);
		}
		if (make)
			mkdirat(fd, part, 0700);
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	*name = rest;
	return fd < 0 ? err_sys(e, EXIT_CANTCREATE, "cannot open the folder in %s", root) : fd;
}

int beneath_write(const char *root, const char *rest, const void *data, size_t n, struct err *e)
{
	char tmp[64];
	const char *name;
	int dir = open_folder(root, rest, true, &name, e), fd, r = -1;

	if (dir < 0)
		return -1;
	snprintf(tmp, sizeof(tmp), ".lima.tmp.%ld", (long)getpid());
	unlinkat(dir, tmp, 0); /* left by one that was killed */
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		r = fd_write_all(fd, data, n);
		if (close(fd) < 0 || r < 0 || renameat(dir, tmp, dir, name) < 0)
			r = -1;
	}
	if (r < 0) {
		err_sys(e, EXIT_CANTCREATE, "cannot write %s/%s", root, rest);
		unlinkat(dir, tmp, 0);
	}
	close(dir);
	return r;
}

int beneath_unlink(const char *root, const char *rest, struct err *e)
{
	const char *name;
	int dir = open_folder(root, rest, false, &name, e), r;

	if (dir < 0)
		return -1;
	r = unlinkat(dir, name, 0);
	close(dir);
	return r < 0 && errno != ENOENT ? err_sys(e, EXIT_NO, "cannot remove %s/%s", root, rest) : 0;
}
