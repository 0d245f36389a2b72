/* expand_ast - what the parts of expand share: values, the parsed form of a text, and the state of one expansion. */
#ifndef LIMA_EXPAND_AST_H
#define LIMA_EXPAND_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "expand.h"

#define EXPAND_MEMORY_MAX (64u << 20) /* bytes of all texts made on the way */

enum xtype { X_NIL, X_BOOL, X_INT, X_FLOAT, X_STR, X_SEQ, X_MAP };

/* A value. Texts belong to the expansion, nodes to the caller of expand_text. */
struct xval {
	enum xtype type;
	bool lenient; /* X_NIL: stands for an unknown key that was forgiven; so are its fields */
	bool b;
	int64_t i;
	double f;
	const char *s;
	size_t len;	      /* X_STR: bytes; X_SEQ: elements */
	size_t from;	      /* X_SEQ: the first element */
	const struct node *n; /* X_SEQ, X_MAP */
};

enum xop_kind { OP_DOT, OP_VAR, OP_FUNC, OP_LITERAL, OP_PIPE };

/* An operand with the fields behind it. */
struct xop {
	enum xop_kind kind;
	size_t at; /* offset in the text, for messages; so below */
	const char *name;
	struct xval literal;
	struct xpipe *pipe;
	const char **field;
	size_t nfield;
	struct xop *next;
};
struct xcmd {
	size_t at;
	struct xop *op;
	size_t nop;
	struct xcmd *next;
};
struct xpipe {
	size_t at;
	const char *var[2]; /* with their '$' */
	int nvar;
	bool assign; /* "=", not ":=" */
	struct xcmd *cmd;
};

enum xitem_kind { ITEM_TEXT, ITEM_PRINT, ITEM_IF, ITEM_WITH, ITEM_RANGE };
struct xitem {
	enum xitem_kind kind;
	size_t at;
	const char *text;
	size_t len;
	struct xpipe *pipe;
	struct xitem *body, *otherwise;
	struct xitem *next;
};

/* The state of one expansion. Every allocation is freed with it, none before. */
struct expansion {
	const char *text;
	size_t len;
	const struct node *vars;
	const struct expand_names *names; /* NULL: names are keys */
	struct err *e;
	struct buf *out;
	size_t out_start;
	void **block;
	size_t nblock, bytes, steps;
	struct xvar {
		const char *name;
		struct xval value;
	} * var; /* the variables in scope, innermost last */
	size_t nvar;
};

/* Sets the error "LINE:COLUMN: ..." for an offset. Returns -1. */
int x_error(struct expansion *x, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Memory that lives as long as the expansion; NULL and an error beyond the bound. */
void *x_alloc(struct expansion *x, size_t at, size_t n);
/* Counts a step and the bytes that it works on. -1 and an error beyond the bound. */
int x_step(struct expansion *x, size_t at, size_t bytes);

/* expand_parse.c: the parsed text, or -1. Fields of "." and "$" are checked here already where they are known, so that
 * a typing error in a branch that is not taken is found too. */
int x_parse(struct expansion *x, struct xitem **ret);

/* expand_value.c */
struct xval x_str(const char *s, size_t n);
struct xval x_node(const struct node *n);
bool x_true(const struct xval *v);
const char *x_type_name(const struct xval *v);
/* One field further: follows op->field[i] of *v. */
int x_field(struct expansion *x, const struct xop *op, size_t i, struct xval *v);
/* Appends the text of a value. */
void x_print(const struct xval *v, struct buf *out);
/* The keys of a map in order; x_alloc'ed. */
const char **x_sorted_keys(struct expansion *x, size_t at, const struct node *map);
void x_float(double f, struct buf *out);
/* Makes the text of a buffer a value and frees the buffer. */
int x_take(struct expansion *x, size_t at, struct buf *b, struct xval *ret);

/* expand_func.c */
struct xfunc {
	const char *name;
	int min, max; /* arguments; max -1 = any number */
	int (*call)(struct expansion *x, size_t at, const struct xval *arg, size_t n,
		    struct xval *ret); /* NULL: and, or */
};
const struct xfunc *x_func(const char *name);
/* expand_data.c */
int x_json(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret);
int x_yaml(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret);
int x_indent(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret);
int x_missing(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret);
/* expand_printf.c */
int x_printf(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret);

#endif
