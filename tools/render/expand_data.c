/* expand_data - the functions of the template language that Go does not have: json, yaml, indent, missing. */
#include <stdlib.h>

#include "expand_ast.h"

#define INDENT_MAX 1000

/* A value as JSON or YAML; lists and maps are nodes already. */
static void emit(const struct xval *v, bool yaml, struct buf *out)
{
	struct node scalar = {.type = NODE_NULL};
	char *text = NULL;

	if (v->type == X_STR)
		text = xstrndup(v->s, v->len);
	switch (v->type) {
	case X_BOOL:
		scalar = (struct node){.type = NODE_BOOL, .b = v->b};
		break;
	case X_INT:
		scalar = (struct node){.type = NODE_INT, .i = v->i};
		break;
	case X_FLOAT:
		scalar = (struct node){.type = NODE_FLOAT, .f = v->f};
		break;
	case X_STR:
		scalar = (struct node){.type = NODE_STR, .str = text};
		break;
	case X_SEQ:
		scalar = (struct node){.type = NODE_SEQ, .n = v->len, .item = v->n->item + v->from};
		break;
	case X_MAP:
		scalar = *v->n;
		break;
	case X_NIL:
		break;
	}
	if (yaml)
		tree_emit(&scalar, out);
	else
		tree_emit_json(&scalar, false, out);
	free(text);
}

int x_json(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	struct buf b = {0};

	(void)n;
	emit(arg, false, &b);
	return x_take(x, at, &b, ret);
}

int x_yaml(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	struct buf b = {0};

	(void)n;
	buf_adds(&b, "---\n");
	emit(arg, true, &b);
	return x_take(x, at, &b, ret);
}

int x_indent(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	const struct xval *text = &arg[n - 1];
	int64_t width = n > 1 ? arg[0].i : 2;
	struct buf b = {0};

	if (text->type != X_STR)
		return x_error(x, at, "indent needs a text, not %s", x_type_name(text));
	if (n > 1 && (arg[0].type != X_INT || width < 0 || width > INDENT_MAX))
		return x_error(x, at, "indent: the width is a whole number from 0 to %d", INDENT_MAX);
	for (size_t i = 0; i < text->len && b.len <= EXPAND_OUTPUT_MAX; i++) {
		if (i == 0 || text->s[i - 1] == '\n')
			buf_addf(&b, "%*s", (int)width, "");
		buf_addc(&b, text->s[i]);
	}
	return x_take(x, at, &b, ret);
}

int x_missing(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	(void)x;
	(void)at;
	*ret = x_true(&arg[n - 1]) ? arg[n - 1] : n > 1 ? arg[0] : x_str("<missing>", 9);
	return 0;
}
