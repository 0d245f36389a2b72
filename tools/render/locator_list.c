/* locator_list - all templates that can be named. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "locator_priv.h"

#define DEPTH_MAX 16 /* folders within folders */

struct walk {
	const char *root;
	struct locator_list *list;
	struct err *e;
};

static int walk_folder(struct walk *w, const char *rel, unsigned depth);

static bool is_yaml(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && !strcmp(name + n - 5, ".yaml");
}

static int add(struct walk *w, const char *rel)
{
	struct locator_list *l = w->list;

	if (l->n >= LOCATOR_LIST_MAX)
		return err_set(w->e, EXIT_BADDATA, "more than %d templates below %s", LOCATOR_LIST_MAX, w->root);
	if ((l->n & (l->n - 1)) == 0)
		l->v = xrealloc(l->v, (l->n ? 2 * l->n : 1) * sizeof(*l->v));
	l->v[l->n++] = (struct locator_entry){
	    .name = xstrndup(rel, strlen(rel) - 5),
	    .path = path_join(w->root, rel),
	    .hidden = rel[0] == '_',
	};
	return 0;
}

/* Symbolic links count as what they lead to, but folders are entered only when they are none (no loops). */
static int walk_entry(struct walk *w, const char *rel, const char *name, unsigned depth)
{
	char *path = path_join(w->root, rel);
	struct stat st;
	int r = 0;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		r = walk_folder(w, rel, depth + 1);
	else if (is_yaml(name) && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		r = add(w, rel);
	free(path);
	return r;
}

static int walk_folder(struct walk *w, const char *rel, unsigned depth)
{
	char *path = *rel ? path_join(w->root, rel) : xstrdup(w->root);
	DIR *d = depth > DEPTH_MAX ? NULL : opendir(path);
	struct dirent *de;
	int r = 0;

	if (!d && depth == 0 && errno != ENOENT && errno != ENOTDIR)
		r = err_sys(w->e, EXIT_IOERR, "cannot read the folder %s", path);
	while (r == 0 && d && (de = readdir(d))) {
		char *below = *rel ? path_join(rel, de->d_name) : xstrdup(de->d_name);

		if (de->d_name[0] != '.')
			r = walk_entry(w, below, de->d_name, depth);
		free(below);
	}
	if (d)
		closedir(d);
	free(path);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct locator_entry *)a)->name, ((const struct locator_entry *)b)->name);
}

static void free_entry(struct locator_entry *e)
{
	free(e->name);
	free(e->path);
}

/* Sorted lists of two folders become one; where both have a name, that of the first stays. */
static void append_new(struct locator_list *all, struct locator_list *more)
{
	size_t old = all->n;

	all->v = xrealloc(all->v, (all->n + more->n + 1) * sizeof(*all->v));
	for (size_t i = 0; i < more->n; i++) {
		if (old && bsearch(&more->v[i], all->v, old, sizeof(*all->v), compare))
			free_entry(&more->v[i]);
		else
			all->v[all->n++] = more->v[i];
	}
	free(more->v);
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), compare);
}

int locator_list(const struct locator_ctx *ctx, struct locator_list *l, struct err *e)
{
	*l = (struct locator_list){0};
	for (size_t i = 0; i < ctx->roots.n; i++) {
		struct locator_list one = {0};
		struct walk w = {ctx->roots.v[i], &one, e};
		int r = walk_folder(&w, "", 0);

		append_new(l, &one);
		if (r < 0) {
			locator_list_free(l);
			return -1;
		}
	}
	return 0;
}

void locator_list_free(struct locator_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free_entry(&l->v[i]);
	free(l->v);
	*l = (struct locator_list){0};
}
