/* instance - see instance.h. */
#include "instance.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "fetch/download.h"
#include "fetch/get.h"
#include "fetch/intr.h"
#include "fetch/locator.h"
#include "file.h"
#include "instance_files.h"
#include "kv.h"

#define IMAGES_MAX 64u
#define KERNEL_SIZE_MAX (1ull << 30)
#define F_LIMA_DISK "disk" /* the disk of an instance that Lima made */

/* One images: entry. Texts belong to the kv. */
struct image {
	const char *location, *digest;
	const char *kernel, *kernel_digest, *cmdline; /* NULL = none */
	const char *initrd, *initrd_digest;
};

static void read_image(const struct kv *kv, unsigned i, struct image *im)
{
	im->location = kv_get(kv, "", "images.%u.location", i);
	im->digest = kv_get(kv, "", "images.%u.digest", i);
	im->kernel = kv_get(kv, NULL, "images.%u.kernel.location", i);
	im->kernel_digest = kv_get(kv, "", "images.%u.kernel.digest", i);
	im->cmdline = kv_get(kv, NULL, "images.%u.kernel.cmdline", i);
	im->initrd = kv_get(kv, NULL, "images.%u.initrd.location", i);
	im->initrd_digest = kv_get(kv, "", "images.%u.initrd.digest", i);
}

static int get(struct session *se, const char *location, const char *digest, struct got *g, struct err *e)
{
	struct digest d;

	if (*digest && digest_parse(digest, &d, e) < 0)
		return err_wrap(e, "%s", location);
	return get_location(se, location, *digest ? &d : NULL, g, e);
}

/* Moves the data of one location to where another expects it. */
static void take(struct source *to, struct got *from)
{
	source_free(to);
	*to = from->data;
	from->data = (struct source){ .fd = -1 };
	got_free(from);
}

/* All that an entry names, from the cache. A kernel of its own replaces the one of a recipe. */
static int get_image(struct session *se, const struct image *im, struct got *g, struct err *e)
{
	struct got one = { 0 };

	if (get(se, im->location, im->digest, g, e) < 0)
		return -1;
	if (im->kernel && *im->kernel) {
		if (get(se, im->kernel, im->kernel_digest, &one, e) < 0)
			return err_wrap(e, "kernel");
		take(&g->kernel, &one);
		source_free(&g->initrd);
		source_free(&g->cmdline);
	}
	if (im->initrd && *im->initrd) {
		if (get(se, im->initrd, im->initrd_digest, &one, e) < 0)
			return err_wrap(e, "initrd");
		take(&g->initrd, &one);
	}
	return 0;
}

static int put(const struct session *se, const char *dir, const char *name, const struct source *src, bool decompress,
	       struct err *e)
{
	bool image = !strcmp(name, F_BASEDISK);
	uint64_t max = image || se->max_size < KERNEL_SIZE_MAX ? se->max_size : KERNEL_SIZE_MAX;
	struct place how = { .decompress = decompress, .image = image, .quiet = se->quiet, .max_size = max };
	char *dest = path_join(dir, name);
	int r;

	if (src->path) {
		r = place(src, dest, &how, e);
	} else {
		r = unlink(dest) < 0 && errno != ENOENT ? err_sys(e, EXIT_CANTCREATE, "cannot remove %s", dest) : 0;
	}
	free(dest);
	return r;
}

static int put_cmdline(const struct session *se, const char *dir, const struct image *im, const struct got *g,
		       struct err *e)
{
	char *dest;
	int r;

	if (!im->cmdline || !*im->cmdline)
		return put(se, dir, F_KERNEL_CMDLINE, &g->cmdline, false, e);
	dest = path_join(dir, F_KERNEL_CMDLINE);
	r = file_write(dest, im->cmdline, strlen(im->cmdline), 0644, e);
	free(dest);
	return r;
}

/* basedisk says that all is there, so it comes last. What an earlier image left is replaced or removed. */
static int put_image(const struct session *se, const char *dir, const struct image *im, const struct got *g,
		     struct err *e)
{
	static const struct source none = { .fd = -1 };

	if (put(se, dir, F_KERNEL, &g->kernel, true, e) == 0 && put(se, dir, F_INITRD, &g->initrd, false, e) == 0 &&
	    put_cmdline(se, dir, im, g, e) == 0 && put(se, dir, F_BASEDISK, &g->data, true, e) == 0)
		return 0;
	for (const char *const *f = (const char *const[]){ F_KERNEL, F_INITRD, F_KERNEL_CMDLINE, NULL }; *f; f++) {
		struct err ignored = { 0 };

		put(se, dir, *f, &none, false, &ignored);
	}
	return -1;
}

static int try_image(struct session *se, const char *dir, const struct image *im, struct err *e)
{
	struct got g = { 0 };
	int r;

	r = get_image(se, im, &g, e);
	if (r == 0)
		r = put_image(se, dir, im, &g, e);
	got_free(&g);
	return r;
}

/* The host that a location needs; "" for a file or recipe. The caller frees it. */
static char *host_of(const char *location)
{
	struct err ignored = { 0 };
	struct locator l;
	char *host;

	if (locator_parse(location, &l, &ignored) < 0)
		return xstrdup("");
	host = xstrdup(l.host ? l.host : "");
	locator_free(&l);
	return host;
}

static bool is_dead(const struct session *se, const char *location)
{
	char *host = host_of(location);
	bool dead = session_dead(se, host);

	free(host);
	return dead;
}

/* Whether a later entry does not need the host of entry i: then it is not worth to wait for that host. */
static bool has_alternative(const struct kv *kv, unsigned i, unsigned n)
{
	char *host = host_of(kv_get(kv, "", "images.%u.location", i));
	bool found = false;

	for (unsigned j = i + 1; j < n && !found; j++) {
		char *other = host_of(kv_get(kv, "", "images.%u.location", j));

		found = strcmp(host, other) != 0;
		free(other);
	}
	free(host);
	return found;
}

/* Says what is done instead of what failed. */
static void tell(const struct session *se, const struct buf *why, const char *location, bool dead)
{
	bool recipe = !strncmp(location, "recipe:", 7);

	if (!why->len || se->quiet)
		return;
	if (dead)
		warn_msg("%s; using the copy of %s in the cache instead", buf_str(why), location);
	else
		warn_msg("%s; %s %s instead", buf_str(why), recipe ? "building" : "trying", location);
}

/* Tries the entries in order. Entries of a host that was found out of reach can still come from the cache, but no word
 * is said about them before they did. */
static int try_images(struct session *se, const char *dir, const struct kv *kv, unsigned n, struct err *e)
{
	struct buf why = { 0 }, all = { 0 };
	struct err one = { 0 };
	int r = -1;

	for (unsigned i = 0; i < n && r < 0; i++) {
		size_t dead_before = se->dead.n;
		struct image im;
		bool dead;

		read_image(kv, i, &im);
		dead = is_dead(se, im.location);
		se->alternative = has_alternative(kv, i, n);
		if (!dead)
			tell(se, &why, im.location, false);
		r = try_image(se, dir, &im, &one);
		if (r == 0 && dead)
			tell(se, &why, im.location, true);
		if (r < 0 && intr_check(&one) < 0) {
			buf_free(&all);
			buf_adds(&all, one.msg);
			break;
		}
		if (r < 0 && !dead) {
			buf_free(&why);
			buf_adds(&why, se->dead.n > dead_before ? se->dead_why.v[se->dead.n - 1] : one.msg);
			buf_addf(&all, "%s%s", all.len ? " | " : "", one.msg);
		}
	}
	if (r < 0)
		err_set(e, one.code, "%s", buf_str(&all));
	buf_free(&why);
	buf_free(&all);
	return r;
}

static bool has_disk(const char *dir)
{
	bool found = false;

	for (const char *const *f = (const char *const[]){ F_BASEDISK, F_DIFFDISK, F_LIMA_DISK, NULL }; *f; f++) {
		char *path = path_join(dir, *f);

		found = found || path_exists(path);
		free(path);
	}
	return found;
}

int instance_fetch(struct session *se, const char *dir, struct err *e)
{
	char *path = path_join(dir, F_IMAGE_CONF);
	struct kv kv;
	uint64_t n;
	int r = 0;

	if (!has_disk(dir)) {
		r = kv_load(path, &kv, e);
		if (r == 0) {
			tmp_sweep(dir);
			se->arch = kv_get(&kv, se->arch, "arch");
			n = kv_num(&kv, 0, "images");
			if (n == 0 || n > IMAGES_MAX)
				r = err_set(e, EXIT_BADDATA,
					    "%s: no images are configured for %s; add one to images: in lima.yaml",
					    path, se->arch);
			else
				r = try_images(se, dir, &kv, (unsigned)n, e);
			se->arch = NULL;
			kv_free(&kv);
		}
	}
	free(path);
	return r;
}
