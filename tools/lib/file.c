/* file - see file.h. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_read_all(int fd, const char *name, size_t max, struct buf *out, struct err *e)
{
	size_t start = out->len;
	char chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, EXIT_IOERR, "cannot read %s", name);
		if (n == 0)
			return 0;
		if (out->len - start + (size_t)n > max)
			return err_set(e, EXIT_BADDATA, "%s is larger than %zu bytes", name, max);
		buf_add(out, chunk, (size_t)n);
	}
}

int file_read(const char *path, size_t max, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return err_sys(e, errno == ENOENT ? EXIT_NO : EXIT_IOERR, "cannot open %s", path);
	r = fd_read_all(fd, path, max, out, e);
	close(fd);
	return r;
}

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

int file_begin(const char *path, struct tmpfile *t, struct err *e)
{
	static unsigned counter;
	char *dir = dir_of(path);
	const char *slash = strrchr(path, '/');

	t->path = xstrdup(path);
	t->tmp = xasprintf("%s/.%s.tmp.%ld.%u", dir, slash ? slash + 1 : path, (long)getpid(), counter++);
	free(dir);
	t->fd = open(t->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (t->fd >= 0)
		return 0;
	err_sys(e, EXIT_CANTCREATE, "cannot create %s", t->tmp);
	free(t->tmp);
	free(t->path);
	*t = (struct tmpfile){ .fd = -1 };
	return -1;
}

static void release(struct tmpfile *t)
{
	free(t->tmp);
	free(t->path);
	*t = (struct tmpfile){ .fd = -1 };
}

void file_abort(struct tmpfile *t)
{
	if (!t->tmp)
		return;
	if (t->fd >= 0)
		close(t->fd);
	unlink(t->tmp);
	release(t);
}

int file_commit(struct tmpfile *t, mode_t mode, struct err *e)
{
	if (fchmod(t->fd, mode) < 0 || fsync(t->fd) < 0) {
		err_sys(e, EXIT_IOERR, "cannot write %s", t->path);
		file_abort(t);
		return -1;
	}
	if (close(t->fd) < 0) {
		t->fd = -1;
		err_sys(e, EXIT_IOERR, "cannot write %s", t->path);
		file_abort(t);
		return -1;
	}
	t->fd = -1;
	if (rename(t->tmp, t->path) < 0) {
		err_sys(e, EXIT_CANTCREATE, "cannot rename %s to %s", t->tmp, t->path);
		file_abort(t);
		return -1;
	}
	release(t);
	return 0;
}

int file_write(const char *path, const void *data, size_t n, mode_t mode, struct err *e)
{
	struct tmpfile t;

	if (file_begin(path, &t, e) < 0)
		return -1;
	if (fd_write_all(t.fd, data, n) < 0) {
		err_sys(e, EXIT_IOERR, "cannot write %s", path);
		file_abort(&t);
		return -1;
	}
	return file_commit(&t, mode, e);
}

static bool same_content(const char *path, const void *data, size_t n, mode_t mode)
{
	struct err ignored = { 0 };
	struct buf old = { 0 };
	struct stat st;
	bool same;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07777) != mode ||
	    (size_t)st.st_size != n)
		return false;
	same = file_read(path, n, &old, &ignored) == 0 && old.len == n && (n == 0 || !memcmp(old.data, data, n));
	buf_free(&old);
	return same;
}

int file_write_if_changed(const char *path, const void *data, size_t n, mode_t mode, bool *changed, struct err *e)
{
	bool same = same_content(path, data, n, mode);

	if (changed)
		*changed = !same;
	return same ? 0 : file_write(path, data, n, mode, e);
}

int dir_make(const char *path, mode_t mode, struct err *e)
{
	struct stat st;
	char *parent;
	int r;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (errno != ENOENT)
		return err_sys(e, EXIT_CANTCREATE, "cannot create the directory %s", path);
	parent = dir_of(path);
	r = dir_make(parent, mode, e);
	free(parent);
	if (r < 0)
		return -1;
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_sys(e, EXIT_CANTCREATE, "cannot create the directory %s", path);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int dir_remove(const char *path, struct err *e)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		return err_sys(e, EXIT_IOERR, "cannot remove %s", path);
	return 0;
}

int dir_sync(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : fsync(fd);

	if (r < 0)
		err_sys(e, EXIT_IOERR, "cannot flush %s", path);
	if (fd >= 0)
		close(fd);
	return r;
}

/* A process that was killed is dead for us before its parent has taken note of it (state Z in /proc/PID/stat). */
static bool process_lives(pid_t pid)
{
	char path[64], text[512], *state;
	ssize_t n;
	int fd;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	state = strrchr(text, ')');
	return !state || state[1] != ' ' || state[2] != 'Z';
}

void tmp_sweep(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d))) {
		const char *mark = strstr(de->d_name, ".tmp.");
		long pid;

		if (de->d_name[0] != '.' || !mark || sscanf(mark, ".tmp.%ld.", &pid) != 1 || pid <= 0)
			continue;
		if (!process_lives((pid_t)pid))
			unlinkat(dirfd(d), de->d_name, 0);
	}
	if (d)
		closedir(d);
}

bool path_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

char *path_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	return xasprintf("%s%s%s", dir, n && dir[n - 1] == '/' ? "" : "/", name);
}
