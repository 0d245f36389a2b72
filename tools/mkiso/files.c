/* files - see files.h. The walk goes from descriptor to descriptor, so that it cannot leave the tree. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "utf8.h"

/* Where the walk is. */
struct walk {
	const char *root;
	const struct stat *out;
	struct files *f;
};

static int check_name(const struct walk *w, const char *path, const char *name, struct err *e)
{
	size_t left = strlen(name), chars = 0, n;
	uint32_t c;

	for (const char *s = name; left; s += n, left -= n, chars++) {
		n = utf8_next(s, left, &c);
		if (!n || c < 0x20 || c == 0x7f)
			return err_set(e, EXIT_BADDATA, "%s/%s: its name has bytes that are no UTF-8 text; rename it",
				       w->root, path);
	}
	if (chars > NAME_CHARS_MAX)
		return err_set(e, EXIT_BADDATA,
			       "%s/%s: its name has %zu characters, at most %d are allowed; shorten it", w->root, path,
			       chars, NAME_CHARS_MAX);
	return 0;
}

static const char *kind(mode_t mode)
{
	if (S_ISLNK(mode))
		return "a symbolic link";
	return S_ISFIFO(mode) ? "a fifo" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static int check_entry(const struct walk *w, const char *path, const struct stat *st, struct err *e)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return err_set(e, EXIT_BADDATA, "%s/%s: %s; only files and directories can be in the image", w->root,
			       path, kind(st->st_mode));
	if (S_ISREG(st->st_mode) && st->st_size > FILE_BYTES_MAX)
		return err_set(e, EXIT_BADDATA, "%s/%s: %lld bytes; at most %lld are allowed", w->root, path,
			       (long long)st->st_size, FILE_BYTES_MAX);
	if (w->f->n >= FILES_MAX)
		return err_set(e, EXIT_BADDATA, "%s: more than %u files", w->root, FILES_MAX);
	if (w->out && w->out->st_dev == st->st_dev && w->out->st_ino == st->st_ino)
		return err_set(e, EXIT_USAGE, "%s/%s is the image itself; write it somewhere else", w->root, path);
	return 0;
}

/* Takes the path over. */
static void add(struct files *f, char *path, size_t parent, const struct stat *st)
{
	const char *slash = strrchr(path, '/');

	/* Grows by doubling at the powers of 2. */
	if ((f->n & (f->n - 1)) == 0)
		f->file = xrealloc(f->file, (f->n ? 2 * f->n : 1) * sizeof(*f->file));
	f->file[f->n++] = (struct file){
		.path = path,
		.name = slash ? slash + 1 : path,
		.parent = parent,
		.dir = S_ISDIR(st->st_mode),
		.exec = st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH),
		.size = S_ISREG(st->st_mode) ? st->st_size : 0,
	};
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in an open directory, sorted. Takes the descriptor over. */
static int list(int fd, const struct walk *w, const char *path, struct strv *names, struct err *e)
{
	DIR *d = fdopendir(fd);
	const struct dirent *entry;

	if (!d) {
		close(fd);
		return err_sys(e, EXIT_IOERR, "cannot read %s/%s", w->root, path);
	}
	errno = 0;
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			strv_add(names, entry->d_name);
	if (errno) {
		err_sys(e, EXIT_IOERR, "cannot read %s/%s", w->root, path);
		closedir(d);
		return -1;
	}
	closedir(d);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_bytes);
	return 0;
}

static int walk_dir(struct walk *w, int fd, size_t self, int depth, struct err *e);

static int walk_entry(struct walk *w, int dir_fd, size_t parent, const char *name, int depth, struct err *e)
{
	const char *above = w->f->file[parent].path;
	char *path = *above ? xasprintf("%s/%s", above, name) : xstrdup(name);
	struct stat st;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		err_sys(e, EXIT_IOERR, "cannot read %s/%s", w->root, path);
		free(path);
		return -1;
	}
	if (check_entry(w, path, &st, e) < 0 || check_name(w, path, name, e) < 0) {
		free(path);
		return -1;
	}
	add(w->f, path, parent, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (depth >= DEPTH_MAX)
		return err_set(e, EXIT_BADDATA, "%s/%s: directories may be at most %d levels deep", w->root, path,
			       DEPTH_MAX - 1);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, EXIT_IOERR, "cannot read %s/%s", w->root, path);
	return walk_dir(w, fd, w->f->n - 1, depth + 1, e);
}

/* Adds what is in the directory `self`. `depth` counts the levels, the root's being 1. Takes fd over. */
static int walk_dir(struct walk *w, int fd, size_t self, int depth, struct err *e)
{
	struct strv names = { 0 };
	int at = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	int r = list(fd, w, w->f->file[self].path, &names, e);

	if (r == 0 && at < 0)
		r = err_sys(e, EXIT_IOERR, "cannot read %s", w->root);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = walk_entry(w, at, self, names.v[i], depth, e);
	if (at >= 0)
		close(at);
	strv_free(&names);
	return r;
}

int files_read(const char *dir, const struct stat *out, struct files *f, struct err *e)
{
	struct walk w = { .root = dir, .out = out, .f = f };
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*f = (struct files){ .root = dir, .fd = fd };
	if (fd < 0)
		return err_sys(e, errno == ENOENT ? EXIT_NO : EXIT_IOERR, "cannot open the directory %s", dir);
	if (fstat(fd, &st) < 0)
		return err_sys(e, EXIT_IOERR, "cannot read %s", dir);
	add(f, xstrdup(""), 0, &st);
	fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, EXIT_IOERR, "cannot read %s", dir);
	return walk_dir(&w, fd, 0, 1, e);
}

void files_free(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->file[i].path);
	free(f->file);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct files){ .fd = -1 };
}
