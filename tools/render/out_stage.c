/* out_stage - see out_stage.h. */
#include "out_stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "sha.h"

#define STAGE_DEPTH_MAX 8

void stage_add(struct stage *s, const char *path, struct buf *data, mode_t mode)
{
	s->file = xrealloc(s->file, (s->n + 1) * sizeof(*s->file));
	s->file[s->n++] = (struct stage_file){ xstrdup(path), *data, mode };
	*data = (struct buf){ 0 };
}

int stage_add_file(struct stage *s, const char *path, const char *from, size_t max, bool exec, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct buf data = { 0 };

	if (strlen(slash ? slash + 1 : path) > STAGE_NAME_MAX)
		return err_set(e, EXIT_INTERNAL, "%s: the name is longer than %d characters", from, STAGE_NAME_MAX);
	if (file_read(from, max, &data, e) < 0) {
		buf_free(&data);
		return -1;
	}
	if (data.len >= 4)
		exec |= !memcmp(data.data, "#!", 2) || !memcmp(data.data, "\177ELF", 4);
	stage_add(s, path, &data, exec ? 0700 : 0600);
	return 0;
}

static int wanted(const struct dirent *de)
{
	size_t n = strlen(de->d_name);

	return de->d_name[0] != '.' && de->d_name[n - 1] != '~';
}

static int add_below(struct stage *s, const char *path, const char *from, size_t max, int depth, struct err *e)
{
	struct dirent **list = NULL;
	int n = scandir(from, &list, wanted, alphasort), r = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : err_sys(e, EXIT_UNAVAIL, "cannot read %s", from);
	for (int i = 0; i < n; i++) {
		char *to = path_join(path, list[i]->d_name), *source = path_join(from, list[i]->d_name);
		struct stat st;

		if (r == 0 && stat(source, &st) < 0)
			r = err_sys(e, EXIT_UNAVAIL, "cannot read %s", source);
		else if (r == 0 && S_ISREG(st.st_mode))
			r = stage_add_file(s, to, source, max, false, e);
		else if (r == 0 && S_ISDIR(st.st_mode) && depth < STAGE_DEPTH_MAX)
			r = add_below(s, to, source, max, depth + 1, e);
		free(source);
		free(to);
		free(list[i]);
	}
	free(list);
	return r;
}

int stage_add_dir(struct stage *s, const char *path, const char *from, size_t max, struct err *e)
{
	return add_below(s, path, from, max, 0, e);
}

/* Whether `path` is one of the files, or a folder that some of them are in. */
static bool is_file(const struct stage *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->file[i].path, path))
			return true;
	return s->keep && !strcmp(s->keep, path);
}

static bool is_folder(const struct stage *s, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < s->n; i++)
		if (!strncmp(s->file[i].path, path, n) && s->file[i].path[n] == '/')
			return true;
	return false;
}

static int tidy(const struct stage *s, const char *root, const char *path, struct err *e);

static bool is_temporary(const char *name)
{
	return name[0] == '.' && strstr(name, ".tmp.");
}

/* Removes one entry when it does not belong here, or is of the wrong kind. */
static int tidy_entry(const struct stage *s, const char *full, const char *path, struct err *e)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct stat st;

	if (lstat(full, &st) < 0)
		return 0;
	if (is_temporary(name) && S_ISREG(st.st_mode))
		return 0; /* a process that lives may be writing it; tmp_sweep removes those of dead ones */
	if (S_ISDIR(st.st_mode) && is_folder(s, path)) {
		if ((st.st_mode & 07777) != 0700)
			chmod(full, 0700);
		return tidy(s, full, path, e);
	}
	if (S_ISREG(st.st_mode) && is_file(s, path))
		return 0;
	return dir_remove(full, e);
}

static int tidy(const struct stage *s, const char *root, const char *path, struct err *e)
{
	bool temporary = false;
	struct dirent *de;
	int r = 0;
	DIR *d = opendir(root);

	if (!d)
		return err_sys(e, EXIT_CANTCREATE, "cannot read %s", root);
	while (r == 0 && (de = readdir(d))) {
		char *full, *below;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		full = path_join(root, de->d_name);
		below = *path ? path_join(path, de->d_name) : xstrdup(de->d_name);
		r = tidy_entry(s, full, below, e);
		temporary |= is_temporary(de->d_name);
		free(below);
		free(full);
	}
	closedir(d);
	if (temporary)
		tmp_sweep(root);
	return r;
}

static bool same(const char *path, const struct stage_file *f)
{
	struct err ignored = { 0 };
	struct buf old = { 0 };
	struct stat st;
	bool equal;

	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07777) != f->mode ||
	    (size_t)st.st_size != f->data.len)
		return false;
	equal = file_read(path, f->data.len, &old, &ignored) == 0 && old.len == f->data.len &&
		(old.len == 0 || !memcmp(old.data, f->data.data, old.len));
	buf_free(&old);
	return equal;
}

/* file_write without the flush, of which a hundred small files would take a noticeable time. */
static int replace(const char *path, const struct stage_file *f, struct err *e)
{
	struct tmpfile t;
	int r = 0;

	if (file_begin(path, &t, e) < 0)
		return -1;
	if (fd_write_all(t.fd, buf_str(&f->data), f->data.len) < 0 || fchmod(t.fd, f->mode) < 0)
		r = err_sys(e, EXIT_IOERR, "cannot write %s", path);
	else if (rename(t.tmp, path) < 0)
		r = err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
	file_abort(&t); /* after the rename there is nothing left to remove */
	return r;
}

static int write_one(const struct stage_file *f, const char *root, struct err *e)
{
	char *path = path_join(root, f->path), *slash;
	int r = 0;

	if (!same(path, f)) {
		slash = strrchr(path, '/');
		*slash = '\0';
		r = dir_make(path, 0700, e);
		*slash = '/';
		if (r == 0)
			r = replace(path, f, e);
	}
	free(path);
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct stage_file *)a)->path, ((const struct stage_file *)b)->path);
}

int stage_write(struct stage *s, const char *root, struct buf *list, struct err *e)
{
	struct stat st;
	int r = 0;

	if (s->n)
		qsort(s->file, s->n, sizeof(*s->file), by_path);
	if (lstat(root, &st) == 0 && !S_ISDIR(st.st_mode))
		r = dir_remove(root, e);
	if (r == 0)
		r = dir_make(root, 0700, e);
	if (r == 0)
		r = tidy(s, root, "", e);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct stage_file *f = &s->file[i];
		char hex[SHA_HEX_SIZE];

		r = write_one(f, root, e);
		sha_hex(SHA_256, buf_str(&f->data), f->data.len, hex);
		buf_addf(list, "%s %04o %s\n", hex, (unsigned)f->mode, f->path);
	}
	return r;
}

void stage_free(struct stage *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->file[i].path);
		buf_free(&s->file[i].data);
	}
	free(s->file);
	*s = (struct stage){ 0 };
}
