/* template copy, validate, yq, url; and validate, which is the same. Source: spec/cli.md sections 8.10, 8.11. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "inspect.h"
#include "print.h"
#include "render/expr.h"
#include "template.h"

static int write_out(const struct buf *text, struct err *e)
{
	if (fwrite(buf_str(text), 1, text->len, stdout) == text->len)
		return 0;
	return err_sys(e, EXIT_NO, "cannot write to standard output");
}

/* The document of a template with everything filled in, as an instance of that name would have it. */
static struct node *filled(const struct template *t, const char *name, struct err *e)
{
	char *dir = path_join(t->ctx.home, name);
	struct node *resolved = template_fill(t->doc, dir, t->ctx.home, true, e), *doc = NULL;

	if (resolved)
		doc = config_shown(resolved);
	node_free(resolved);
	free(dir);
	return doc;
}

/* --- copy --- */

static const struct flag_spec copy_flags[] = {
	{ .name = "embed", .help = "put in what it is based on, except for template:NAME" },
	{ .name = "embed-all", .help = "put in everything that it is based on" },
	{ .name = "fill", .help = "fill in defaults too; comments are lost" },
	{ .name = "verbatim", .help = "copy the bytes" },
	{ 0 },
};

static int copied_text(const struct ctl *c, struct template *t, struct buf *text, struct err *e)
{
	bool fill = flag_bool(c->flags, "fill");
	enum embedding_kind kind = fill || flag_bool(c->flags, "embed-all") ? EMBED_ALL :
				   flag_bool(c->flags, "embed")		    ? EMBED_BUT_TEMPLATES :
									      EMBED_NOTHING;
	struct node *doc;

	if (flag_bool(c->flags, "verbatim")) {
		buf_add(text, buf_str(&t->source.text), t->source.text.len);
		return 0;
	}
	if (template_embed(t, kind, e) < 0)
		return -1;
	if (!fill) {
		tree_emit(t->doc, text);
		return 0;
	}
	doc = filled(t, t->source.name ? t->source.name : "default", e);
	if (!doc)
		return -1;
	tree_emit(doc, text);
	node_free(doc);
	return 0;
}

static int run_copy(struct ctl *c, struct err *e)
{
	const char *dest = c->args.n > 1 ? c->args.v[1] : "-";
	bool verbatim = flag_bool(c->flags, "verbatim");
	struct buf text = { 0 }, shown = { 0 };
	struct template t = { 0 };
	int r;

	if (verbatim && (flag_bool(c->flags, "embed") || flag_bool(c->flags, "embed-all") || flag_bool(c->flags, "fill")))
		return err_set(e, EXIT_NO, "--verbatim cannot be used with any of --embed, --embed-all, or --fill");
	r = template_read(c->args.v[0], &t, e);
	if (r == 0)
		r = copied_text(c, &t, &text, e);
	if (r == 0 && strcmp(dest, "-") != 0) {
		r = file_write(dest, buf_str(&text), text.len, 0644, e);
	} else if (r == 0 && (verbatim || !print_colours())) {
		r = write_out(&text, e);
	} else if (r == 0) {
		print_yaml_text(buf_str(&text), true, &shown);
		r = write_out(&shown, e);
	}
	buf_free(&shown);
	buf_free(&text);
	template_free(&t);
	return r;
}

static const struct command cmd_copy_template = {
	.name = "copy",
	.group = GROUP_NONE,
	.use = "TEMPLATE [DEST]",
	.summary = "Copy a template to a file or to standard output",
	.min_args = 1,
	.max_args = 2,
	.flags = (const struct flag_spec *const[]){ copy_flags, NULL },
	.complete = COMPLETE_TEMPLATE,
	.run = run_copy,
};

/* --- validate --- */

static const struct flag_spec validate_flags[] = {
	{ .name = "fill", .help = "print the template with defaults filled in" },
	{ 0 },
};

static int validate_one(const char *locator, bool several, bool fill, struct err *e)
{
	struct template t = { 0 };
	struct buf text = { 0 };
	struct node *doc = NULL;
	int r = 0;

	if (!strcmp(locator, "-"))
		return err_set(e, EXIT_NO, "can't determine instance name from template locator %s", q(locator));
	r = template_read(locator, &t, e);
	if (r == 0 && !t.source.name)
		r = err_set(e, EXIT_NO, "can't determine instance name from template locator %s", q(locator));
	if (r == 0)
		r = template_embed(&t, EMBED_ALL, e);
	if (r == 0)
		r = (doc = filled(&t, t.source.name, e)) ? 0 : -1;
	if (r == 0 && fill) {
		tree_emit(doc, &text);
		if (several)
			printf("---\n");
		r = write_out(&text, e);
		if (several)
			printf("...\n");
	}
	if (r < 0)
		err_wrap(e, "failed to validate YAML file %s", q(locator));
	else
		log_info("%s: OK", q(locator));
	buf_free(&text);
	node_free(doc);
	template_free(&t);
	return r;
}

static int run_validate(struct ctl *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->args.n; i++)
		r = validate_one(c->args.v[i], c->args.n > 1, flag_bool(c->flags, "fill"), e);
	return r;
}

/* Of limactl itself, and of template too. */
const struct command cmd_validate = {
	.name = "validate",
	.group = GROUP_ADVANCED,
	.use = "FILE.yaml|TEMPLATE...",
	.summary = "Check templates",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.flags = (const struct flag_spec *const[]){ validate_flags, NULL },
	.complete = COMPLETE_TEMPLATE,
	.run = run_validate,
};

/* --- yq --- */

static int add_result(void *arg, size_t at, struct node *result, struct err *e)
{
	(void)at;
	(void)e;
	print_result(result, true, false, print_colours(), arg);
	node_free(result);
	return 0;
}

static int run_yq(struct ctl *c, struct err *e)
{
	struct template t = { 0 };
	struct buf text = { 0 };
	struct node *doc = NULL;
	int r = template_read(c->args.v[0], &t, e);

	if (r == 0)
		r = template_embed(&t, EMBED_ALL, e);
	if (r == 0)
		r = (doc = filled(&t, t.source.name ? t.source.name : "default", e)) ? 0 : -1;
	if (r == 0)
		r = expr_query((const struct node *const[]){ doc }, 1, c->args.v[1], add_result, &text, e);
	if (r == 0)
		r = write_out(&text, e);
	buf_free(&text);
	node_free(doc);
	template_free(&t);
	return r;
}

static const struct command cmd_yq_template = {
	.name = "yq",
	.group = GROUP_NONE,
	.use = "TEMPLATE EXPR",
	.summary = "Ask a template, complete and with defaults filled in, by a yq expression",
	.min_args = 2,
	.max_args = 2,
	.complete = COMPLETE_TEMPLATE,
	.run = run_yq,
};

/* --- url --- */

static int run_url(struct ctl *c, struct err *e)
{
	char *url = template_rewrite(c->args.v[0], e);

	if (!url)
		return -1;
	puts(url);
	free(url);
	return 0;
}

static const struct command cmd_url_template = {
	.name = "url",
	.group = GROUP_NONE,
	.use = "URL",
	.summary = "Print what a locator with a scheme of its own stands for",
	.min_args = 1,
	.max_args = 1,
	.run = run_url,
};

const struct command cmd_template = {
	.name = "template",
	.aliases = "tmpl",
	.group = GROUP_ADVANCED,
	.summary = "Work with templates",
	.sub = (const struct command *const[]){ &cmd_copy_template, &cmd_url_template, &cmd_validate, &cmd_yq_template, NULL },
};
