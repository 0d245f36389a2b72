/* out_cmd - see out_cmd.h. Everything that lima-render prints comes from here. */
#include "out_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "instance_files.h"
#include "out.h"
#include "out_instance.h"
#include "plan.h"
#include "resolve.h"
#include "schema.h"

/* Prints findings and the error; the exit status. */
static int finish(struct diag *d, const struct err *e, int r)
{
	int status = diag_report(d);

	if (r < 0 && status == 0)
		status = err_report(e);
	diag_free(d);
	return r < 0 ? status : 0;
}

static int print(const struct buf *text)
{
	if (fwrite(buf_str(text), 1, text->len, stdout) == text->len && fflush(stdout) == 0)
		return 0;
	warn_msg("cannot write to standard output");
	return EXIT_IOERR;
}

/* Loads and resolves; *resolved may be NULL for "only check". */
static int load(const char *arg, const struct edits *edits, struct source *s, struct node **resolved, struct diag *d,
		struct err *e)
{
	struct locator_ctx ctx = { 0 };
	int r = locator_ctx_init(&ctx, e);

	*s = (struct source){ 0 };
	*resolved = NULL;
	if (r == 0)
		r = source_load(arg, edits, &ctx, s, d, e);
	if (r == 0) {
		*resolved = source_resolve(s, &ctx, d);
		r = *resolved && !d->errors ? 0 : -1;
	}
	locator_ctx_free(&ctx);
	return r;
}

int cmd_embed(const char *template, const struct edits *edits)
{
	struct diag d = { 0 };
	struct err e = { 0 };
	struct buf text = { 0 };
	struct node *resolved;
	struct source s;
	int r = load(template, edits, &s, &resolved, &d, &e), status;

	if (r == 0)
		tree_emit(s.doc, &text);
	status = finish(&d, &e, r);
	if (r == 0)
		status = print(&text);
	buf_free(&text);
	node_free(resolved);
	out_source_free(&s);
	return status;
}

int cmd_json(const char *source, const struct edits *edits)
{
	struct diag d = { 0 };
	struct err e = { 0 };
	struct buf text = { 0 };
	struct node *resolved;
	struct source s;
	int r = load(source, edits, &s, &resolved, &d, &e), status;

	if (r == 0)
		out_json(resolved, &text);
	status = finish(&d, &e, r);
	if (r == 0)
		status = print(&text);
	buf_free(&text);
	node_free(resolved);
	out_source_free(&s);
	return status;
}

int cmd_check(char *const *source, size_t n, const struct edits *edits)
{
	int worst = 0;

	for (size_t i = 0; i < n; i++) {
		struct diag d = { 0 };
		struct err e = { 0 };
		struct node *resolved;
		struct source s;
		int status = finish(&d, &e, load(source[i], edits, &s, &resolved, &d, &e));

		node_free(resolved);
		out_source_free(&s);
		/* Wrong data is the answer that was asked for; other failures do not hide it. */
		if (worst != EXIT_BADDATA && status)
			worst = status;
	}
	return worst;
}

int cmd_instance(const char *dir)
{
	struct diag d = { 0 };
	struct err e = { 0 };

	return finish(&d, &e, instance_render(dir, &d, &e));
}

int cmd_schema(void)
{
	struct buf text = { 0 };
	int status;

	schema_json(&text);
	status = print(&text);
	buf_free(&text);
	return status;
}

/* What the instance was last built from; NULL when there is nothing, or nothing that can be read. */
static struct node *rendered(const char *dir)
{
	char *path = path_join(dir, F_APPLIED_JSON);
	struct err ignored = { 0 };
	struct buf text = { 0 };
	struct node *doc = NULL;

	/* Outside of lima-instance the derived files are all that there is. */
	if (!path_exists(path)) {
		free(path);
		path = path_join(dir, F_RESOLVED_JSON);
	}
	if (path_exists(path) && file_read(path, TREE_TEXT_MAX, &text, &ignored) == 0)
		doc = tree_parse(buf_str(&text), text.len, path, &ignored);
	buf_free(&text);
	free(path);
	return doc;
}

static int print_plan(const struct node *before, const struct node *after)
{
	struct buf text = { 0 };
	enum change_class worst;
	int n = plan_diff(before, after, &text, &worst), status;

	if (n == 0)
		buf_adds(&text, "nothing would change\n");
	else
		buf_addf(&text, "in all: %s\n", change_name(worst));
	status = print(&text);
	buf_free(&text);
	return status;
}

/* The template, or DIR/lima.yaml, as a document of the instance in DIR. */
static int load_for(const char *dir, const char *template, const struct edits *edits, struct node **after,
		    struct diag *d, struct err *e)
{
	char *yaml = path_join(dir, F_LIMA_YAML), *real = realpath(dir, NULL);
	struct locator_ctx ctx = { 0 };
	struct source s = { 0 };
	int r = -1;

	*after = NULL;
	if (!real || !path_exists(yaml))
		err_set(e, EXIT_NO, "%s is no instance: it has no " F_LIMA_YAML, dir);
	else if (locator_ctx_init(&ctx, e) == 0)
		r = source_load(template ? template : yaml, edits, &ctx, &s, d, e);
	if (r == 0) {
		*after = resolve_instance(s.doc, real, ctx.home, true, d);
		r = *after && !d->errors ? 0 : -1;
	}
	out_source_free(&s);
	locator_ctx_free(&ctx);
	free(real);
	free(yaml);
	return r;
}

int cmd_plan(const char *dir, const char *template, const struct edits *edits)
{
	const struct edits none = { 0 };
	struct diag d = { 0 };
	struct err e = { 0 };
	struct node *before = rendered(dir), *after = NULL;
	int r = before ? 0 : load_for(dir, NULL, &none, &before, &d, &e), status;

	if (r == 0)
		r = load_for(dir, template, edits, &after, &d, &e);
	status = finish(&d, &e, r);
	if (r == 0)
		status = print_plan(before, after);
	node_free(before);
	node_free(after);
	return status;
}

int cmd_list_templates(void)
{
	struct locator_ctx ctx = { 0 };
	struct locator_list list = { 0 };
	struct err e = { 0 };
	struct buf text = { 0 };
	int status;

	if (locator_ctx_init(&ctx, &e) < 0 || locator_list(&ctx, &list, &e) < 0)
		return err_report(&e);
	for (size_t i = 0; i < list.n; i++)
		if (!list.v[i].hidden)
			buf_addf(&text, "%s\n", list.v[i].name);
	status = print(&text);
	buf_free(&text);
	locator_list_free(&list);
	locator_ctx_free(&ctx);
	return status;
}
