/* expand_value - the values of an expansion: their truth, their fields, their text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expand_ast.h"

#define NAMES_MAX 24 /* names listed in a message */

struct xval x_str(const char *s, size_t n)
{
	return (struct xval){.type = X_STR, .s = s, .len = n};
}

struct xval x_node(const struct node *n)
{
	if (!n)
		return (struct xval){.type = X_NIL};
	switch (n->type) {
	case NODE_BOOL:
		return (struct xval){.type = X_BOOL, .b = n->b};
	case NODE_INT:
		return (struct xval){.type = X_INT, .i = n->i};
	case NODE_FLOAT:
		return (struct xval){.type = X_FLOAT, .f = n->f};
	case NODE_STR:
		return x_str(n->str ? n->str : "", n->str ? strlen(n->str) : 0);
	case NODE_SEQ:
		return (struct xval){.type = X_SEQ, .n = n, .len = n->n};
	case NODE_MAP:
		return (struct xval){.type = X_MAP, .n = n};
	case NODE_NULL:
		break;
	}
	return (struct xval){.type = X_NIL};
}

bool x_true(const struct xval *v)
{
	switch (v->type) {
	case X_BOOL:
		return v->b;
	case X_INT:
		return v->i != 0;
	case X_FLOAT:
		return v->f != 0;
	case X_STR:
	case X_SEQ:
		return v->len > 0;
	case X_MAP:
		return v->n->n > 0;
	case X_NIL:
		break;
	}
	return false;
}

const char *x_type_name(const struct xval *v)
{
	static const char *const names[] = {
	    [X_NIL] = "nil",	[X_BOOL] = "a boolean", [X_INT] = "a whole number", [X_FLOAT] = "a fraction",
	    [X_STR] = "a text", [X_SEQ] = "a list",	[X_MAP] = "a map",
	};

	return names[v->type];
}

/* --- fields --- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **x_sorted_keys(struct expansion *x, size_t at, const struct node *map)
{
	const char **keys;

	if (x_step(x, at, map->n * 64) < 0)
		return NULL;
	keys = x_alloc(x, at, (map->n + 1) * sizeof(*keys));
	if (!keys)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		keys[i] = map->key[i];
	qsort(keys, map->n, sizeof(*keys), compare_names);
	return keys;
}

/* ".Param.x": the operand up to its i-th field (not included). */
static void path_text(const struct xop *op, size_t fields, struct buf *out)
{
	if (op->kind == OP_VAR)
		buf_adds(out, op->name);
	else if (op->kind == OP_PIPE)
		buf_adds(out, "(...)");
	for (size_t i = 0; i < fields; i++)
		buf_addf(out, ".%s", op->field[i]);
}

static int unknown_key(struct expansion *x, const struct xop *op, size_t i, const struct node *map)
{
	const char **keys = x_sorted_keys(x, op->at, map);
	struct buf name = {0}, parent = {0}, list = {0};

	if (!keys)
		return -1;
	path_text(op, i + 1, &name);
	path_text(op, i, &parent);
	for (size_t k = 0; k < map->n && k < NAMES_MAX; k++)
		buf_addf(&list, "%s%s%s", k ? ", " : "", i == 0 ? "." : "", keys[k]);
	if (map->n > NAMES_MAX)
		buf_adds(&list, ", ...");
	if (map->n == 0)
		buf_adds(&list, "nothing");
	if (i == 0)
		x_error(x, op->at, "unknown variable %s; there are %s", buf_str(&name), buf_str(&list));
	else
		x_error(x, op->at, "unknown variable %s; in %s there is %s", buf_str(&name), buf_str(&parent),
			buf_str(&list));
	buf_free(&name);
	buf_free(&parent);
	buf_free(&list);
	return -1;
}

/* A field by a name that need not be the key. */
static int named_field(struct expansion *x, const struct xop *op, size_t i, struct xval *v)
{
	bool root = v->type == X_MAP && v->n == x->vars;
	const struct node *child = v->type == X_MAP ? x->names->find(v->n, op->field[i], root) : NULL;
	struct buf path = {0}, text = {0};

	if (child) {
		*v = x_node(child);
		return 0;
	}
	path_text(op, i, &path);
	path_text(op, i + 1, &text);
	x_error(x, op->at, "executing \"format\" at <%s>: can't evaluate field %s in type %s", buf_str(&text), op->field[i],
		root ? x->names->type : path.len ? buf_str(&path) : x_type_name(v));
	buf_free(&path);
	buf_free(&text);
	return -1;
}

int x_field(struct expansion *x, const struct xop *op, size_t i, struct xval *v)
{
	struct node *child;
	struct buf path = {0};

	if (v->type == X_NIL && v->lenient)
		return 0;
	if (x->names)
		return named_field(x, op, i, v);
	if (v->type != X_MAP) {
		path_text(op, i, &path);
		x_error(x, op->at, "%s has no fields (.%s), it is %s", path.len ? buf_str(&path) : "\".\"",
			op->field[i], x_type_name(v));
		buf_free(&path);
		return -1;
	}
	child = map_get(v->n, op->field[i]);
	if (child) {
		*v = x_node(child);
		return 0;
	}
	child = map_get(v->n, "*");
	if (!child)
		return unknown_key(x, op, i, v->n);
	*v = x_node(child);
	v->lenient = true;
	return 0;
}

/* --- text --- */

/* The shortest digits that read back as the same number, with an exponent where Go has one. */
void x_float(double f, struct buf *out)
{
	char s[64];
	char *e;
	int precision = 1, exponent;

	do
		snprintf(s, sizeof(s), "%.*e", precision - 1, f);
	while (strtod(s, NULL) != f && ++precision <= 17);
	e = strchr(s, 'e');
	exponent = e ? atoi(e + 1) : 0;
	if (f - f != 0.0) /* infinite or not a number */
		buf_adds(out, f > 0 ? "+Inf" : f < 0 ? "-Inf" : "NaN");
	else if (exponent < -4 || exponent >= 6)
		buf_adds(out, s);
	else
		buf_addf(out, "%.*f", precision - 1 > exponent ? precision - 1 - exponent : 0, f);
}

static void print_map(const struct node *map, struct buf *out)
{
	const char **keys = xcalloc(map->n, sizeof(*keys));

	for (size_t i = 0; i < map->n; i++)
		keys[i] = map->key[i];
	qsort(keys, map->n, sizeof(*keys), compare_names);
	buf_adds(out, "map[");
	for (size_t i = 0; i < map->n; i++) {
		struct xval v = x_node(map_get(map, keys[i]));

		buf_addf(out, "%s%s:", i ? " " : "", keys[i]);
		x_print(&v, out);
	}
	buf_addc(out, ']');
	free(keys);
}

void x_print(const struct xval *v, struct buf *out)
{
	switch (v->type) {
	case X_NIL:
		buf_adds(out, "<no value>");
		break;
	case X_BOOL:
		buf_adds(out, v->b ? "true" : "false");
		break;
	case X_INT:
		buf_addf(out, "%lld", (long long)v->i);
		break;
	case X_FLOAT:
		x_float(v->f, out);
		break;
	case X_STR:
		buf_add(out, v->s, v->len);
		break;
	case X_SEQ:
		buf_addc(out, '[');
		for (size_t i = 0; i < v->len; i++) {
			struct xval item = x_node(v->n->item[v->from + i]);

			buf_adds(out, i ? " " : "");
			x_print(&item, out);
		}
		buf_addc(out, ']');
		break;
	case X_MAP:
		print_map(v->n, out);
		break;
	}
}

int x_take(struct expansion *x, size_t at, struct buf *b, struct xval *ret)
{
	char *s;
	int r = -1;

	if (b->len > EXPAND_OUTPUT_MAX) {
		x_error(x, at, "a text is larger than %u bytes", EXPAND_OUTPUT_MAX);
	} else if (x_step(x, at, b->len) == 0 && (s = x_alloc(x, at, b->len + 1))) {
		memcpy(s, buf_str(b), b->len);
		*ret = x_str(s, b->len);
		r = 0;
	}
	buf_free(b);
	return r;
}
