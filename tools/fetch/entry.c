/* entry - see entry.h. */
#include "entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirs.h"
#include "fetch/intr.h"
#include "file.h"
#include "sha.h"

#define SMALL_FILE_MAX 16384u

static const char by_url[] = "download/by-url-sha256";

char *entry_root(struct err *e)
{
	char *cache = dirs_cache(e), *root;

	if (!cache)
		return NULL;
	root = path_join(cache, by_url);
	free(cache);
	return root;
}

/* Whoever can write to a directory of the cache decides what we boot. */
static int check_owner(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, EXIT_IOERR, "cannot look at %s", path);
	if (st.st_uid != geteuid())
		return err_set(e, EXIT_CANTCREATE,
			       "the cache folder %s belongs to user %lu, not to %lu; choose another XDG_CACHE_HOME",
			       path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	if (st.st_mode & 022)
		return err_set(e, EXIT_CANTCREATE, "others may write to the cache folder %s; run: chmod go-w '%s'",
			       path, path);
	return 0;
}

/* A prune may remove what was there a moment ago. Then it is made again, but not for ever. */
#define VANISHED (-2)
#define RACES_MAX 1000

static int open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		int gone = errno == ENOENT;

		err_sys(e, EXIT_CANTCREATE, "cannot open the cache folder %s", path);
		return gone ? VANISHED : -1;
	}
	if (check_owner(fd, path, e) == 0)
		return fd;
	close(fd);
	return -1;
}

static int make_dir(const char *path, struct err *e)
{
	int fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		int gone = errno == ENOENT;

		err_sys(e, EXIT_CANTCREATE, "cannot create the cache folder %s", path);
		return gone ? VANISHED : -1;
	}
	fd = open_dir(path, e);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* Makes and checks CACHE, CACHE/download and CACHE/download/by-url-sha256. */
static int make_root(struct err *e)
{
	char *path = dirs_cache(e), *above;
	int r;

	if (!path)
		return -1;
	above = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	r = *above ? dir_make(above, 0700, e) : 0;
	free(above);
	for (const char *const *below = (const char *const[]){ NULL, "download", "by-url-sha256", NULL };; below++) {
		if (r == 0)
			r = make_dir(path, e);
		if (!below[1])
			break;
		above = path;
		path = path_join(above, below[1]);
		free(above);
	}
	free(path);
	return r;
}

static int wait_for(int fd, const char *shown, bool quiet, struct err *e)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK && !shown)
		return err_set(e, EXIT_TRYAGAIN, "another process uses it");
	if (errno == EWOULDBLOCK && !quiet)
		warn_msg("another process is fetching %s; waiting for it", shown);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return err_sys(e, EXIT_IOERR, "cannot lock the cache entry of %s", shown);
		if (intr_check(e) < 0)
			return -1;
	}
	return 0;
}

/* Locks the directory that stands at `dir` when the lock is ours: a prune may remove the one that was waited for. */
static int lock_dir(const char *dir, const char *shown, bool quiet, struct err *e)
{
	struct stat held, now;
	int fd = open_dir(dir, e);

	if (fd < 0)
		return fd;
	if (wait_for(fd, shown, quiet, e) < 0) {
		close(fd);
		return -1;
	}
	if (fstat(fd, &held) == 0 && lstat(dir, &now) == 0 && held.st_ino == now.st_ino && held.st_dev == now.st_dev)
		return fd;
	close(fd);
	err_set(e, EXIT_TRYAGAIN, "another process removed it");
	return VANISHED;
}

static int make_and_lock(const char *dir, const char *shown, bool quiet, struct err *e)
{
	int fd = VANISHED;

	for (int i = 0; fd == VANISHED && i < RACES_MAX; i++) {
		int r = make_root(e);

		if (r == 0)
			r = make_dir(dir, e);
		fd = r < 0 ? r : lock_dir(dir, shown, quiet, e);
	}
	return fd;
}

int entry_open(const char *url, const char *shown, bool quiet, struct entry *en, struct err *e)
{
	char hex[SHA_HEX_SIZE];
	char *root = entry_root(e);

	*en = (struct entry){ .fd = -1 };
	if (!root)
		return -1;
	sha_hex(SHA_256, url, strlen(url), hex);
	en->dir = path_join(root, hex);
	en->url = xstrdup(url);
	en->fd = make_and_lock(en->dir, shown, quiet, e);
	free(root);
	if (en->fd < 0) {
		entry_close(en);
		return -1;
	}
	entry_sweep(en, false);
	return 0;
}

int entry_open_dir(const char *dir, struct entry *en, struct err *e)
{
	struct buf url = { 0 };

	*en = (struct entry){ .dir = xstrdup(dir), .fd = -1 };
	en->fd = lock_dir(dir, NULL, true, e);
	if (en->fd < 0) {
		entry_close(en);
		return -1;
	}
	entry_read(en, E_URL, &url);
	en->url = buf_detach(&url);
	return 0;
}

void entry_close(struct entry *en)
{
	if (en->fd >= 0)
		close(en->fd);
	free(en->dir);
	free(en->url);
	*en = (struct entry){ .fd = -1 };
}

char *entry_path(const struct entry *en, const char *name)
{
	return path_join(en->dir, name);
}

int entry_open_file(const struct entry *en, const char *name, bool *missing, struct err *e)
{
	/* O_NONBLOCK: opening a fifo must not wait for a writer. */
	int fd = openat(en->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	*missing = fd < 0 && errno == ENOENT;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	if (fd >= 0) {
		close(fd);
		return err_set(e, EXIT_BADDATA, "%s/%s is not a regular file; remove it", en->dir, name);
	}
	return *missing ? -1 : err_sys(e, EXIT_IOERR, "cannot open %s/%s", en->dir, name);
}

int entry_read(const struct entry *en, const char *name, struct buf *out)
{
	struct err ignored = { 0 };
	bool missing;
	int fd = entry_open_file(en, name, &missing, &ignored);
	int r;

	if (fd < 0)
		return -1;
	r = fd_read_all(fd, name, SMALL_FILE_MAX, out, &ignored);
	close(fd);
	return r;
}

int entry_write(const struct entry *en, const char *name, const char *text, struct err *e)
{
	char *path = entry_path(en, name);
	int r = file_write(path, text, strlen(text), 0644, e);

	free(path);
	return r;
}

void entry_unlink(const struct entry *en, const char *name)
{
	unlinkat(en->fd, name, 0);
}

/* A build folder carries the pid of its maker. We hold the lock, so a maker that lives is not building any more. */
static void remove_builds(const struct entry *en)
{
	DIR *d = opendir(en->dir);
	struct err ignored = { 0 };
	struct dirent *de;

	while (d && (de = readdir(d))) {
		char *path;

		if (strncmp(de->d_name, E_BUILD, strlen(E_BUILD)) && strncmp(de->d_name, "data.tmp.", 9))
			continue;
		path = entry_path(en, de->d_name);
		dir_remove(path, &ignored);
		free(path);
	}
	if (d)
		closedir(d);
}

void entry_sweep(const struct entry *en, bool partial)
{
	tmp_sweep(en->dir);
	remove_builds(en);
	if (partial)
		entry_unlink(en, E_PART);
	if (faccessat(en->fd, E_PART, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		entry_unlink(en, E_PART_CONF);
}
