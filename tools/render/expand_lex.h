/* expand_lex - the tokens inside {{ }}. */
#ifndef LIMA_EXPAND_LEX_H
#define LIMA_EXPAND_LEX_H

#include "expand_ast.h"

enum xtok_type {
	TOK_SPACE,
	TOK_DOT,
	TOK_FIELD,   /* .Name */
	TOK_VAR,     /* $ or $name */
	TOK_WORD,    /* a function, a keyword, true, false, nil */
	TOK_LITERAL, /* a text, a number, a character */
	TOK_BAR,
	TOK_OPEN,
	TOK_CLOSE,
	TOK_COMMA,
	TOK_DECLARE, /* := */
	TOK_ASSIGN,  /* = */
	TOK_END,     /* }} */
};
struct xtok {
	enum xtok_type type;
	size_t at;
	const char *text; /* FIELD without its dot, VAR with its '$', WORD; others NULL */
	struct xval literal;
};
struct xlex {
	struct expansion *x;
	size_t pos;	 /* the next byte */
	struct xtok tok; /* the current token */
	bool trim;	 /* the last END was -}} */
};

/* Reads the next token into l->tok. */
int x_lex(struct xlex *l);
/* A token as messages show it. */
const char *x_tok_name(const struct xtok *t);

#endif
