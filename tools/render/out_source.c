/* out_source - see out_source.h. */
#include "out_source.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "embed.h"
#include "file.h"
#include "instance_files.h"
#include "name.h"
#include "resolve.h"

/* The folder of an instance's lima.yaml: $LIMA_HOME/NAME. NULL when the path is something else. */
static char *instance_of(const char *path, const struct locator_ctx *ctx)
{
	char *real = realpath(path, NULL), *home = realpath(ctx->home, NULL), *slash = real ? strrchr(real, '/') : NULL;
	struct err ignored = { 0 };
	char *dir = NULL;

	if (home && slash && !strcmp(slash + 1, F_LIMA_YAML)) {
		size_t n = strlen(home);

		*slash = '\0';
		if (!strncmp(real, home, n) && real[n] == '/' && name_check_instance(real + n + 1, &ignored) == 0)
			dir = xstrdup(real);
	}
	free(home);
	free(real);
	return dir;
}

/* "experimental/vnc": a template in a folder, unless there is such a file. */
static bool is_template_path(const char *arg)
{
	const char *dot = strrchr(arg, '.');

	return locator_kind(arg) == LOCATOR_PATH && !strchr("./~", *arg) && !path_exists(arg) &&
	       !(dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml")));
}

/* A bare name means a template here, whatever instances there are; a directory means its lima.yaml. */
static char *locator_of(const char *arg)
{
	struct stat st;

	if (strchr(arg, '/') && stat(arg, &st) == 0 && S_ISDIR(st.st_mode))
		return path_join(arg, F_LIMA_YAML);
	if (locator_kind(arg) == LOCATOR_NAME || is_template_path(arg))
		return xasprintf("template:%s", arg);
	return xstrdup(*arg ? arg : "template:default");
}

static int apply_edits(struct source *s, const struct edits *edits, struct err *e)
{
	struct strv warnings = { 0 };
	int r = edits->n ? edit_apply_all(s->doc, edits->v, edits->n, s->existing, &warnings, e) : 0;

	for (size_t i = 0; i < warnings.n; i++)
		warn_msg("warning: %s", warnings.v[i]);
	strv_free(&warnings);
	return r;
}

int source_load(const char *arg, const struct edits *edits, const struct locator_ctx *ctx, struct source *s,
		struct diag *d, struct err *e)
{
	char *locator = locator_of(arg);
	struct embed_opts opts = { .ctx = ctx };
	struct locator_source text;
	int r = -1;

	*s = (struct source){ 0 };
	if (locator_read(locator, ctx, &text, e) == 0) {
		if (text.note)
			warn_msg("warning: %s", text.note);
		if (text.path)
			s->dir = instance_of(text.path, ctx);
		s->existing = s->dir != NULL;
		opts.no_base_config = s->existing; /* it was put in when the instance was made */
		if (!s->dir)
			s->dir = path_join(ctx->home, text.name ? text.name : "default");
		s->doc = embed_source(&text, &opts, d);
		r = s->doc ? apply_edits(s, edits, e) : -1;
		locator_source_free(&text);
	}
	free(locator);
	return r;
}

struct node *source_resolve(const struct source *s, const struct locator_ctx *ctx, struct diag *d)
{
	return resolve_instance(s->doc, s->dir, ctx->home, true, d);
}

void out_source_free(struct source *s)
{
	node_free(s->doc);
	free(s->dir);
	*s = (struct source){ 0 };
}
