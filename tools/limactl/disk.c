/* disk - see disk.h. A disk's image is made under another name and gets its own by link(2), which never replaces one. */
#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "log.h"
#include "name.h"
#include "spawn.h"

#define FORMAT_MAX 64
#define COPY_BLOCK (1u << 20)
#define QCOW2_SIZE_AT 24 /* docs/interop/qcow2.txt of QEMU */

static const char *const folders[] = { "_disk", "_disks" };

/* --- finding --- */

static bool find(const char *home, const char *name, struct disk *d)
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		d->dir = xasprintf("%s/%s/%s", home, folders[i], name);
		d->path = path_join(d->dir, F_DATADISK);
		if (path_exists(d->path))
			return true;
		free(d->dir);
		free(d->path);
	}
	d->dir = d->path = NULL;
	return false;
}

/* What DIR/format says; NULL when it says nothing. */
static const char *written_format(const char *dir)
{
	char *path = path_join(dir, F_FORMAT);
	struct err ignored = { 0 };
	struct buf text = { 0 };
	const char *format = NULL;

	if (path_exists(path) && file_read(path, FORMAT_MAX, &text, &ignored) == 0)
		format = !strncmp(buf_str(&text), "qcow2", 5) ? "qcow2" : !strncmp(buf_str(&text), "raw", 3) ? "raw" : NULL;
	buf_free(&text);
	free(path);
	return format;
}

static int read_image(struct disk *d, struct err *e)
{
	unsigned char head[32] = { 0 };
	int fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || pread(fd, head, sizeof(head), 0) < 0) {
		err_sys(e, EXIT_IOERR, "cannot read %s", d->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	d->format = written_format(d->dir);
	if (!d->format)
		d->format = memcmp(head, "QFI\xfb", 4) ? "raw" : "qcow2";
	d->size = (uint64_t)st.st_size;
	if (!strcmp(d->format, "qcow2")) {
		d->size = 0;
		for (int i = QCOW2_SIZE_AT; i < QCOW2_SIZE_AT + 8; i++)
			d->size = d->size << 8 | head[i];
	}
	return 0;
}

static void read_mark(struct disk *d)
{
	char *mark = path_join(d->dir, F_IN_USE_BY), target[PATH_MAX];
	ssize_t n = readlink(mark, target, sizeof(target) - 1);

	free(mark);
	if (n < 0)
		return;
	d->user_dir = xstrndup(target, (size_t)n);
	d->user = xstrdup(strrchr(d->user_dir, '/') ? strrchr(d->user_dir, '/') + 1 : d->user_dir);
}

int disk_open(const char *name, struct disk *d, struct err *e)
{
	char *home;
	int r = -1;

	*d = (struct disk){ 0 };
	if (name_check(name, "the disk's name", e) < 0)
		return -1;
	home = dirs_home(e);
	if (!home)
		return -1;
	if (!find(home, name, d)) {
		err_set(e, EXIT_NO, "disk %s does not exists", q(name));
	} else {
		d->name = xstrdup(name);
		read_mark(d);
		r = read_image(d, e);
	}
	free(home);
	if (r < 0)
		disk_close(d);
	return r;
}

void disk_close(struct disk *d)
{
	free(d->name);
	free(d->dir);
	free(d->path);
	free(d->user_dir);
	free(d->user);
	*d = (struct disk){ 0 };
}

bool disk_exists_named(const char *name)
{
	struct err ignored = { 0 };
	struct disk d = { 0 };
	char *home = name_check(name, "", &ignored) == 0 ? dirs_home(&ignored) : NULL;
	bool there = home && find(home, name, &d);

	disk_close(&d);
	free(home);
	return there;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_names(const char *home, const char *folder, struct strv *names)
{
	char *path = path_join(home, folder);
	DIR *d = opendir(path);

	free(path);
	if (!d)
		return;
	for (const struct dirent *de; (de = readdir(d));)
		if (disk_exists_named(de->d_name))
			strv_add(names, de->d_name);
	closedir(d);
}

int disk_names(struct strv *names, struct err *e)
{
	char *home = dirs_home(e);
	struct strv all = { 0 };

	if (!home)
		return -1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		add_names(home, folders[i], &all);
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), compare);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0)
			strv_add(names, all.v[i]);
	strv_free(&all);
	free(home);
	return 0;
}

/* --- making --- */

static int make_in(const char *dir, const char *name, const char *format,
		   int (*fill)(const char *path, void *arg, struct err *e), void *arg, struct err *e)
{
	char *tmp = xasprintf("%s/.%s.tmp.%ld.0", dir, F_DATADISK, (long)getpid()), *path = path_join(dir, F_DATADISK);
	char *format_path = path_join(dir, F_FORMAT), *line = xasprintf("%s\n", format);
	int r;

	tmp_sweep(dir);
	r = fill(tmp, arg, e);
	if (r == 0)
		chmod(tmp, 0600);
	if (r == 0)
		r = file_write(format_path, line, strlen(line), 0600, e);
	if (r == 0 && link(tmp, path) < 0)
		r = errno == EEXIST ? err_set(e, EXIT_NO, "disk %s already exists (%s)", q(name), q(dir)) :
				      err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
	if (r == 0)
		r = dir_sync(dir, e);
	unlink(tmp);
	free(line);
	free(format_path);
	free(path);
	free(tmp);
	return r;
}

int disk_make(const char *name, unsigned mode, const char *format, int (*fill)(const char *path, void *arg, struct err *e), void *arg,
	      char **dir, struct err *e)
{
	struct disk old = { 0 };
	char *home;
	int r = -1;

	if (name_check(name, "the disk's name", e) < 0 || !(home = dirs_home(e)))
		return -1;
	*dir = xasprintf("%s/_disk/%s", home, name);
	if (find(home, name, &old)) {
		err_set(e, EXIT_NO, "disk %s already exists (%s)", q(name), q(old.dir));
	} else if (dir_make(home, 0700, e) == 0 && dir_make(*dir, 0700, e) == 0) {
		r = chmod(*dir, mode) < 0 ? err_sys(e, EXIT_CANTCREATE, "cannot create %s", *dir) :
					    make_in(*dir, name, format, fill, arg, e);
		/* Only when it holds no disk: somebody else may have made one meanwhile. */
		if (r < 0 && !find(home, name, &old)) {
			struct err ignored = { 0 };

			dir_remove(*dir, &ignored);
		}
	}
	disk_close(&old);
	free(home);
	if (r < 0) {
		free(*dir);
		*dir = NULL;
	}
	return r;
}

int disk_qemu_img(char *const *argv, struct buf *out, struct err *e)
{
	struct buf said = { 0 };
	int status = 0, r = spawn_run(argv, out ? out : &said, &said, &status, e);

	if (r < 0)
		err_wrap(e, "this needs qemu-img (package qemu-utils)");
	else if (status != 0)
		r = err_set(e, EXIT_IOERR, "%s %s: %.*s", argv[0], argv[1], (int)strcspn(buf_str(&said), "\n"), buf_str(&said));
	buf_free(&said);
	return r;
}

/* The bytes from..to. */
static int copy_part(int in, int out, off_t from, off_t to, char *block)
{
	while (from < to) {
		size_t want = to - from < COPY_BLOCK ? (size_t)(to - from) : COPY_BLOCK;
		ssize_t got = pread(in, block, want, from);

		if (got <= 0 || lseek(out, from, SEEK_SET) < 0 || fd_write_all(out, block, (size_t)got) < 0)
			return -1;
		from += got;
	}
	return 0;
}

static int copy_data(int in, int out)
{
	char *block = xmalloc(COPY_BLOCK);
	struct stat st;
	off_t at = 0;
	int r = fstat(in, &st);

	if (r == 0)
		r = ftruncate(out, st.st_size);
	while (r == 0 && at < st.st_size) {
		off_t data = lseek(in, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO) /* nothing but a hole is left */
			break;
		hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
		if (hole < 0) { /* the file system cannot say */
			data = at;
			hole = st.st_size;
		}
		r = copy_part(in, out, data, hole, block);
		at = hole;
	}
	free(block);
	return r == 0 ? fsync(out) : r;
}

int disk_copy(int from, const char *to, struct err *e)
{
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;

	if (out < 0)
		return err_sys(e, EXIT_CANTCREATE, "cannot create %s", to);
	if (ioctl(out, FICLONE, from) < 0)
		r = copy_data(from, out);
	if (r < 0)
		err_sys(e, EXIT_IOERR, "cannot copy to %s", to);
	close(out);
	return r;
}
