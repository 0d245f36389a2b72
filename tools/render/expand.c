/* expand - see expand.h. This file walks the parsed text and prints; limits and errors are here too. */
#include "expand.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expand_ast.h"

static int run_list(struct expansion *x, const struct xitem *item, const struct xval *dot);
static int run_pipe(struct expansion *x, const struct xpipe *p, const struct xval *dot, struct xval *ret);

int x_error(struct expansion *x, size_t at, const char *fmt, ...)
{
	char msg[ERR_MAX];
	unsigned line = 1, col = 1;
	va_list ap;

	for (size_t i = 0; i < at && i < x->len; i++) {
		if (x->text[i] == '\n') {
			line++;
			col = 1;
		} else if ((x->text[i] & 0xc0) != 0x80) {
			col++;
		}
	}
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return err_set(x->e, EXIT_BADDATA, "%u:%u: %s", line, col, msg);
}

void *x_alloc(struct expansion *x, size_t at, size_t n)
{
	void *p;

	if (n > EXPAND_MEMORY_MAX || x->bytes + n + sizeof(void *) > EXPAND_MEMORY_MAX) {
		x_error(x, at, "the template needs more than %u bytes while it is expanded", EXPAND_MEMORY_MAX);
		return NULL;
	}
	x->bytes += n + sizeof(void *);
	if ((x->nblock & (x->nblock - 1)) == 0)
		x->block = xrealloc(x->block, (x->nblock ? 2 * x->nblock : 1) * sizeof(*x->block));
	p = xcalloc(1, n);
	x->block[x->nblock++] = p;
	return p;
}

int x_step(struct expansion *x, size_t at, size_t bytes)
{
	x->steps += 1 + bytes / 256;
	if (x->steps > EXPAND_STEPS_MAX)
		return x_error(x, at, "the template does more than %d steps; is there a range over a large number?",
			       EXPAND_STEPS_MAX);
	return 0;
}

static int print_bytes(struct expansion *x, size_t at, const char *s, size_t n)
{
	if (x->out->len - x->out_start + n > EXPAND_OUTPUT_MAX)
		return x_error(x, at, "the expanded text is larger than %u bytes", EXPAND_OUTPUT_MAX);
	buf_add(x->out, s, n);
	return 0;
}

/* --- variables --- */

static int declare(struct expansion *x, size_t at, const char *name, const struct xval *v)
{
	if (x->nvar >= EXPAND_STEPS_MAX)
		return x_error(x, at, "too many variables");
	if ((x->nvar & (x->nvar - 1)) == 0)
		x->var = xrealloc(x->var, (x->nvar ? 2 * x->nvar : 1) * sizeof(*x->var));
	x->var[x->nvar++] = (struct xvar){name, *v};
	return 0;
}

/* The parser has made sure that there is one. */
static struct xval *variable(struct expansion *x, const char *name)
{
	for (size_t i = x->nvar; i-- > 0;)
		if (!strcmp(x->var[i].name, name))
			return &x->var[i].value;
	return NULL;
}

/* --- pipes --- */

static int run_call(struct expansion *x, const struct xop *op, const struct xval *arg, size_t n, struct xval *ret)
{
	const struct xfunc *f = x_func(op->name);

	if (n < (size_t)f->min || (f->max >= 0 && n > (size_t)f->max))
		return x_error(x, op->at, "%s takes %s%d argument%s, not %zu", f->name,
			       f->max == f->min	    ? ""
			       : n < (size_t)f->min ? "at least "
						    : "at most ",
			       n < (size_t)f->min ? f->min : f->max,
			       (n < (size_t)f->min ? f->min : f->max) == 1 ? "" : "s", n);
	return f->call(x, op->at, arg, n, ret);
}

static int run_op(struct expansion *x, const struct xop *op, const struct xval *dot, struct xval *ret)
{
	int r = 0;

	if (x_step(x, op->at, 0) < 0)
		return -1;
	switch (op->kind) {
	case OP_DOT:
		*ret = *dot;
		break;
	case OP_VAR:
		*ret = *variable(x, op->name);
		break;
	case OP_LITERAL:
		*ret = op->literal;
		break;
	case OP_PIPE:
		r = run_pipe(x, op->pipe, dot, ret);
		break;
	case OP_FUNC:
		if (!x_func(op->name)->call) /* and, or */
			return x_error(x, op->at, "%s takes at least 1 argument, not 0", op->name);
		r = run_call(x, op, NULL, 0, ret);
		break;
	}
	for (size_t i = 0; r == 0 && i < op->nfield; i++)
		r = x_step(x, op->at, 0) < 0 ? -1 : x_field(x, op, i, ret);
	return r;
}

/* `and` gives its first empty argument, `or` its first that is not, both the last one else; what follows is not looked
 * at. */
static int run_and_or(struct expansion *x, const struct xcmd *c, const struct xval *last, const struct xval *dot,
		      struct xval *ret)
{
	bool want = !strcmp(c->op->name, "or");

	if (!c->op->next && !last)
		return x_error(x, c->at, "%s takes at least 1 argument, not 0", c->op->name);
	for (const struct xop *op = c->op->next; op; op = op->next) {
		if (run_op(x, op, dot, ret) < 0)
			return -1;
		if (x_true(ret) == want)
			return 0;
	}
	if (last)
		*ret = *last;
	return 0;
}

static int run_function(struct expansion *x, const struct xcmd *c, const struct xval *last, const struct xval *dot,
			struct xval *ret)
{
	struct xval *arg;
	size_t n = 0;

	if (!x_func(c->op->name)->call)
		return run_and_or(x, c, last, dot, ret);
	arg = x_alloc(x, c->at, (c->nop + 1) * sizeof(*arg));
	if (!arg)
		return -1;
	for (const struct xop *op = c->op->next; op; op = op->next)
		if (run_op(x, op, dot, &arg[n++]) < 0)
			return -1;
	if (last)
		arg[n++] = *last;
	return run_call(x, c->op, arg, n, ret);
}

static int run_pipe(struct expansion *x, const struct xpipe *p, const struct xval *dot, struct xval *ret)
{
	struct xval last, *prev = NULL;

	*ret = (struct xval){.type = X_NIL};
	for (const struct xcmd *c = p->cmd; c; c = c->next) {
		int r;

		if (c->op->kind == OP_FUNC && c->op->nfield == 0)
			r = run_function(x, c, prev, dot, ret);
		else if (prev || c->nop > 1)
			r = x_error(x, c->at, "only a function can be given arguments");
		else
			r = run_op(x, c->op, dot, ret);
		if (r < 0 || x_step(x, c->at, ret->type == X_STR ? ret->len : 0) < 0)
			return -1;
		last = *ret;
		prev = &last;
	}
	return 0;
}

/* The pipe of an action with its variable. A range sets its variables by itself. */
static int run_decl(struct expansion *x, const struct xpipe *p, const struct xval *dot, struct xval *ret)
{
	if (run_pipe(x, p, dot, ret) < 0)
		return -1;
	if (p->nvar == 0)
		return 0;
	if (!p->assign)
		return declare(x, p->at, p->var[0], ret);
	*variable(x, p->var[0]) = *ret;
	return 0;
}

/* --- actions --- */

static int run_print(struct expansion *x, const struct xitem *item, const struct xval *dot)
{
	struct xval v = {.type = X_NIL};
	struct buf b = {0};
	int r;

	if (run_decl(x, item->pipe, dot, &v) < 0)
		return -1;
	if (item->pipe->nvar)
		return 0;
	if (v.type == X_STR)
		return print_bytes(x, item->at, v.s, v.len);
	x_print(&v, &b);
	r = x_step(x, item->at, b.len) < 0 ? -1 : print_bytes(x, item->at, buf_str(&b), b.len);
	buf_free(&b);
	return r;
}

/* One round of a range. */
static int run_round(struct expansion *x, const struct xitem *item, const struct xval *key, const struct xval *value)
{
	const struct xpipe *p = item->pipe;
	size_t scope = x->nvar;
	const struct xval *set[2] = {p->nvar == 2 ? key : value, value};
	int r = x_step(x, item->at, 0);

	for (int i = 0; r == 0 && i < p->nvar && i < 2; i++) {
		if (p->assign)
			*variable(x, p->var[i]) = *set[i];
		else
			r = declare(x, item->at, p->var[i], set[i]);
	}
	if (r == 0)
		r = run_list(x, item->body, value);
	x->nvar = scope;
	return r;
}

static int range_map(struct expansion *x, const struct xitem *item, const struct node *map)
{
	const char **keys = x_sorted_keys(x, item->at, map);

	if (!keys)
		return -1;
	for (size_t i = 0; i < map->n; i++) {
		struct xval key = x_str(keys[i], strlen(keys[i])), value = x_node(map_get(map, keys[i]));

		if (run_round(x, item, &key, &value) < 0)
			return -1;
	}
	return 0;
}

static int range_seq(struct expansion *x, const struct xitem *item, const struct xval *v)
{
	int64_t n = v->type == X_INT ? v->i : (int64_t)v->len;

	for (int64_t i = 0; i < n; i++) {
		struct xval key = {.type = X_INT, .i = i};
		struct xval value = v->type == X_INT ? key : x_node(v->n->item[v->from + (size_t)i]);

		if (run_round(x, item, &key, &value) < 0)
			return -1;
	}
	return 0;
}

static int run_range(struct expansion *x, const struct xitem *item, const struct xval *dot)
{
	struct xval v = {.type = X_NIL};

	if (run_pipe(x, item->pipe, dot, &v) < 0)
		return -1;
	if (v.type != X_NIL && v.type != X_SEQ && v.type != X_MAP && v.type != X_INT)
		return x_error(x, item->at, "range needs a list, a map or a whole number, not %s", x_type_name(&v));
	if (!x_true(&v) || (v.type == X_INT && v.i < 0))
		return run_list(x, item->otherwise, dot);
	return v.type == X_MAP ? range_map(x, item, v.n) : range_seq(x, item, &v);
}

static int run_branch(struct expansion *x, const struct xitem *item, const struct xval *dot)
{
	size_t scope = x->nvar;
	struct xval v = {.type = X_NIL};
	int r;

	if (run_decl(x, item->pipe, dot, &v) < 0)
		return -1;
	if (!x_true(&v))
		r = run_list(x, item->otherwise, dot);
	else
		r = run_list(x, item->body, item->kind == ITEM_WITH ? &v : dot);
	x->nvar = scope;
	return r;
}

static int run_item(struct expansion *x, const struct xitem *item, const struct xval *dot)
{
	if (x_step(x, item->at, item->len) < 0)
		return -1;
	switch (item->kind) {
	case ITEM_TEXT:
		return print_bytes(x, item->at, item->text, item->len);
	case ITEM_PRINT:
		return run_print(x, item, dot);
	case ITEM_RANGE:
		return run_range(x, item, dot);
	case ITEM_IF:
	case ITEM_WITH:
		break;
	}
	return run_branch(x, item, dot);
}

static int run_list(struct expansion *x, const struct xitem *item, const struct xval *dot)
{
	size_t scope = x->nvar;
	int r = 0;

	for (; r == 0 && item; item = item->next)
		r = run_item(x, item, dot);
	x->nvar = scope;
	return r;
}

int expand_named(const char *text, const struct node *vars, const struct expand_names *names, struct buf *out,
		 struct err *e)
{
	struct expansion x = {.text = text,
			      .len = strlen(text),
			      .vars = vars,
			      .names = names,
			      .e = e,
			      .out = out,
			      .out_start = out->len};
	struct xval root = x_node(vars);
	struct xitem *items = NULL;
	int r;

	r = x_parse(&x, &items);
	if (r == 0)
		r = declare(&x, 0, "$", &root);
	if (r == 0)
		r = run_list(&x, items, &root);
	if (r < 0 && out->data) {
		out->len = x.out_start;
		out->data[out->len] = '\0';
	}
	for (size_t i = 0; i < x.nblock; i++)
		free(x.block[i]);
	free(x.block);
	free(x.var);
	return r;
}

int expand_text(const char *text, const struct node *vars, struct buf *out, struct err *e)
{
	return expand_named(text, vars, NULL, out, e);
}
