/* clone - see clone.h.
 *
 * A copy is made in $LIMA_HOME/_locks/NAME.new and renamed at the end; one that a killed run left is removed by the next. The source is
 * only read. An image beneath a disk never changes, so it gets a second name instead of a copy. */
#include "clone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "instance_files.h"
#include "oswatch.h"

#define DEPTH_MAX 64
#define CHUNK (4u << 20)

/* --- what is not taken along --- */

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

static bool listed(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

/* What belongs to a running machine. */
static bool transient(const char *name)
{
	static const char *const names[] = { F_PROTECTED, "swtpm", F_SSH_CONFIG, F_VNC_DISPLAY, F_VNC_PASSWORD, NULL };

	return listed(names, name) || ends_in(name, ".pid") || ends_in(name, ".sock") || ends_in(name, ".tmp");
}

static const char host_key_pub[] = F_HOST_KEY ".pub";

/* What has the name, the path or the key of the machine in it. */
static bool identity(const char *name)
{
	static const char *const names[] = { F_HOST_KEY, host_key_pub, F_KNOWN_HOSTS, F_QEMU_ARGV, F_CIDATA_ISO, F_INVENTORY,
					     F_CLOUD_CONFIG, D_MAKE, NULL };

	return listed(names, name);
}

/* What a log says is about the first machine. */
static bool of_its_own(const char *name)
{
	return identity(name) || ends_in(name, ".log");
}

/* What comes from the image, and is never written to. */
static bool of_image(const char *name)
{
	static const char *const names[] = { F_BASEDISK, F_KERNEL, F_KERNEL_CMDLINE, F_INITRD, NULL };

	return listed(names, name);
}

/* --- copying --- */

static int copy_range(int in, int out, off_t from, off_t to, char *chunk)
{
	while (from < to) {
		ssize_t n = pread(in, chunk, (size_t)(to - from < (off_t)CHUNK ? to - from : (off_t)CHUNK), from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? 0 : -1;
		if (lseek(out, from, SEEK_SET) < 0 || fd_write_all(out, chunk, (size_t)n) < 0)
			return -1;
		from += n;
	}
	return 0;
}

/* Data only: holes stay holes. */
static int copy_data(int in, int out, off_t size)
{
	char *chunk = xmalloc(CHUNK);
	off_t at = 0;
	int r = 0;

	while (r == 0 && at < size) {
		off_t data = lseek(in, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = at;
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			hole = size;
		r = copy_range(in, out, data, hole, chunk);
		at = hole;
	}
	if (r == 0)
		r = ftruncate(out, size);
	free(chunk);
	return r;
}

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	int in = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1, r = -1;

	if (in >= 0)
		out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out >= 0 && (file_share_blocks(in, out) || copy_data(in, out, st->st_size) == 0) &&
	    fchmod(out, st->st_mode & 07777) == 0 && fsync(out) == 0)
		r = 0;
	if (out >= 0 && close(out) < 0)
		r = -1;
	if (in >= 0)
		close(in);
	return r;
}

static int copy_link(int from, int to, const char *name)
{
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlinkat(target, to, name);
}

static int copy_tree(int from, int to, bool top, int depth);

static int copy_dir(int from, int to, const char *name, const struct stat *st, int depth)
{
	int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), out = -1, r = -1;

	if (in >= 0 && mkdirat(to, name, 0700) == 0)
		out = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (out >= 0) {
		r = copy_tree(in, out, false, depth + 1); /* takes `in` over */
		in = -1;
		if (r == 0)
			r = fchmod(out, st->st_mode & 07777);
		close(out);
	}
	if (in >= 0)
		close(in);
	return r;
}

static int copy_entry(int from, int to, const char *name, bool top, int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (top && of_image(name) && linkat(from, name, to, name, 0) == 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st);
	if (S_ISDIR(st.st_mode))
		return copy_dir(from, to, name, &st, depth);
	return S_ISLNK(st.st_mode) ? copy_link(from, to, name) : 0; /* sockets and the like stay behind */
}

/* The entries of a directory; closes `from`. -1 with errno. */
static int copy_tree(int from, int to, bool top, int depth)
{
	DIR *d = depth < DEPTH_MAX ? fdopendir(from) : NULL;
	struct dirent *de;
	int r = d ? 0 : -1;

	while (r == 0 && (de = readdir(d))) {
		const char *name = de->d_name;

		if (!strcmp(name, ".") || !strcmp(name, "..") || (top && (transient(name) || of_its_own(name))))
			continue;
		r = copy_entry(dirfd(d), to, name, top, depth);
	}
	if (d)
		closedir(d);
	else
		close(from);
	return r;
}

static int copy_into(const struct instance *from, const char *dir, struct err *e)
{
	int in = open(from->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), out = -1, r = -1;

	if (in >= 0 && mkdir(dir, 0700) == 0)
		out = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out >= 0) {
		r = copy_tree(in, out, true, 0);
		in = -1;
	}
	if (r < 0)
		err_sys(e, EXIT_IOERR, "cannot copy %s to %s", from->dir, dir);
	else
		r = dir_sync(dir, e);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return r;
}

int instance_clone(const struct instance *from, const struct instance *to, struct err *e)
{
	char *dir = xasprintf("%s/_locks/%s.new", to->home, to->name);
	struct err ignored = { 0 };
	int r = dir_remove(dir, e);

	if (r == 0)
		r = copy_into(from, dir, e);
	if (r == 0 && rename(dir, to->dir) < 0)
		r = err_sys(e, EXIT_IOERR, "cannot rename %s to %s", dir, to->dir);
	if (r == 0)
		r = dir_sync(to->home, e);
	else
		dir_remove(dir, &ignored);
	free(dir);
	return r;
}

/* --- another name --- */

/* The folder .make stays: what in it has the name is rewritten, and what the machine was built from is remembered. */
static bool goes(const char *name)
{
	return transient(name) || (identity(name) && strcmp(name, D_MAKE) != 0);
}

static void drop_old(const struct instance *in)
{
	DIR *d = opendir(in->dir);

	for (struct dirent *de; d && (de = readdir(d));)
		if (goes(de->d_name))
			unlinkat(dirfd(d), de->d_name, 0);
	if (d)
		closedir(d);
}

int instance_rename(const struct instance *from, const struct instance *to, struct err *e)
{
	char *lock = xasprintf("%s/_locks/%s", from->home, from->name);
	int r = 0;

	if (rename(from->dir, to->dir) < 0) {
		r = err_sys(e, EXIT_IOERR, "cannot rename %s to %s", from->dir, to->dir);
	} else {
		drop_old(to);
		unlink(lock); /* of a name that is free now; who waits for it notices */
		r = dir_sync(to->home, e);
	}
	free(lock);
	return r;
}
