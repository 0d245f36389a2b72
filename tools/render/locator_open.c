/* locator_open - opening template files: regular files only, and nothing outside of a template folder.
 *
 * Linux resolves a path beneath a folder by itself (openat2). Elsewhere, and on old kernels, the path with all symbolic
 * links resolved must start with that of the folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#include "file.h"
#include "locator_priv.h"

/* Non-blocking, so that a fifo without a writer does not hold us before fstat can tell what it is. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static int refuse_kind(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, EXIT_IOERR, "cannot look at %s", path);
	if (S_ISREG(st.st_mode))
		return 0;
	return err_set(e, EXIT_BADDATA, "%s is %s, not a regular file", path,
		       S_ISDIR(st.st_mode)    ? "a directory"
		       : S_ISFIFO(st.st_mode) ? "a fifo"
					      : "a device or socket");
}

static int only_regular(int fd, const char *path, struct err *e)
{
	if (refuse_kind(fd, path, e) == 0)
		return fd;
	close(fd);
	return -1;
}

int locator_open(const char *path, struct err *e)
{
	int fd = open(path, OPEN_FLAGS);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, EXIT_NO, "there is no file %s", path);
	if (fd < 0)
		return err_sys(e, EXIT_IOERR, "cannot open %s", path);
	return only_regular(fd, path, e);
}

static int outside(const char *root, const char *rel, struct err *e)
{
	return err_set(e, EXIT_BADDATA, "%s/%s is a symbolic link that leads out of %s", root, rel, root);
}

static int open_resolved(const char *root, const char *rel, struct err *e)
{
	char folder[PATH_MAX], file[PATH_MAX];
	char *path = path_join(root, rel);
	bool found = realpath(root, folder) && realpath(path, file);
	size_t n = found ? strlen(folder) : 0;
	int fd = -1;

	if (!found && (errno == ENOENT || errno == ENOTDIR))
		err_set(e, EXIT_NO, "there is no file %s", path);
	else if (!found)
		err_sys(e, EXIT_IOERR, "cannot open %s", path);
	else if (strncmp(folder, file, n) || (n > 1 && file[n] != '/'))
		outside(root, rel, e);
	else
		fd = locator_open(file, e);
	free(path);
	return fd;
}

#ifdef __linux__
static int open_beneath(int dir, const char *rel)
{
	struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, dir, rel, &how, sizeof(how));
}

int locator_open_beneath(const char *root, const char *rel, struct err *e)
{
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : open_beneath(dir, rel);
	int why = errno;
	char *path;

	if (dir >= 0)
		close(dir);
	if (fd < 0 && (why == ENOSYS || why == EPERM))
		return open_resolved(root, rel, e);
	if (fd < 0 && why == EXDEV)
		return outside(root, rel, e);
	path = path_join(root, rel);
	errno = why;
	if (fd >= 0)
		fd = only_regular(fd, path, e);
	else if (why == ENOENT || why == ENOTDIR)
		err_set(e, EXIT_NO, "there is no file %s", path);
	else
		err_sys(e, EXIT_IOERR, "cannot open %s", path);
	free(path);
	return fd;
}
#else
int locator_open_beneath(const char *root, const char *rel, struct err *e)
{
	return open_resolved(root, rel, e);
}
#endif
