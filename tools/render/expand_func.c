/* expand_func - the built-in functions of the template language. */
#include <stdio.h>
#include <string.h>

#include "expand_ast.h"

static struct xval bool_value(bool b)
{
	return (struct xval){.type = X_BOOL, .b = b};
}

/* --- comparing --- */

static bool basic(const struct xval *v)
{
	return v->type != X_SEQ && v->type != X_MAP;
}

static int kind_mismatch(struct expansion *x, size_t at, const struct xval *a, const struct xval *b)
{
	return x_error(x, at, "cannot compare %s with %s%s", x_type_name(a), x_type_name(b),
		       a->type == X_STR || b->type == X_STR ? "; put quotes around the number or boolean" : "");
}

/* *ret = a == b. Values of different kinds are an error, other than with nil, which is equal to nothing but itself. */
static int equal(struct expansion *x, size_t at, const struct xval *a, const struct xval *b, bool *ret)
{
	if (!basic(a) || !basic(b))
		return x_error(x, at, "%s cannot be compared", x_type_name(basic(a) ? b : a));
	if (x_step(x, at, a->type == X_STR ? a->len : 0) < 0)
		return -1;
	*ret = false;
	if (a->type == X_NIL || b->type == X_NIL) {
		*ret = a->type == b->type;
		return 0;
	}
	if (a->type != b->type)
		return kind_mismatch(x, at, a, b);
	switch (a->type) {
	case X_BOOL:
		*ret = a->b == b->b;
		break;
	case X_INT:
		*ret = a->i == b->i;
		break;
	case X_FLOAT:
		*ret = a->f == b->f;
		break;
	default:
		*ret = a->len == b->len && !memcmp(a->s, b->s, a->len);
	}
	return 0;
}

static int call_eq(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	bool same = false;

	for (size_t i = 1; i < n && !same; i++)
		if (equal(x, at, &arg[0], &arg[i], &same) < 0)
			return -1;
	*ret = bool_value(same);
	return 0;
}

static int call_ne(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	bool same = false;

	(void)n;
	if (equal(x, at, &arg[0], &arg[1], &same) < 0)
		return -1;
	*ret = bool_value(!same);
	return 0;
}

/* *ret < 0, 0 or > 0. */
static int order(struct expansion *x, size_t at, const struct xval *arg, int *ret)
{
	const struct xval *a = &arg[0], *b = &arg[1];
	size_t n = a->len < b->len ? a->len : b->len;

	if (a->type != X_INT && a->type != X_FLOAT && a->type != X_STR)
		return x_error(x, at, "%s has no order", x_type_name(a));
	if (a->type != b->type)
		return kind_mismatch(x, at, a, b);
	if (a->type == X_INT) {
		*ret = (a->i > b->i) - (a->i < b->i);
	} else if (a->type == X_FLOAT) {
		*ret = (a->f > b->f) - (a->f < b->f);
	} else {
		*ret = n ? memcmp(a->s, b->s, n) : 0;
		if (*ret == 0)
			*ret = (a->len > b->len) - (a->len < b->len);
	}
	return x_step(x, at, n);
}

#define ORDER_CALL(name, op)                                                                                           \
	static int name(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)            \
	{                                                                                                              \
		int c = 0;                                                                                             \
		(void)n;                                                                                               \
		if (order(x, at, arg, &c) < 0)                                                                         \
			return -1;                                                                                     \
		*ret = bool_value(c op 0);                                                                             \
		return 0;                                                                                              \
	}
ORDER_CALL(call_lt, <)
ORDER_CALL(call_le, <=)
ORDER_CALL(call_gt, >)
ORDER_CALL(call_ge, >=)

static int call_not(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	(void)x;
	(void)at;
	(void)n;
	*ret = bool_value(!x_true(&arg[0]));
	return 0;
}

/* --- parts --- */

static int call_len(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	(void)n;
	if (arg->type != X_STR && arg->type != X_SEQ && arg->type != X_MAP)
		return x_error(x, at, "len needs a text, a list or a map, not %s", x_type_name(arg));
	*ret = (struct xval){.type = X_INT, .i = (int64_t)(arg->type == X_MAP ? arg->n->n : arg->len)};
	return 0;
}

static int index_map(struct expansion *x, size_t at, const struct xval *key, struct xval *v)
{
	const struct node *child = NULL;

	if (key->type != X_STR)
		return x_error(x, at, "index: the key of a map is a text, not %s", x_type_name(key));
	for (size_t i = 0; i < v->n->n && !child; i++)
		if (strlen(v->n->key[i]) == key->len && !memcmp(v->n->key[i], key->s, key->len))
			child = v->n->item[i];
	if (!child) {
		child = map_get(v->n, "*");
		if (!child)
			return x_error(x, at, "index: there is no key \"%.*s\"", (int)(key->len < 100 ? key->len : 100),
				       key->s);
		*v = x_node(child);
		v->lenient = true;
		return 0;
	}
	*v = x_node(child);
	return x_step(x, at, 0);
}

static int index_one(struct expansion *x, size_t at, const struct xval *key, struct xval *v)
{
	if (v->type == X_NIL && v->lenient)
		return 0;
	if (v->type == X_MAP)
		return index_map(x, at, key, v);
	if (v->type != X_SEQ && v->type != X_STR)
		return x_error(x, at, "index needs a list, a map or a text, not %s", x_type_name(v));
	if (key->type != X_INT)
		return x_error(x, at, "index: a position is a whole number, not %s", x_type_name(key));
	if (key->i < 0 || (uint64_t)key->i >= v->len)
		return x_error(x, at, "index: %lld is outside of %zu elements", (long long)key->i, v->len);
	if (v->type == X_STR)
		*v = (struct xval){.type = X_INT, .i = (unsigned char)v->s[key->i]};
	else
		*v = x_node(v->n->item[v->from + (size_t)key->i]);
	return x_step(x, at, 0);
}

static int call_index(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	*ret = arg[0];
	for (size_t i = 1; i < n; i++)
		if (index_one(x, at, &arg[i], ret) < 0)
			return -1;
	return 0;
}

static int call_slice(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	int64_t bound[2] = {0, (int64_t)arg->len};

	if (arg->type != X_STR && arg->type != X_SEQ)
		return x_error(x, at, "slice needs a text or a list, not %s", x_type_name(arg));
	if (n == 4 && arg->type == X_STR)
		return x_error(x, at, "slice takes at most two bounds for a text");
	for (size_t i = 1; i < n; i++) {
		if (arg[i].type != X_INT)
			return x_error(x, at, "slice: a bound is a whole number, not %s", x_type_name(&arg[i]));
		if (arg[i].i < (i > 1 ? arg[i - 1].i : 0) || (uint64_t)arg[i].i > arg->len)
			return x_error(x, at, "slice: %lld is outside of %zu elements", (long long)arg[i].i, arg->len);
		if (i <= 2)
			bound[i - 1] = arg[i].i;
	}
	*ret = *arg;
	ret->len = (size_t)(bound[1] - bound[0]);
	if (arg->type == X_STR)
		ret->s += bound[0];
	else
		ret->from += (size_t)bound[0];
	return 0;
}

/* --- text --- */

/* As Go's Sprint: a blank between two values of which neither is a text. */
static int join(struct expansion *x, size_t at, const struct xval *arg, size_t n, bool always, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (i && (always || (arg[i].type != X_STR && arg[i - 1].type != X_STR)))
			buf_addc(out, ' ');
		if (arg[i].type == X_NIL)
			buf_adds(out, "<nil>");
		else
			x_print(&arg[i], out);
		if (out->len > EXPAND_OUTPUT_MAX)
			return x_error(x, at, "a text is larger than %u bytes", EXPAND_OUTPUT_MAX);
	}
	return 0;
}

static int print_args(struct expansion *x, size_t at, const struct xval *arg, size_t n, bool line, struct xval *ret)
{
	struct buf b = {0};

	if (join(x, at, arg, n, line, &b) < 0) {
		buf_free(&b);
		return -1;
	}
	if (line)
		buf_addc(&b, '\n');
	return x_take(x, at, &b, ret);
}

static int call_print(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	return print_args(x, at, arg, n, false, ret);
}

static int call_println(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	return print_args(x, at, arg, n, true, ret);
}

static void escape_html(unsigned char c, struct buf *out)
{
	static const char *const names[] = {
	    ['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&#34;", ['\''] = "&#39;"};

	if (c == 0)
		buf_adds(out, "\xef\xbf\xbd");
	else if (c < sizeof(names) / sizeof(names[0]) && names[c])
		buf_adds(out, names[c]);
	else
		buf_addc(out, (char)c);
}

static void escape_js(unsigned char c, struct buf *out)
{
	if (c == '\\' || c == '\'' || c == '"')
		buf_addf(out, "\\%c", c);
	else if (c < 0x20 || strchr("<>&=", c))
		buf_addf(out, "\\u%04X", c);
	else
		buf_addc(out, (char)c);
}

static void escape_url(unsigned char c, struct buf *out)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("-_.~", c)))
		buf_addc(out, (char)c);
	else if (c == ' ')
		buf_addc(out, '+');
	else
		buf_addf(out, "%%%02X", c);
}

static int escape(struct expansion *x, size_t at, const struct xval *arg, size_t n,
		  void (*one)(unsigned char c, struct buf *out), struct xval *ret)
{
	struct buf text = {0}, b = {0};
	int r = join(x, at, arg, n, false, &text);

	for (size_t i = 0; r == 0 && i < text.len; i++)
		one((unsigned char)text.data[i], &b);
	buf_free(&text);
	if (r == 0)
		return x_take(x, at, &b, ret);
	buf_free(&b);
	return -1;
}

static int call_html(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	return escape(x, at, arg, n, escape_html, ret);
}

static int call_js(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	return escape(x, at, arg, n, escape_js, ret);
}

static int call_urlquery(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	return escape(x, at, arg, n, escape_url, ret);
}

const struct xfunc *x_func(const char *name)
{
	static const struct xfunc funcs[] = {
	    {"and", 1, -1, NULL},	  {"or", 1, -1, NULL},
	    {"not", 1, 1, call_not},	  {"eq", 2, -1, call_eq},
	    {"ne", 2, 2, call_ne},	  {"lt", 2, 2, call_lt},
	    {"le", 2, 2, call_le},	  {"gt", 2, 2, call_gt},
	    {"ge", 2, 2, call_ge},	  {"len", 1, 1, call_len},
	    {"index", 1, -1, call_index}, {"slice", 1, 4, call_slice},
	    {"print", 0, -1, call_print}, {"println", 0, -1, call_println},
	    {"printf", 1, -1, x_printf},  {"html", 0, -1, call_html},
	    {"js", 0, -1, call_js},	  {"urlquery", 0, -1, call_urlquery},
	    {"json", 1, 1, x_json},	  {"yaml", 1, 1, x_yaml},
	    {"indent", 1, 2, x_indent},	  {"missing", 1, 2, x_missing},
	};

	for (size_t i = 0; i < sizeof(funcs) / sizeof(funcs[0]); i++)
		if (!strcmp(funcs[i].name, name))
			return &funcs[i];
	return NULL;
}
