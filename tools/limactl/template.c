/* template - see template.h. */
#include "template.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "render/edit.h"
#include "render/resolve.h"

static void log_findings(struct diag *d, bool warn)
{
	for (size_t i = 0; warn && i < d->n; i++) {
		struct buf line = { 0 };

		/* What it says of root is said by warn_root. */
		if (d->item[i].warning && (geteuid() || !d->item[i].key || strcmp(d->item[i].key, "user") != 0)) {
			diag_line(&d->item[i], &line);
			log_warn("%s", buf_str(&line));
		}
		buf_free(&line);
	}
}

/* All errors of a run as one, a line each. */
static int take_findings(struct diag *d, bool warn, struct err *e)
{
	struct buf text = { 0 };

	diag_sort(d);
	log_findings(d, warn);
	for (size_t i = 0; i < d->n; i++) {
		if (d->item[i].warning)
			continue;
		buf_adds(&text, text.len ? "\n" : "");
		diag_line(&d->item[i], &text);
	}
	if (d->errors)
		err_set(e, EXIT_NO, "%s", buf_str(&text));
	buf_free(&text);
	diag_free(d);
	return e->code ? -1 : 0;
}

static void log_replaced(const char *from, const char *to)
{
	log_debug("Locator %s replaced with %s", q(from), q(to));
}

char *template_rewrite(const char *locator, struct err *e)
{
	struct locator_ctx ctx = { 0 };
	char *plain, *url = NULL;

	if (!strncmp(locator, "template://", 11)) {
		plain = xasprintf("template:%s", locator + 11);
		log_replaced(locator, plain);
		log_warn("the form %s is going away; write %s", q(locator), q(plain));
	} else {
		plain = xstrdup(locator);
	}
	if (locator_kind(plain) == LOCATOR_GITHUB)
		log_warn("The github: scheme is still EXPERIMENTAL");
	if (locator_ctx_init(&ctx, e) == 0) {
		ctx.replaced = log_replaced;
		url = locator_rewrite(plain, &ctx, e);
	}
	locator_ctx_free(&ctx);
	free(plain);
	return url;
}

int template_read(const char *locator, struct template *t, struct err *e)
{
	char *url;
	int r;

	*t = (struct template){ 0 };
	if (!*locator)
		return err_set(e, EXIT_NO, "don't know how to interpret %s as a template locator", q(locator));
	url = template_rewrite(locator, e);
	r = url && locator_ctx_init(&t->ctx, e) == 0 ? locator_read(url, &t->ctx, &t->source, e) : -1;
	if (r == 0 && t->source.note)
		log_warn("%s", t->source.note);
	free(url);
	return r;
}

int template_take(const struct buf *text, const char *path, struct template *t, struct err *e)
{
	*t = (struct template){ 0 };
	if (locator_ctx_init(&t->ctx, e) < 0)
		return -1;
	buf_add(&t->source.text, buf_str(text), text->len);
	t->source.locator = xstrdup(path);
	t->source.file = tree_intern(path);
	return 0;
}

int template_embed(struct template *t, enum embedding_kind kind, struct err *e)
{
	struct embed_opts o = { .ctx = &t->ctx,
				.keep_templates = kind == EMBED_BUT_TEMPLATES,
				.no_base_config = kind != EMBED_FOR_INSTANCE,
				.keep_all = kind == EMBED_NOTHING };
	struct diag d = { 0 };

	t->doc = embed_source(&t->source, &o, &d);
	return take_findings(&d, true, e);
}

void template_free(struct template *t)
{
	locator_source_free(&t->source);
	locator_ctx_free(&t->ctx);
	node_free(t->doc);
	*t = (struct template){ 0 };
}

/* --- flags --- */

/* "--FLAG VALUE: reason" of the renderer, in limactl's words. */
static int flag_error(const char *flag, const char *value, const char *msg, struct err *e)
{
	size_t n = strlen(flag), m = strlen(value);
	struct err why = { 0 };

	if (!strncmp(msg, "--", 2) && !strncmp(msg + 2, flag, n) && msg[n + 2] == ' ') {
		msg += n + 3;
		if (!strncmp(msg, value, m) && !strncmp(msg + m, ": ", 2))
			msg += m + 2;
	}
	err_set(&why, EXIT_NO, "%s", msg);
	return err_set(e, EXIT_NO, "error while processing flag %s: %s", q(flag), why.msg);
}

/* A parameter must be one that the template has. */
static int check_param(const struct node *doc, const char *value, struct err *e)
{
	char *name = xstrndup(value, strcspn(value, "="));
	int r = 0;

	if (!map_get(map_get(doc, "param"), name))
		r = err_set(e, EXIT_NO, "error while processing flag %s: template does not define param %s", q("param"), q(name));
	free(name);
	return r;
}

/* Which of the flags the message is about; the first when it does not say. */
static const struct edit *culprit(const struct edit *list, size_t n, const char *msg)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i].flag);

		if (!strncmp(msg, "--", 2) && !strncmp(msg + 2, list[i].flag, len) && msg[len + 2] == ' ')
			return &list[i];
	}
	return &list[0];
}

int template_edit(struct node *doc, const struct strv *settings, struct err *e)
{
	struct edit *list = xcalloc(settings->n + 1, sizeof(*list));
	struct err why = { 0 };
	int r = 0;

	for (size_t i = 0; i < settings->n; i++) {
		const char *text = settings->v[i] + 2, *equal = strchr(text, '=');

		list[i].flag = equal ? xstrndup(text, (size_t)(equal - text)) : xstrdup(text);
		list[i].value = equal ? equal + 1 : "";
	}
	for (size_t i = 0; r == 0 && i < settings->n; i++)
		if (!strcmp(list[i].flag, "param"))
			r = check_param(doc, list[i].value, e);
	if (r == 0 && edit_apply_all(doc, list, settings->n, false, NULL, &why) < 0) {
		const struct edit *bad = culprit(list, settings->n, why.msg);

		r = flag_error(bad->flag, bad->value, why.msg, e);
	}
	for (size_t i = 0; i < settings->n; i++)
		free((char *)list[i].flag);
	free(list);
	return r;
}

struct node *template_fill(const struct node *doc, const char *dir, const char *home, bool warn, struct err *e)
{
	struct diag d = { 0 };
	struct node *filled = resolve_instance(doc, dir, home, warn, &d);

	if (take_findings(&d, warn, e) < 0) {
		node_free(filled);
		return NULL;
	}
	return filled;
}
