/* expand_parse - from the text to a tree of actions; the whole text is checked before anything is printed. */
#include <string.h>

#include "expand_ast.h"
#include "expand_lex.h"

/* What ended a list of items. */
enum stop { STOP_EOF, STOP_END, STOP_ELSE };

struct parser {
	struct xlex lex;
	struct expansion *x;
	unsigned depth;
	unsigned moved;	  /* with and range around us: "." is not the root */
	const char **var; /* the names in scope */
	size_t nvar;
	bool trim_next; /* white space at the start of the following text goes */
};

static int parse_list(struct parser *p, struct xitem **ret, enum stop *stop, size_t *stop_at);
static struct xpipe *parse_pipe(struct parser *p, enum xtok_type end);

static int error_at(struct parser *p, const char *what)
{
	return x_error(p->x, p->lex.tok.at, "unexpected %s%s%s", x_tok_name(&p->lex.tok), *what ? "; " : "", what);
}

static int skip_space(struct parser *p)
{
	return p->lex.tok.type == TOK_SPACE ? x_lex(&p->lex) : 0;
}

static int enter(struct parser *p, size_t at)
{
	if (++p->depth > EXPAND_DEPTH_MAX)
		return x_error(p->x, at, "blocks or parentheses are nested deeper than %d", EXPAND_DEPTH_MAX);
	return 0;
}

/* --- variables in scope --- */

static int declare(struct parser *p, size_t at, const char *name)
{
	const char **grown;

	if ((p->nvar & (p->nvar - 1)) == 0) {
		grown = x_alloc(p->x, at, (p->nvar ? 2 * p->nvar : 1) * sizeof(*grown));
		if (!grown)
			return -1;
		if (p->nvar)
			memcpy(grown, p->var, p->nvar * sizeof(*grown));
		p->var = grown;
	}
	p->var[p->nvar++] = name;
	return 0;
}

static int check_variable(struct parser *p, size_t at, const char *name)
{
	for (size_t i = p->nvar; i-- > 0;)
		if (!strcmp(p->var[i], name))
			return 0;
	return x_error(p->x, at, "unknown variable %s; set it first with {{%s := ...}}", name, name);
}

/* --- operands --- */

/* Follows fields through the variables as far as these are maps: a name that does not exist is an error wherever it
 * stands. */
static int check_fields(struct parser *p, const struct xop *op)
{
	bool root = op->kind == OP_VAR ? !strcmp(op->name, "$") : op->kind == OP_DOT && p->moved == 0;
	struct xval v = x_node(p->x->vars);

	for (size_t i = 0; root && i < op->nfield && v.type == X_MAP; i++)
		if (x_field(p->x, op, i, &v) < 0)
			return -1;
	return 0;
}

static int parse_fields(struct parser *p, struct xop *op)
{
	const char **grown;

	while (p->lex.tok.type == TOK_FIELD) {
		if (op->kind == OP_LITERAL || op->kind == OP_FUNC)
			return error_at(p, "only variables and (...) have fields");
		if ((op->nfield & (op->nfield - 1)) == 0) {
			grown = x_alloc(p->x, op->at, (op->nfield ? 2 * op->nfield : 1) * sizeof(*grown));
			if (!grown)
				return -1;
			if (op->nfield)
				memcpy(grown, op->field, op->nfield * sizeof(*grown));
			op->field = grown;
		}
		op->field[op->nfield++] = p->lex.tok.text;
		if (x_lex(&p->lex) < 0)
			return -1;
	}
	return check_fields(p, op);
}

static int parse_word(struct parser *p, struct xop *op)
{
	const char *word = p->lex.tok.text;

	op->kind = OP_LITERAL;
	if (!strcmp(word, "true") || !strcmp(word, "false"))
		op->literal = (struct xval){.type = X_BOOL, .b = word[0] == 't'};
	else if (!strcmp(word, "nil"))
		op->literal = (struct xval){.type = X_NIL};
	else if (x_func(word))
		op->kind = OP_FUNC;
	else
		return x_error(p->x, op->at,
			       "unknown function \"%s\"; there are and, or, not, eq, ne, lt, le, gt, ge, len, index, "
			       "slice, print, printf, println, html, js, urlquery, json, yaml, indent, missing%s",
			       word, map_get(p->x->vars, word) ? "; a variable needs a dot before its name" : "");
	op->name = word;
	return 0;
}

static int parse_parens(struct parser *p, struct xop *op)
{
	op->kind = OP_PIPE;
	if (x_lex(&p->lex) < 0 || enter(p, op->at) < 0)
		return -1;
	op->pipe = parse_pipe(p, TOK_CLOSE);
	p->depth--;
	return op->pipe ? 0 : -1;
}

/* Reads one operand with its fields; the token behind it is the current one afterwards. */
static struct xop *parse_operand(struct parser *p)
{
	struct xtok *t = &p->lex.tok;
	struct xop *op = x_alloc(p->x, t->at, sizeof(*op));
	int r = 0;

	if (!op)
		return NULL;
	op->at = t->at;
	switch (t->type) {
	case TOK_DOT:
		op->kind = OP_DOT;
		break;
	case TOK_FIELD: /* taken as "." with fields */
		op->kind = OP_DOT;
		return parse_fields(p, op) < 0 ? NULL : op;
	case TOK_VAR:
		op->kind = OP_VAR;
		op->name = t->text;
		r = check_variable(p, t->at, t->text);
		break;
	case TOK_LITERAL:
		op->kind = OP_LITERAL;
		op->literal = t->literal;
		break;
	case TOK_WORD:
		r = parse_word(p, op);
		break;
	case TOK_OPEN:
		r = parse_parens(p, op);
		break;
	default:
		r = error_at(p, "a value or a function is missing");
	}
	if (r < 0 || x_lex(&p->lex) < 0)
		return NULL;
	if (op->kind == OP_DOT && p->lex.tok.type == TOK_FIELD) {
		error_at(p, "one dot is enough");
		return NULL;
	}
	return parse_fields(p, op) < 0 ? NULL : op;
}

/* --- pipes --- */

static struct xcmd *parse_command(struct parser *p)
{
	struct xcmd *c = x_alloc(p->x, p->lex.tok.at, sizeof(*c));
	struct xop **tail;

	if (!c)
		return NULL;
	c->at = p->lex.tok.at;
	tail = &c->op;
	for (;;) {
		*tail = parse_operand(p);
		if (!*tail)
			return NULL;
		tail = &(*tail)->next;
		c->nop++;
		if (p->lex.tok.type != TOK_SPACE)
			break;
		if (x_lex(&p->lex) < 0)
			return NULL;
		if (p->lex.tok.type == TOK_BAR || p->lex.tok.type == TOK_END || p->lex.tok.type == TOK_CLOSE)
			break;
	}
	if (c->op->kind == OP_LITERAL && c->op->literal.type == X_NIL && c->nop == 1) {
		x_error(p->x, c->at, "nil alone means nothing");
		return NULL;
	}
	return c;
}

/* "$x :=", "$x =", "$i, $x :=" at the start of a pipe. When it is something else the reader goes back to where it was.
 */
static int parse_declaration(struct parser *p, struct xpipe *pipe, bool range)
{
	struct xlex start = p->lex;
	const char *name[2] = {NULL, NULL};
	int n = 0;

	while (p->lex.tok.type == TOK_VAR && n < 2) {
		name[n++] = p->lex.tok.text;
		if (x_lex(&p->lex) < 0 || skip_space(p) < 0)
			return -1;
		if (p->lex.tok.type != TOK_COMMA || !range)
			break;
		if (x_lex(&p->lex) < 0 || skip_space(p) < 0)
			return -1;
	}
	if (n == 0 || (p->lex.tok.type != TOK_DECLARE && p->lex.tok.type != TOK_ASSIGN)) {
		p->lex = start;
		return 0;
	}
	pipe->assign = p->lex.tok.type == TOK_ASSIGN;
	pipe->nvar = n;
	for (int i = 0; i < n; i++) {
		pipe->var[i] = name[i];
		if (pipe->assign && check_variable(p, start.tok.at, name[i]) < 0)
			return -1;
		if (!strcmp(name[i], "$"))
			return x_error(p->x, start.tok.at, "$ cannot be set");
	}
	return x_lex(&p->lex) < 0 || skip_space(p) < 0 ? -1 : 0;
}

/* Reads up to the token `end`, which is the current one afterwards. Variables are not yet in scope. */
static struct xpipe *parse_pipe_decl(struct parser *p, enum xtok_type end, bool decl, bool range)
{
	struct xpipe *pipe = x_alloc(p->x, p->lex.tok.at, sizeof(*pipe));
	struct xcmd **tail;

	if (!pipe || skip_space(p) < 0)
		return NULL;
	pipe->at = p->lex.tok.at;
	if (decl && parse_declaration(p, pipe, range) < 0)
		return NULL;
	tail = &pipe->cmd;
	for (;;) {
		*tail = parse_command(p);
		if (!*tail)
			return NULL;
		tail = &(*tail)->next;
		if (p->lex.tok.type == end)
			return pipe;
		if (p->lex.tok.type != TOK_BAR) {
			error_at(p, "");
			return NULL;
		}
		if (x_lex(&p->lex) < 0 || skip_space(p) < 0)
			return NULL;
	}
}

static struct xpipe *parse_pipe(struct parser *p, enum xtok_type end)
{
	return parse_pipe_decl(p, end, false, false);
}

/* --- actions --- */

static int scope_pipe(struct parser *p, const struct xpipe *pipe)
{
	for (int i = 0; i < pipe->nvar && !pipe->assign; i++)
		if (declare(p, pipe->at, pipe->var[i]) < 0)
			return -1;
	return 0;
}

static const struct {
	const char *word;
	enum xitem_kind kind;
} blocks[] = {{"if", ITEM_IF}, {"with", ITEM_WITH}, {"range", ITEM_RANGE}};

static int block_kind(const struct xtok *t)
{
	for (size_t i = 0; t->type == TOK_WORD && i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (!strcmp(t->text, blocks[i].word))
			return (int)i;
	return -1;
}

static int parse_block(struct parser *p, struct xitem *item);

/* After {{else: the rest of the action, then the other branch. */
static int parse_else(struct parser *p, struct xitem *item, enum stop *stop, size_t *stop_at)
{
	int kind;

	if (x_lex(&p->lex) < 0 || skip_space(p) < 0)
		return -1;
	kind = block_kind(&p->lex.tok);
	if (kind >= 0 && blocks[kind].kind != ITEM_RANGE) {
		struct xitem *nested = x_alloc(p->x, p->lex.tok.at, sizeof(*nested));

		if (!nested)
			return -1;
		nested->kind = blocks[kind].kind;
		nested->at = p->lex.tok.at;
		item->otherwise = nested;
		*stop = STOP_END; /* the nested block reads the end of both */
		return parse_block(p, nested);
	}
	if (p->lex.tok.type != TOK_END)
		return error_at(p, "after else there may be if or with");
	p->trim_next = p->lex.trim;
	if (parse_list(p, &item->otherwise, stop, stop_at) < 0)
		return -1;
	if (*stop == STOP_ELSE)
		return x_error(p->x, *stop_at, "a second {{else}} in one block");
	return 0;
}

static int parse_block_body(struct parser *p, struct xitem *item, size_t scope)
{
	enum stop stop = STOP_EOF;
	size_t stop_at = item->at;
	bool moves = item->kind != ITEM_IF;

	p->moved += moves;
	if (parse_list(p, &item->body, &stop, &stop_at) < 0)
		return -1;
	p->moved -= moves;
	if (item->kind == ITEM_RANGE)
		p->nvar = scope;
	if (stop == STOP_ELSE && parse_else(p, item, &stop, &stop_at) < 0)
		return -1;
	if (stop == STOP_EOF)
		return x_error(p->x, item->at, "this block has no {{end}}");
	return 0;
}

/* The current token is the word of the block. */
static int parse_block(struct parser *p, struct xitem *item)
{
	size_t scope = p->nvar;
	int r;

	if (x_lex(&p->lex) < 0 || enter(p, item->at) < 0)
		return -1;
	item->pipe = parse_pipe_decl(p, TOK_END, true, item->kind == ITEM_RANGE);
	if (!item->pipe || scope_pipe(p, item->pipe) < 0)
		return -1;
	p->trim_next = p->lex.trim;
	r = parse_block_body(p, item, scope);
	p->nvar = scope;
	p->depth--;
	return r;
}

static int refuse_word(struct parser *p)
{
	static const char *const unsupported[] = {"define", "template", "block", "break", "continue", "call"};

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (p->lex.tok.type == TOK_WORD && !strcmp(p->lex.tok.text, unsupported[i]))
			return x_error(p->x, p->lex.tok.at, "{{%s}} is not supported", unsupported[i]);
	return 0;
}

/* {{end}} or {{else ...: 1 when it is one. The rest of an else is read by parse_else. */
static int parse_stop(struct parser *p, enum stop *stop, size_t *stop_at)
{
	const struct xtok *t = &p->lex.tok;

	if (t->type != TOK_WORD || (strcmp(t->text, "end") && strcmp(t->text, "else")))
		return 0;
	*stop_at = t->at;
	*stop = t->text[1] == 'n' ? STOP_END : STOP_ELSE;
	if (*stop == STOP_ELSE)
		return 1;
	if (x_lex(&p->lex) < 0 || skip_space(p) < 0)
		return -1;
	if (p->lex.tok.type != TOK_END)
		return error_at(p, "nothing may follow end");
	p->trim_next = p->lex.trim;
	return 1;
}

/* One action behind "{{"; 1 when it is the end of the list. */
static int parse_action(struct parser *p, struct xitem *item, enum stop *stop, size_t *stop_at)
{
	int r, kind;

	item->at = p->lex.pos;
	if (x_lex(&p->lex) < 0 || skip_space(p) < 0)
		return -1;
	item->at = p->lex.tok.at;
	r = parse_stop(p, stop, stop_at);
	if (r)
		return r;
	kind = block_kind(&p->lex.tok);
	if (kind >= 0) {
		item->kind = blocks[kind].kind;
		return parse_block(p, item);
	}
	if (refuse_word(p) < 0)
		return -1;
	if (p->lex.tok.type == TOK_END)
		return x_error(p->x, item->at, "nothing between {{ and }}");
	item->kind = ITEM_PRINT;
	item->pipe = parse_pipe_decl(p, TOK_END, true, false);
	if (!item->pipe || scope_pipe(p, item->pipe) < 0)
		return -1;
	p->trim_next = p->lex.trim;
	return 0;
}

/* --- text and comments --- */

static bool space_at(const struct expansion *x, size_t i)
{
	return i < x->len && x->text[i] && strchr(" \t\r\n", x->text[i]);
}

/* The text up to the next "{{", trimmed as the marks around it say; the reader stands behind "{{" and its mark
 * afterwards. False when no action follows. */
static bool parse_text(struct parser *p, struct xitem *item)
{
	struct expansion *x = p->x;
	size_t from = p->lex.pos, to;
	const char *open = strstr(x->text + from, "{{");

	item->kind = ITEM_TEXT;
	item->at = from;
	to = open ? (size_t)(open - x->text) : x->len;
	p->lex.pos = open ? to + 2 : to;
	while (p->trim_next && from < to && space_at(x, from))
		from++;
	p->trim_next = false;
	if (open && open[2] == '-' && space_at(x, p->lex.pos + 1)) {
		p->lex.pos++;
		while (to > from && space_at(x, to - 1))
			to--;
	}
	item->text = x->text + from;
	item->len = to - from;
	return open;
}

/* A comment right behind "{{" or "{{- ": 1 when there was one. */
static int parse_comment(struct parser *p)
{
	struct expansion *x = p->x;
	size_t start = p->lex.pos;
	const char *end;

	while (space_at(x, start) && x->text[p->lex.pos - 1] == '-')
		start++;
	if (strncmp(x->text + start, "/*", 2))
		return 0;
	end = strstr(x->text + start + 2, "*/");
	if (!end)
		return x_error(x, start, "a comment is not closed");
	p->lex.pos = (size_t)(end - x->text) + 2;
	if (x_lex(&p->lex) < 0)
		return -1;
	if (p->lex.tok.type != TOK_END)
		return x_error(x, p->lex.tok.at, "a comment must be followed by }} at once");
	p->trim_next = p->lex.trim;
	return 1;
}

static struct xitem *append(struct parser *p, struct xitem ***tail)
{
	struct xitem *item = x_alloc(p->x, p->lex.pos, sizeof(*item));

	if (item) {
		**tail = item;
		*tail = &item->next;
	}
	return item;
}

static int parse_list(struct parser *p, struct xitem **ret, enum stop *stop, size_t *stop_at)
{
	struct xitem **tail = ret, *item, action;
	size_t scope = p->nvar;

	for (;;) {
		int r;

		item = append(p, &tail);
		if (!item)
			return -1;
		if (!parse_text(p, item)) {
			*stop = STOP_EOF;
			break;
		}
		r = parse_comment(p);
		if (r < 0)
			return -1;
		if (r > 0)
			continue;
		action = (struct xitem){0};
		r = parse_action(p, &action, stop, stop_at);
		if (r < 0)
			return -1;
		if (r > 0)
			break;
		item = append(p, &tail);
		if (!item)
			return -1;
		*item = action;
	}
	p->nvar = scope;
	return 0;
}

int x_parse(struct expansion *x, struct xitem **ret)
{
	struct parser p = {.x = x, .lex = {.x = x}};
	enum stop stop = STOP_EOF;
	size_t stop_at = 0;

	if (declare(&p, 0, "$") < 0 || parse_list(&p, ret, &stop, &stop_at) < 0)
		return -1;
	if (stop != STOP_EOF)
		return x_error(x, stop_at, "{{%s}} without a block", stop == STOP_END ? "end" : "else");
	return 0;
}
