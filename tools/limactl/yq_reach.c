/* yq_reach - the values of env(NAME), strenv(NAME), load("FILE") and load_str("FILE"), which stand in an expression in their place. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "yq_parts.h"

#define LOAD_MAX TREE_TEXT_MAX

static void put_value(struct buf *out, const struct node *value)
{
	tree_emit_json(value, false, out);
	while (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
}

static void put_string(struct buf *out, const char *text)
{
	struct node *n = node_str(text);

	put_value(out, n);
	node_free(n);
}

static int put_parsed(struct buf *out, const char *text, size_t n, const char *file, struct err *e)
{
	struct yq_docs docs = { 0 };
	int r = yq_docs_parse(text, n, false, file, &docs, e);

	if (r == 0 && docs.n > 0)
		put_value(out, docs.v[0]);
	else if (r == 0)
		buf_adds(out, "null");
	yq_docs_free(&docs);
	return r;
}

static int put_env(struct buf *out, const char *name, bool as_text, struct err *e)
{
	const char *value = getenv(name);

	if (as_text) {
		put_string(out, value ? value : "");
		return 0;
	}
	if (!value || !*value)
		return err_set(e, EXIT_NO, "value for env variable '%s' not provided in env()", name);
	return put_parsed(out, value, strlen(value), "env", e);
}

static int put_file(struct buf *out, const char *path, bool as_text, struct err *e)
{
	struct buf text = { 0 };
	int r = file_read(path, LOAD_MAX, &text, e);

	if (r < 0)
		err_wrap(e, "failed to load %s", path);
	else if (as_text)
		put_string(out, buf_str(&text));
	else
		r = put_parsed(out, buf_str(&text), text.len, path, e);
	buf_free(&text);
	return r;
}

int yq_reach(void *arg, const char *op, const char *argument, struct buf *out, struct err *e)
{
	const struct yq_allow *allow = arg;
	bool env = strstr(op, "env") != NULL, simple = strcmp(op, "envsubst") != 0 && (env || !op[4] || !strcmp(op, "load_str"));

	if (!strcmp(op, "system"))
		return err_set(e, EXIT_NO, "system operations are disabled, use --security-enable-system-operator to enable");
	if (env && !allow->env)
		return err_set(e, EXIT_NO, "env operations have been disabled");
	if (!env && !allow->files)
		return err_set(e, EXIT_NO, "file operations have been disabled");
	if (!simple)
		return err_set(e, EXIT_NO, "the operator %s is not supported by the yq of limactl", op);
	if (!argument)
		return err_set(e, EXIT_NO, "%s needs a constant here: %s(%s)", op, op, env ? "NAME" : "\"FILE\"");
	return env ? put_env(out, argument, !strcmp(op, "strenv"), e) : put_file(out, argument, !strcmp(op, "load_str"), e);
}
