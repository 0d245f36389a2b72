/* tree_emit - tree to YAML, and to JSON.
 *
 * Not libyaml's emitter: that one drops comments and styles. A node keeps the style it was read with as far as its content
 * allows. Lines are not wrapped. Every line begins with the newline that ends the one before. */
#include <stdlib.h>
#include <string.h>

#include "tree_text.h"
#include "utf8.h"

#define FOLD_COLUMNS 100

#define INDENT 2
#define INDENT_MAX 9 /* a block text says its indentation in one digit */

struct emitter {
	struct buf *out;
	unsigned step;  /* the indentation of what is inside */
	bool one_blank; /* before a comment behind something, whatever the source had */
	bool started;
	bool keep; /* the last thing written was a "|+": a blank line would become part of it */
};

static void start_line(struct emitter *em, unsigned indent)
{
	if (em->started)
		buf_addc(em->out, '\n');
	em->started = true;
	em->keep = false;
	for (unsigned i = 0; i < indent; i++)
		buf_addc(em->out, ' ');
}

/* Where what is in a map at `indent` begins. In a list it is always behind the dash. */
static unsigned deeper(const struct emitter *em, unsigned indent)
{
	return (indent + em->step) / em->step * em->step;
}

/* --- comments --- */

static void comment_text(struct emitter *em, const char *s, size_t n)
{
	if (*s != '#')
		buf_adds(em->out, "# ");
	for (size_t i = 0; i < n; i++)
		buf_addc(em->out, ((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f ? ' ' : s[i]);
}

/* A head or foot, each line on its own. */
static void comment_lines(struct emitter *em, const char *text, unsigned indent)
{
	for (const char *p = text; p;) {
		size_t len = strcspn(p, "\n");

		if (len) {
			start_line(em, indent);
			comment_text(em, p, len);
		} else if (em->started && !em->keep) {
			start_line(em, 0);
		}
		p = p[len] ? p + len + 1 : NULL;
	}
}

static void line_comment(struct emitter *em, const struct node *n)
{
	const char *text = n->line_comment;
	size_t blanks = text ? strspn(text, " ") : 0;

	if (!text)
		return;
	buf_addf(em->out, "%*s", em->one_blank || !blanks ? 1 : (int)blanks, "");
	comment_text(em, text + blanks, strlen(text + blanks));
}

/* Whether something beneath has a comment: then it cannot be written on one line. */
static bool has_comment(const struct node *n)
{
	for (size_t i = 0; i < n->n; i++) {
		const struct node *c = n->item[i];

		if (c->line_comment || (c->head && strchr(c->head, '#')) || has_comment(c))
			return true;
	}
	return n->n && n->foot;
}

/* --- block scalars --- */

static bool is_block_scalar(const struct node *n)
{
	return n->type == NODE_STR && (n->style == '|' || n->style == '>') && n->str[strspn(n->str, " \t\n")] &&
	       text_all_printable(n->str, "\t\n");
}

/* ">" is kept where every line of the value is a paragraph of words. */
static bool fold_ok(const char *s)
{
	size_t n = strlen(s);

	return !strchr(" \t\n", *s) && !strchr(" \t", s[n - 1]) && !strstr(s, "\n ") && !strstr(s, "\n\t") &&
	       !strstr(s, " \n") && !strstr(s, "\t\n");
}

/* One paragraph, broken at single blanks. */
static void fold_line(struct emitter *em, const char *s, size_t n, unsigned indent)
{
	size_t col = indent;

	start_line(em, indent);
	for (size_t i = 0; i < n; i++, col++) {
		bool single = s[i] == ' ' && i && i + 1 < n && !strchr(" \t", s[i - 1]) && !strchr(" \t", s[i + 1]);

		if (single && col + strcspn(s + i + 1, " \n") >= FOLD_COLUMNS) {
			start_line(em, indent);
			col = indent;
		} else {
			buf_addc(em->out, s[i]);
		}
	}
}

static void block_lines(struct emitter *em, const char *s, const char *end, unsigned indent, bool fold)
{
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t len = (size_t)((nl ? nl : end) - s);

		if (!len) {
			start_line(em, 0);
		} else if (fold) {
			fold_line(em, s, len, indent);
		} else {
			start_line(em, indent);
			buf_add(em->out, s, len);
		}
		if (fold && nl && len)
			start_line(em, 0); /* in ">" one line end is a blank, two are one */
		s += len + 1;
	}
}

/* `indent` is that of the text, `outer` that of the key or dash. */
static void block_scalar(struct emitter *em, const struct node *n, unsigned indent, unsigned outer)
{
	const char *s = n->str, *first = s + strspn(s, "\n");
	bool fold = n->style == '>' && fold_ok(s);
	size_t len = strlen(s), body = len;

	while (s[body - 1] == '\n')
		body--;
	buf_addc(em->out, fold ? '>' : '|');
	if (*first == ' ' || *first == '\t')
		buf_addf(em->out, "%u", indent - outer); /* else these blanks would be taken for the indentation */
	if (len - body != 1)
		buf_addc(em->out, len == body ? '-' : '+');
	line_comment(em, n);
	block_lines(em, s, s + body, indent, fold);
	for (size_t i = body + 1; i < len; i++)
		start_line(em, 0);
	em->keep = len > body + 1;
}

/* --- collections --- */

static bool is_inline(const struct node *n)
{
	if (n->type != NODE_SEQ && n->type != NODE_MAP)
		return true;
	return n->n == 0 || ((n->style == '[' || n->style == '{' || n->style == ':') && !has_comment(n));
}

static void flow_node(struct emitter *em, const struct node *n, bool in_list)
{
	bool map = n->type == NODE_MAP, bare = map && in_list && n->style == ':' && n->n == 1;

	if (!map && n->type != NODE_SEQ) {
		scalar_inline(em->out, n, true);
		return;
	}
	if (!bare)
		buf_addc(em->out, map ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			buf_adds(em->out, ", ");
		if (map) {
			text_key(em->out, n->key[i], true);
			buf_adds(em->out, ": ");
		}
		flow_node(em, n->item[i], !map);
	}
	if (!bare)
		buf_addc(em->out, map ? '}' : ']');
}

static void entries(struct emitter *em, const struct node *n, unsigned indent, bool on_line);

/* What is written on the line of a key or dash: a scalar or a flow collection, behind a blank. */
static void inline_value(struct emitter *em, const struct node *n, unsigned indent, unsigned outer)
{
	size_t before;

	buf_addc(em->out, ' ');
	if (is_block_scalar(n)) {
		block_scalar(em, n, indent, outer);
		return;
	}
	before = em->out->len;
	if (n->type == NODE_SEQ || n->type == NODE_MAP)
		flow_node(em, n, false);
	else
		scalar_inline(em->out, n, false);
	if (em->out->len == before)
		em->out->data[--em->out->len] = '\0'; /* nothing: no blank either */
	line_comment(em, n);
}

/* Comments of a list item and of what begins on its line stand above its dash. */
static void item_head(struct emitter *em, const struct node *n, unsigned indent)
{
	comment_lines(em, n->head, indent);
	if (is_inline(n))
		return;
	if (n->line_comment)
		comment_lines(em, n->line_comment + strspn(n->line_comment, " "), indent);
	if (n->type == NODE_SEQ)
		item_head(em, n->item[0], indent);
	else
		comment_lines(em, n->item[0]->head, indent);
}

static void map_value(struct emitter *em, const struct node *n, unsigned indent)
{
	if (is_inline(n)) {
		inline_value(em, n, deeper(em, indent), indent);
		return;
	}
	line_comment(em, n);
	entries(em, n, n->type == NODE_SEQ && n->style != '-' ? indent : deeper(em, indent), false);
}

static void entry(struct emitter *em, const struct node *n, size_t i, unsigned indent)
{
	const struct node *child = n->item[i];

	if (n->type == NODE_MAP) {
		text_key(em->out, n->key[i], false);
		buf_addc(em->out, ':');
		map_value(em, child, indent);
		return;
	}
	buf_addc(em->out, '-');
	if (is_inline(child)) {
		inline_value(em, child, indent + INDENT, indent);
		return;
	}
	buf_addc(em->out, ' ');
	entries(em, child, indent + INDENT, true);
}

/* The entries of a block collection; `on_line`: the first one continues a line, and its head was written. */
static void entries(struct emitter *em, const struct node *n, unsigned indent, bool on_line)
{
	for (size_t i = 0; i < n->n; i++) {
		if (i || !on_line) {
			if (n->type == NODE_SEQ)
				item_head(em, n->item[i], indent);
			else
				comment_lines(em, n->item[i]->head, indent);
			start_line(em, indent);
		}
		entry(em, n, i, indent);
	}
	comment_lines(em, n->foot, indent);
}

void tree_emit(const struct node *root, struct buf *out)
{
	tree_emit_as(root, &(struct tree_style){ .indent = INDENT }, out);
}

void tree_emit_as(const struct node *root, const struct tree_style *style, struct buf *out)
{
	bool usual = style->indent < INDENT || style->indent > INDENT_MAX;
	struct emitter em = { .out = out, .step = usual ? INDENT : style->indent, .one_blank = style->one_blank };

	comment_lines(&em, root->head, 0);
	if (!is_inline(root)) {
		entries(&em, root, 0, false);
	} else {
		/* A text of comments alone is an empty map. */
		if (root->type != NODE_MAP || root->n || (!root->head && !root->foot)) {
			start_line(&em, 0);
			flow_node(&em, root, false);
			line_comment(&em, root);
		}
		comment_lines(&em, root->foot, 0);
	}
	if (em.started)
		buf_addc(out, '\n');
}

/* --- JSON --- */

static void json_line(struct buf *out, bool pretty, unsigned depth)
{
	if (!pretty)
		return;
	buf_addc(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		buf_adds(out, "  ");
}

static void json_node(struct buf *out, const struct node *n, bool pretty, unsigned depth)
{
	bool map = n->type == NODE_MAP;

	if (!map && n->type != NODE_SEQ) {
		scalar_json(out, n);
		return;
	}
	buf_addc(out, map ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			buf_addc(out, ',');
		json_line(out, pretty, depth + 1);
		if (map) {
			json_string(out, n->key[i]);
			buf_adds(out, pretty ? ": " : ":");
		}
		json_node(out, n->item[i], pretty, depth + 1);
	}
	if (n->n)
		json_line(out, pretty, depth);
	buf_addc(out, map ? '}' : ']');
}

void tree_emit_json(const struct node *root, bool pretty, struct buf *out)
{
	json_node(out, root, pretty, 0);
}
