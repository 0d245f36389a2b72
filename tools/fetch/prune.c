/* prune - see prune.h. */
#include "prune.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "fetch/entry.h"
#include "fetch/intr.h"
#include "fetch/locator.h"
#include "fetch/recipe.h"
#include "file.h"
#include "instance_files.h"
#include "kv.h"
#include "sha.h"

#define LIST_MAX 1000        /* locations of one list of an instance */
#define KEEP_MAX (4u << 20)  /* bytes of a file of locations */

/* Calls `each` for every entry of a directory but "." and ".."; a missing directory has none. */
static int for_each(const char *dir, int (*each)(const char *name, const char *path, void *ctx, struct err *e),
		    void *ctx,
		    struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, EXIT_IOERR, "cannot read %s", dir);
	while (r == 0 && (de = readdir(d))) {
		char *path;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		path = path_join(dir, de->d_name);
		r = intr_check(e) < 0 ? -1 : each(de->d_name, path, ctx, e);
		free(path);
	}
	closedir(d);
	return r;
}

static void keep_url(struct strv *keep, const char *url)
{
	char hex[SHA_HEX_SIZE];

	sha_hex(SHA_256, url, strlen(url), hex);
	strv_add(keep, hex);
}

static int keep_location(struct strv *keep, const char *location, const char *arch, struct err *e)
{
	struct err ignored = { 0 };
	struct locator l;
	char *url;
	int r = 0;

	if (!*location || locator_parse(location, &l, &ignored) < 0)
		return 0;
	if (l.kind == LOCATOR_URL)
		keep_url(keep, location);
	if (l.kind == LOCATOR_RECIPE) {
		url = recipe_url(l.name, arch, e);
		if (url)
			keep_url(keep, url);
		else
			r = -1; /* which entry is the current one is not known: better nothing is removed */
		free(url);
	}
	locator_free(&l);
	return r;
}

/* The locations of "images=N images.0.location=...", and what belongs to an image. */
static int keep_list(struct strv *keep, const struct kv *kv, const char *list, const char *arch, struct err *e)
{
	static const char *const parts[] = { "", "kernel.", "initrd." };
	int r = 0;

	for (unsigned i = 0; r == 0 && i < kv_num(kv, 0, "%s", list) && i < LIST_MAX; i++)
		for (size_t k = 0; r == 0 && k < sizeof(parts) / sizeof(*parts); k++)
			r = keep_location(keep, kv_get(kv, "", "%s.%u.%slocation", list, i, parts[k]), arch, e);
	return r;
}

static int keep_instance(const char *name, const char *path, void *ctx, struct err *e)
{
	static const char *const lists[] = { "images", "firmware", "nerdctl" };
	char *conf = path_join(path, F_IMAGE_CONF);
	struct err why = { 0 };
	const char *arch;
	struct kv kv;
	int r = 0;

	if (name[0] == '_' || kv_load(conf, &kv, &why) < 0) {
		if (why.code && why.code != EXIT_NO)
			warn_msg("%s; its images are not kept", why.msg);
		free(conf);
		return 0;
	}
	arch = kv_get(&kv, "", "arch");
	for (size_t k = 0; r == 0 && k < sizeof(lists) / sizeof(*lists); k++)
		r = keep_list(ctx, &kv, lists[k], arch, e);
	kv_free(&kv);
	free(conf);
	return r;
}

/* The lines "ARCH LOCATION" of a file. */
static int keep_file(const char *path, struct strv *keep, struct err *e)
{
	struct buf text = { 0 };
	char *line, *rest;
	int r = file_read(path, KEEP_MAX, &text, e);

	if (r == 0)
		buf_addc(&text, '\n');
	for (line = text.data; r == 0 && (rest = strchr(line, '\n')); line = rest + 1) {
		char *blank;

		*rest = '\0';
		blank = strchr(line, ' ');
		if (blank) {
			*blank = '\0';
			r = keep_location(keep, blank + 1, line, e);
		}
	}
	buf_free(&text);
	return r;
}

struct sweep {
	struct strv keep; /* names of entries */
	unsigned busy, kept;
	bool quiet;
};

static bool is_kept(const struct sweep *s, const char *name)
{
	for (size_t i = 0; i < s->keep.n; i++)
		if (!strcmp(s->keep.v[i], name))
			return true;
	return false;
}

/* Removes an entry under its lock; who waits for the lock will see that it is gone and make a new one. */
static int prune_entry(const char *name, const char *path, void *ctx, struct err *e)
{
	struct sweep *s = ctx;
	struct err why = { 0 };
	struct entry en;
	int r = 0;

	if (entry_open_dir(path, &en, &why) < 0) {
		if (!path_exists(path)) /* another prune was faster */
			return 0;
		s->busy++;
		if (!s->quiet)
			warn_msg("not removed: %s: %s", path, why.msg);
		return 0;
	}
	if (is_kept(s, name)) {
		entry_sweep(&en, true);
		s->kept++;
	} else {
		r = dir_remove(path, e);
	}
	entry_close(&en);
	return r;
}

static int remove_other(const char *name, const char *path, void *ctx, struct err *e)
{
	(void)ctx;
	return strcmp(name, "download") ? dir_remove(path, e) : 0;
}

static int prune_all(struct sweep *s, const char *cache, const char *root, struct err *e)
{
	char *download = path_join(cache, "download");
	int r = for_each(root, prune_entry, s, e);

	/* What else is in the cache may be used by a build that holds one of the entries. */
	if (r == 0 && !s->busy && !s->kept)
		r = for_each(cache, remove_other, NULL, e);
	/* These stay when something is left in them. */
	rmdir(root);
	rmdir(download);
	rmdir(cache);
	free(download);
	return r;
}

int prune(bool keep_referred, const char *keep, bool quiet, struct err *e)
{
	struct sweep s = { .quiet = quiet };
	char *cache = dirs_cache(e), *root = cache ? entry_root(e) : NULL, *home = NULL;
	int r = root ? 0 : -1;

	if (r == 0 && keep_referred) {
		home = dirs_home(e);
		r = home ? for_each(home, keep_instance, &s.keep, e) : -1;
	}
	if (r == 0 && keep)
		r = keep_file(keep, &s.keep, e);
	if (r == 0)
		r = prune_all(&s, cache, root, e);
	strv_free(&s.keep);
	free(home);
	free(root);
	free(cache);
	return r;
}
