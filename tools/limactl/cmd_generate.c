/* limactl generate-jsonschema, for editors and for checking files against it. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file.h"
#include "render/out_source.h"
#include "render/schema.h"

static const struct flag_spec flags[] = {
	{ .name = "schemafile", .type = FLAG_STRING, .help = "where to write the schema", .complete = COMPLETE_FILE },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

/* The errors of a file, one a line. */
static void add_findings(struct diag *d, struct buf *out)
{
	diag_sort(d);
	for (size_t i = 0; i < d->n; i++) {
		if (d->item[i].warning)
			continue;
		buf_addc(out, '\n');
		diag_line(&d->item[i], out);
	}
}

static int check_file(const char *file, const struct locator_ctx *ctx, struct err *e)
{
	char *locator = strchr(file, '/') ? xstrdup(file) : xasprintf("./%s", file);
	const struct edits none = { 0 };
	struct diag d = { 0 };
	struct source s = { 0 };
	struct buf why = { 0 };
	struct node *resolved = NULL;
	int r = source_load(locator, &none, ctx, &s, &d, e);

	if (r == 0)
		resolved = source_resolve(&s, ctx, &d);
	if (d.errors) {
		add_findings(&d, &why);
		r = err_set(e, EXIT_NO, "failed to validate YAML file %s:%s", q(file), buf_str(&why));
	}
	if (r == 0)
		log_info("%s: OK", q(file));
	node_free(resolved);
	out_source_free(&s);
	diag_free(&d);
	buf_free(&why);
	free(locator);
	return r;
}

static int check_files(const struct ctl *c, struct err *e)
{
	struct locator_ctx ctx = { 0 };
	int r = locator_ctx_init(&ctx, e);

	for (size_t i = 0; r == 0 && i < c->args.n; i++)
		r = check_file(c->args.v[i], &ctx, e);
	locator_ctx_free(&ctx);
	return r;
}

static int run(struct ctl *c, struct err *e)
{
	const char *file = flag_string(c->flags, "schemafile");
	struct buf text = { 0 };
	int r = 0;

	if (c->args.n && !*file)
		return err_set(e, EXIT_NO, "--schemafile is needed to check files against the schema");
	schema_json(&text);
	if (!*file)
		fwrite(buf_str(&text), 1, text.len, stdout);
	else
		r = file_write(file, buf_str(&text), text.len, 0644, e);
	buf_free(&text);
	return r == 0 ? check_files(c, e) : r;
}

const struct command cmd_generate_jsonschema = {
	.name = "generate-jsonschema",
	.group = GROUP_NONE,
	.use = "[FILE.yaml, ...]",
	.summary = "Print the JSON schema of lima.yaml",
	.text = "With --schemafile the schema is written there, and the files are checked.",
	.max_args = ARGS_ANY,
	.flags = tables,
	.complete = COMPLETE_FILE,
	.hidden = true,
	.run = run,
};
