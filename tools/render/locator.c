/* locator - see locator.h. This file decides what a locator is and reads it. */
#include "locator.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "locator_priv.h"
#include "name.h"
#include "spawn.h"
#include "tree.h"

#define REWRITES_MAX 8 /* plug-ins one after the other */

enum locator_kind locator_kind(const char *arg)
{
	static const struct {
		const char *scheme;
		enum locator_kind kind;
	} schemes[] = {
	    {"template", LOCATOR_TEMPLATE}, {"http", LOCATOR_HTTP},	{"https", LOCATOR_HTTP},
	    {"file", LOCATOR_FILE},	    {"github", LOCATOR_GITHUB},
	};
	struct err ignored = {0};

	if (!arg || !*arg)
		return LOCATOR_DEFAULT;
	if (!strcmp(arg, "-"))
		return LOCATOR_STDIN;
	if (name_check_instance(arg, &ignored) == 0)
		return LOCATOR_NAME;
	if (locator_is_image(arg) && !locator_has_scheme(arg, "template") && !locator_has_scheme(arg, "github"))
		return LOCATOR_IMAGE;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (locator_has_scheme(arg, schemes[i].scheme))
			return schemes[i].kind;
	return locator_scheme(arg) ? LOCATOR_OTHER : LOCATOR_PATH;
}

/* --- where to look --- */

static void add_roots(struct locator_ctx *ctx, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, ":");

		if (n && *list == '/')
			strv_addf(&ctx->roots, "%.*s", (int)n, list);
		else if (n)
			strv_addf(&ctx->roots, "%s/%.*s", ctx->cwd, (int)n, list);
		list += n + (list[n] == ':');
	}
}

static int default_roots(struct locator_ctx *ctx, struct err *e)
{
	char *share = dirs_share(e);

	if (!share)
		return -1;
	strv_addf(&ctx->roots, "%s/_templates", ctx->home);
	strv_addf(&ctx->roots, "%s/templates", share);
	free(share);
	return 0;
}

int locator_ctx_init(struct locator_ctx *ctx, struct err *e)
{
	const char *path = getenv("LIMA_TEMPLATES_PATH"), *home = getenv("HOME");

	*ctx = (struct locator_ctx){0};
	ctx->home = dirs_home(e);
	ctx->bin = ctx->home ? dirs_bin(e) : NULL;
	ctx->cwd = ctx->bin ? getcwd(NULL, 0) : NULL;
	if (!ctx->cwd) {
		if (ctx->bin)
			err_sys(e, EXIT_IOERR, "cannot find the current directory");
		locator_ctx_free(ctx);
		return -1;
	}
	ctx->user_home = home && *home == '/' ? xstrdup(home) : NULL;
	ctx->fetch = path_join(ctx->bin, "lima-fetch");
	if (path && *path)
		add_roots(ctx, path);
	else if (default_roots(ctx, e) < 0) {
		locator_ctx_free(ctx);
		return -1;
	}
	return 0;
}

void locator_ctx_free(struct locator_ctx *ctx)
{
	free(ctx->home);
	free(ctx->cwd);
	free(ctx->user_home);
	free(ctx->fetch);
	free(ctx->bin);
	strv_free(&ctx->roots);
	*ctx = (struct locator_ctx){0};
}

/* --- reading --- */

static int read_open(int fd, const char *path, struct locator_source *s, struct err *e)
{
	int r;

	if (fd < 0)
		return -1;
	s->path = xstrdup(path);
	s->file = tree_intern(path);
	r = fd_read_all(fd, path, LOCATOR_TEXT_MAX, &s->text, e);
	close(fd);
	return r;
}

static int read_path(const char *path, const struct locator_ctx *ctx, struct locator_source *s, struct err *e)
{
	s->locator = locator_abs_path(path, ctx, e);
	return s->locator ? read_open(locator_open(s->locator, e), s->locator, s, e) : -1;
}

static int read_file_url(const char *url, const struct locator_ctx *ctx, struct locator_source *s, struct err *e)
{
	const char *path = url + strlen("file:");

	if (strncmp(path, "///", 3))
		return err_set(e, EXIT_USAGE, "%s: a file: locator is file:///ABSOLUTE/PATH", url);
	if (read_path(path + 2, ctx, s, e) < 0)
		return -1;
	free(s->locator);
	s->locator = xstrdup(url);
	return 0;
}

static int no_template(const char *name, const struct locator_ctx *ctx, struct err *e)
{
	struct buf list = {0};

	for (size_t i = 0; i < ctx->roots.n; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", ctx->roots.v[i]);
	err_set(e, EXIT_NO, "template `%s` not found (looked in %s)", name,
		ctx->roots.n ? buf_str(&list) : "no folder");
	buf_free(&list);
	return -1;
}

static int read_template(const char *name, const struct locator_ctx *ctx, struct locator_source *s, struct err *e)
{
	char *rel = locator_template_path(name, e);
	int r = rel ? 1 : -1;

	for (size_t i = 0; r == 1 && i < ctx->roots.n; i++) {
		struct err why = {0};
		char *path = path_join(ctx->roots.v[i], rel);
		int fd = locator_open_beneath(ctx->roots.v[i], rel, &why);

		if (fd >= 0)
			r = read_open(fd, path, s, e);
		else if (why.code != EXIT_NO)
			r = err_set(e, why.code, "template:%s: %s", name, why.msg);
		free(path);
	}
	if (r == 1)
		r = no_template(rel, ctx, e);
	free(rel);
	return r;
}

static int read_template_url(const char *locator, const struct locator_ctx *ctx, struct locator_source *s,
			     struct err *e)
{
	const char *name = locator + strlen("template:");
	char *clean;

	if (!strncmp(name, "//", 2)) {
		name += 2;
		s->note = xasprintf("%s is the old form; write template:%s", locator, name);
	}
	if (read_template(name, ctx, s, e) < 0)
		return -1;
	clean = locator_clean(name);
	s->locator = xasprintf("template:%s", clean);
	free(clean);
	return 0;
}

/* The last line of what lima-fetch said, without its name. */
static const char *last_line(struct buf *text)
{
	char *s = text->data, *line;

	if (!s)
		return "";
	while (text->len && s[text->len - 1] == '\n')
		s[--text->len] = '\0';
	line = strrchr(s, '\n');
	line = line ? line + 1 : s;
	return strncmp(line, "lima-fetch: ", 12) ? line : line + 12;
}

int locator_fetch(const char *url, const struct locator_ctx *ctx, struct buf *text, char **path, struct err *e)
{
	char *argv[] = {ctx->fetch, (char *)url, NULL};
	struct buf out = {0}, said = {0};
	int status, fd = -1, r = spawn_run(argv, &out, &said, &status, e);

	if (r == 0 && status != 0)
		r = err_set(
		    e, status == EXIT_NO || (status >= EXIT_BADDATA && status <= EXIT_TRYAGAIN) ? status : EXIT_UNAVAIL,
		    "cannot fetch the template %s: %s", url, said.len ? last_line(&said) : "lima-fetch failed");
	if (r == 0)
		r = (fd = locator_open(last_line(&out), e)) < 0 ? -1 : 0;
	if (r == 0)
		r = fd_read_all(fd, last_line(&out), LOCATOR_TEXT_MAX, text, e);
	if (fd >= 0)
		close(fd);
	if (r == 0 && path)
		*path = xstrdup(last_line(&out));
	buf_free(&out);
	buf_free(&said);
	return r;
}

static int read_url(const char *url, const struct locator_ctx *ctx, struct locator_source *s, struct err *e)
{
	s->file = tree_intern(url);
	s->locator = xstrdup(url);
	return locator_fetch(url, ctx, &s->text, &s->path, e);
}

static int read_stdin(struct locator_source *s, struct err *e)
{
	s->locator = xstrdup("-");
	s->file = tree_intern("<stdin>");
	return fd_read_all(STDIN_FILENO, "standard input", LOCATOR_TEXT_MAX, &s->text, e);
}

static int read_image(const char *image, const struct locator_ctx *ctx, struct locator_source *s, struct err *e)
{
	s->locator = locator_scheme(image) ? xstrdup(image) : locator_abs_path(image, ctx, e);
	if (!s->locator)
		return -1;
	s->file = tree_intern(s->locator);
	return locator_image(s->locator, s, e);
}

static int read_kind(const char *locator, const struct locator_ctx *ctx, struct locator_source *s, struct err *e)
{
	switch (locator_kind(locator)) {
	case LOCATOR_DEFAULT:
	case LOCATOR_NAME:
		return read_template_url("template:default", ctx, s, e);
	case LOCATOR_STDIN:
		return read_stdin(s, e);
	case LOCATOR_IMAGE:
		return read_image(locator, ctx, s, e);
	case LOCATOR_TEMPLATE:
		return read_template_url(locator, ctx, s, e);
	case LOCATOR_HTTP:
		return read_url(locator, ctx, s, e);
	case LOCATOR_FILE:
		return read_file_url(locator, ctx, s, e);
	case LOCATOR_PATH:
		return read_path(locator, ctx, s, e);
	case LOCATOR_GITHUB:
	case LOCATOR_OTHER:
		break;
	}
	return err_set(e, EXIT_USAGE,
		       "%s: unknown kind of locator; there are template:NAME, a path, file:///PATH, http(s)://..., "
		       "- and programs limactl-url-SCHEME",
		       locator);
}

/* --- plug-ins --- */

static char *plugin_program(const char *locator, const struct locator_ctx *ctx)
{
	char *name = xasprintf("limactl-url-%.*s", (int)locator_scheme(locator), locator);
	char *path = ctx->bin ? path_join(ctx->bin, name) : NULL;

	if (!path || access(path, X_OK) < 0) {
		free(path);
		path = program_find(name);
	}
	free(name);
	return path;
}

/* The locator that the plug-in gives; NULL when there is no plug-in, or it failed (*e is set then). */
static char *plugin_rewrite(const char *locator, const struct locator_ctx *ctx, struct err *e)
{
	char *program = plugin_program(locator, ctx), *next = NULL;
	struct buf out = {0}, said = {0};
	int status;

	if (!program)
		return NULL;
	if (spawn_run((char *[]){program, (char *)locator + locator_scheme(locator) + 1, NULL}, &out, &said, &status,
		      e) == 0) {
		const char *text = last_line(&out);

		if (status != 0)
			err_set(e, EXIT_UNAVAIL, "%s: %s failed: %s", locator, program,
				said.len ? last_line(&said) : "no reason given");
		else if (!*text)
			err_set(e, EXIT_UNAVAIL, "%s: %s gave no locator", locator, program);
		else
			next = xstrdup(text);
	}
	buf_free(&out);
	buf_free(&said);
	free(program);
	return next;
}

char *locator_rewrite(const char *locator, const struct locator_ctx *ctx, struct err *e)
{
	char *now = xstrdup(locator ? locator : "");

	for (int i = 0; locator_kind(now) == LOCATOR_OTHER || locator_kind(now) == LOCATOR_GITHUB; i++) {
		struct err why = {0};
		char *next = plugin_rewrite(now, ctx, &why);

		if (!next && why.code == 0 && locator_kind(now) == LOCATOR_GITHUB)
			next = locator_github(now, ctx, &why);

		if (!next && why.code == 0)
			break;
		if (next && (i == REWRITES_MAX || !strcmp(next, now)))
			err_set(&why, EXIT_USAGE, "custom locator `%s` has a redirect loop", locator);
		if (next && !why.code && ctx->replaced)
			ctx->replaced(now, next);
		free(now);
		now = next;
		if (why.code) {
			*e = why;
			free(now);
			return NULL;
		}
	}
	return now;
}

int locator_read(const char *locator, const struct locator_ctx *ctx, struct locator_source *ret, struct err *e)
{
	struct locator_source s = {0};
	struct err ignored = {0};
	char *what = locator_rewrite(locator, ctx, e);

	if (!what)
		return -1;
	if (read_kind(what, ctx, &s, e) < 0) {
		locator_source_free(&s);
		free(what);
		return -1;
	}
	if (locator && locator_kind(locator) == LOCATOR_GITHUB && !s.note)
		s.note = xstrdup("The github: scheme is still EXPERIMENTAL");
	s.name = locator_name(locator_kind(locator) == LOCATOR_NAME ? locator : what, &ignored);
	*ret = s;
	free(what);
	return 0;
}

void locator_source_free(struct locator_source *s)
{
	buf_free(&s->text);
	free(s->locator);
	free(s->path);
	free(s->name);
	free(s->note);
	*s = (struct locator_source){0};
}
