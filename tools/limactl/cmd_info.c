/* info - what this installation is and has, as JSON. Source: spec/cli.md sections 8.17 and 9.2. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "diag.h"
#include "dirs.h"
#include "file.h"
#include "inspect.h"
#include "plugin.h"
#include "print.h"
#include "render/embed.h"
#include "render/expr.h"
#include "render/host.h"
#include "render/locator.h"
#include "render/resolve.h"
#include "shellenv.h"

/* A guest agent's file: this, OS-ARCH, and perhaps ".gz". */
#define AGENT_PREFIX "lima-guestagent."

static struct node *templates(const struct locator_ctx *ctx, struct err *e)
{
	struct locator_list list = { 0 };
	struct node *out;

	if (locator_list(ctx, &list, e) < 0)
		return NULL;
	out = node_new(NODE_SEQ);
	for (size_t i = 0; i < list.n; i++) {
		struct node *n = node_new(NODE_MAP);

		map_set(n, "name", node_str(list.v[i].name));
		map_set(n, "location", node_str(list.v[i].path));
		seq_add(out, n);
	}
	locator_list_free(&list);
	return out;
}

static int diag_to_err(struct diag *d, struct err *e)
{
	struct buf line = { 0 };

	diag_sort(d);
	for (size_t i = 0; i < d->n; i++)
		if (!d->item[i].warning && !line.len)
			diag_line(&d->item[i], &line);
	err_set(e, EXIT_BADDATA, "%s", line.len ? line.data : "it cannot be used");
	buf_free(&line);
	return -1;
}

/* The template "default", bases and all, as an instance of that name would have it. */
static struct node *default_template(const struct locator_ctx *ctx, struct err *e)
{
	struct embed_opts opts = { .ctx = ctx };
	char *dir = path_join(ctx->home, "default");
	struct node *doc, *resolved = NULL, *out = NULL;
	struct diag d = { 0 };

	doc = embed("template:default", &opts, &d);
	if (doc)
		resolved = resolve_instance(doc, dir, ctx->home, false, &d);
	if (resolved)
		out = config_shown(resolved);
	else
		diag_to_err(&d, e);
	diag_free(&d);
	node_free(resolved);
	node_free(doc);
	free(dir);
	return out;
}

static void add_agent(struct node *out, const char *share, const char *file)
{
	const char *name = file + strlen(AGENT_PREFIX), *end = strstr(name, ".gz");
	char *key = xstrndup(name, end && !end[3] ? (size_t)(end - name) : strlen(name)), *path = path_join(share, file);
	struct node *n = node_new(NODE_MAP);

	map_set(n, "location", node_str(path));
	map_set(out, !strncmp(key, "Linux-", 6) ? key + 6 : key, n);
	free(path);
	free(key);
}

static int is_agent(const struct dirent *de)
{
	return !strncmp(de->d_name, AGENT_PREFIX, strlen(AGENT_PREFIX));
}

static struct node *guest_agents(const char *share)
{
	struct node *out = node_new(NODE_MAP);
	struct dirent **entry = NULL;
	int n = scandir(share, &entry, is_agent, alphasort);

	for (int i = 0; i < n; i++) {
		add_agent(out, share, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	return out;
}

static struct node *strings(const char *const *list)
{
	struct node *out = node_new(NODE_SEQ);

	for (size_t i = 0; list[i]; i++)
		seq_add(out, node_str(list[i]));
	return out;
}

/* null stands for an empty list. */
static struct node *null_if_empty(struct node *list)
{
	if (list->n)
		return list;
	node_free(list);
	return node_new(NODE_NULL);
}

static struct node *plugins(const char *program)
{
	struct node *out = node_new(NODE_SEQ);
	struct plugins list = { 0 };

	plugins_list(program, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct node *n = node_new(NODE_MAP);

		map_set(n, "name", node_str(list.v[i].name));
		map_set(n, "path", node_str(list.v[i].path));
		if (list.v[i].summary && *list.v[i].summary)
			map_set(n, "description", node_str(list.v[i].summary));
		seq_add(out, n);
	}
	plugins_free(&list);
	return null_if_empty(out);
}

/* Those of PREFIX's folders that are there. */
static struct node *folders(const char *const *below)
{
	struct node *out = node_new(NODE_SEQ);
	struct err ignored = { 0 };
	char *bin = dirs_bin(&ignored);
	struct stat st;

	if (bin && strrchr(bin, '/'))
		*strrchr(bin, '/') = '\0';
	for (size_t i = 0; bin && below[i]; i++) {
		char *path = path_join(bin, below[i]);

		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			seq_add(out, node_str(path));
		free(path);
	}
	free(bin);
	return null_if_empty(out);
}

static void add_host(struct node *info, const struct locator_ctx *ctx, const char *program)
{
	static const char *const libexec[] = { "libexec/lima", "lib/lima", NULL }, *const share[] = { "share/lima", NULL };
	char *identity = path_join(ctx->home, "_config/user"), *arch = host_arch();

	map_set(info, "shellEnvBlock", strings(shellenv_block));
	map_set(info, "hostOS", node_str("linux"));
	map_set(info, "hostArch", node_str(arch));
	map_set(info, "identityFile", node_str(identity));
	map_set(info, "plugins", plugins(program));
	map_set(info, "libexecPaths", folders(libexec));
	map_set(info, "sharePaths", folders(share));
	free(arch);
	free(identity);
}

static struct node *collect(const struct locator_ctx *ctx, const char *program, struct err *e)
{
	static const char *const types[] = { "qemu", NULL };
	char *share = dirs_share(e);
	struct node *info = node_new(NODE_MAP), *list = share ? templates(ctx, e) : NULL;
	struct node *config = list ? default_template(ctx, e) : NULL, *ex = node_new(NODE_MAP), *qemu = node_new(NODE_MAP);

	map_set(qemu, "location", node_str("internal"));
	map_set(ex, "qemu", qemu);
	map_set(info, "version", node_str(LIMA_VERSION));
	if (config) {
		map_set(info, "templates", list);
		map_set(info, "defaultTemplate", config);
		map_set(info, "limaHome", node_str(ctx->home));
		map_set(info, "vmTypes", strings(types));
		map_set(info, "vmTypesEx", ex);
		map_set(info, "guestAgents", guest_agents(share));
		add_host(info, ctx, program);
	} else {
		node_free(list);
		node_free(ex);
		node_free(info);
		info = NULL;
	}
	free(share);
	return info;
}

static int print_one(void *arg, size_t doc, struct node *result, struct err *e)
{
	(void)doc;
	(void)e;
	print_result(result, false, true, print_colours(), arg);
	node_free(result);
	return 0;
}

static int run(struct ctl *c, struct err *e)
{
	struct locator_ctx ctx = { 0 };
	struct node *info = locator_ctx_init(&ctx, e) == 0 ? collect(&ctx, c->program, e) : NULL;
	const char *expression = flag_string(c->flags, "yq");
	struct buf out = { 0 };
	int r = -1;

	if (info && !strcmp(expression, ".")) {
		print_json(info, true, print_colours(), &out);
		r = 0;
	} else if (info) {
		r = expr_query((const struct node *const *)&info, 1, expression, print_one, &out, e);
	}
	fwrite(buf_str(&out), 1, out.len, stdout);
	buf_free(&out);
	node_free(info);
	locator_ctx_free(&ctx);
	return r;
}

static const struct flag_spec flags[] = {
	{ .name = "yq", .type = FLAG_STRING, .value = ".", .arg = "EXPR", .help = "an expression to apply" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

const struct command cmd_info = {
	.name = "info",
	.group = GROUP_ADVANCED,
	.use = "[flags]",
	.summary = "Show what this installation has, as JSON",
	.text = "Examples:\n"
		"  limactl info\n"
		"  limactl info --yq '.defaultTemplate.images[].location'",
	.flags = tables,
	.run = run,
};
