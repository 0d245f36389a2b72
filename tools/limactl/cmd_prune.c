/* limactl prune: lima-fetch empties the cache; with --keep-referred it is told what the templates refer to, which it
 * cannot read. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "dirs.h"
#include "file.h"
#include "render/out_source.h"
#include "spawn.h"

static const struct flag_spec flags[] = {
	{ .name = "keep-referred", .help = "keep what an instance or a template refers to" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

/* Adds "ARCH LOCATION" once. */
static void add_line(struct buf *list, const char *arch, const char *location)
{
	char *line = xasprintf("\n%s %s\n", arch, location);

	if (*location && !strpbrk(location, "\n\r") && !strstr(buf_str(list), line))
		buf_adds(list, line + (list->len > 0));
	free(line);
}

static void add_entries(struct buf *list, const struct node *doc, const char *path, const char *arch)
{
	const struct node *seq = tree_seq(doc, "%s", path);

	for (size_t i = 0; seq && i < seq->n; i++) {
		const char *own = tree_str(seq->item[i], arch, "arch");

		add_line(list, own, tree_str(seq->item[i], "", "location"));
		add_line(list, own, tree_str(seq->item[i], "", "kernel.location"));
		add_line(list, own, tree_str(seq->item[i], "", "initrd.location"));
	}
}

/* A template that cannot be used here (another system's, or broken) still tells what it refers to as far as it can be read. */
static void add_template(const char *name, const struct locator_ctx *ctx, struct buf *list)
{
	static const char *const paths[] = { "images", "firmware.images", "containerd.archives" };
	char *locator = xasprintf("template:%s", name);
	const struct edits none = { 0 };
	struct diag d = { 0 };
	struct err why = { 0 };
	struct source s = { 0 };
	struct node *resolved = NULL;

	if (source_load(locator, &none, ctx, &s, &d, &why) < 0)
		log_debug("the template %s is left out: %s", q(name), why.msg);
	else
		resolved = source_resolve(&s, ctx, &d);
	for (size_t i = 0; s.doc && i < sizeof(paths) / sizeof(*paths); i++) {
		add_entries(list, s.doc, paths[i], "");
		if (resolved)
			add_entries(list, resolved, paths[i], tree_str(resolved, "", "arch"));
	}
	node_free(resolved);
	out_source_free(&s);
	diag_free(&d);
	free(locator);
}

static int templates(struct buf *list, struct err *e)
{
	struct locator_ctx ctx = { 0 };
	struct locator_list all = { 0 };
	int r = locator_ctx_init(&ctx, e);

	if (r == 0)
		r = locator_list(&ctx, &all, e);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		if (!all.v[i].hidden)
			add_template(all.v[i].name, &ctx, list);
	locator_list_free(&all);
	locator_ctx_free(&ctx);
	return r;
}

static int run_fetch(const char *keep, struct err *e)
{
	char *bin = dirs_bin(e);
	struct strv argv = { 0 };
	int status = 0, r;

	if (!bin)
		return -1;
	strv_addf(&argv, "%s/lima-fetch", bin);
	strv_add(&argv, "--prune");
	if (keep) {
		strv_add(&argv, "--keep-referred");
		strv_add(&argv, "--keep");
		strv_add(&argv, keep);
	}
	r = spawn_run(argv.v, NULL, NULL, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, EXIT_NO, "the cache could not be pruned; the reason is above");
	strv_free(&argv);
	free(bin);
	return r;
}

static int keep_referred(struct err *e)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/limactl-keep.XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC), r;
	struct buf list = { 0 };

	if (fd < 0) {
		r = err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
		free(path);
		return r;
	}
	r = templates(&list, e);
	if (r == 0 && fd_write_all(fd, buf_str(&list), list.len) < 0)
		r = err_sys(e, EXIT_IOERR, "cannot write %s", path);
	close(fd);
	if (r == 0)
		r = run_fetch(path, e);
	unlink(path);
	free(path);
	buf_free(&list);
	return r;
}

static int run(struct ctl *c, struct err *e)
{
	char *cache;

	if (flag_bool(c->flags, "keep-referred"))
		return keep_referred(e);
	cache = dirs_cache(e);
	if (!cache)
		return -1;
	log_info("Pruning %s", q(cache));
	free(cache);
	return run_fetch(NULL, e);
}

const struct command cmd_prune = {
	.name = "prune",
	.group = GROUP_ADVANCED,
	.summary = "Remove downloaded and built images from the cache",
	.max_args = 0,
	.flags = tables,
	.run = run,
};
