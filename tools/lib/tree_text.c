/* tree_text - see tree_text.h. Double quotes can hold every text, so they are the last resort of everything. */
#include "tree_text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "utf8.h"

#define SIMPLE_KEY_MAX 900 /* libyaml: a key without '?' has at most 1024 characters */

static bool printable(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c != 0x2028 && c != 0x2029 && c != 0xfeff && c != 0xfffe && c != 0xffff);
}

bool text_all_printable(const char *s, const char *also)
{
	size_t n = strlen(s), len;
	uint32_t c;

	for (; n; s += len, n -= len) {
		len = utf8_next(s, n, &c);
		if (!len || (!printable(c) && !(c < 0x80 && strchr(also, (int)c))))
			return false;
	}
	return true;
}

/* Whether a text that means itself can be written without quotes. */
static bool plain_ok(const char *s, bool flow)
{
	size_t n = strlen(s);

	if (!n || !text_all_printable(s, "") || s[n - 1] == ' ' || s[n - 1] == ':')
		return false;
	if (strchr(",[]{}#&*!|>'\"%@`? ", s[0]) || !strcmp(s, "<<") || !strcmp(s, "="))
		return false;
	if ((s[0] == '-' || s[0] == ':') && (!s[1] || strchr(" -:.,[]{}", s[1])))
		return false;
	if (!strncmp(s, "...", 3) || strstr(s, ": ") || strstr(s, " #"))
		return false;
	return !flow || (!strpbrk(s, ",[]{}?") && s[0] != ':' && s[0] != '-');
}

static enum node_type plain_type(const char *s)
{
	struct node as = { 0 };

	scalar_resolve(s, &as);
	return as.type;
}

static void single_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_addc(out, '\'');
		buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}

void text_inline(struct buf *out, const char *s, char style, bool flow)
{
	if (style == '\'' && text_all_printable(s, ""))
		single_quoted(out, s);
	else if (style != '"' && style != '\'' && plain_ok(s, flow) && plain_type(s) == NODE_STR)
		buf_adds(out, s);
	else
		json_string_of(out, s, printable); /* YAML 1.2 knows JSON's escapes */
}

void text_key(struct buf *out, const char *key, bool flow)
{
	struct buf text = { 0 };

	/* A key is a text whatever it looks like, so numbers need no quotes. */
	if (plain_ok(key, flow) && plain_type(key) == NODE_INT)
		buf_adds(&text, key);
	else
		text_inline(&text, key, 0, flow);
	if (text.len > SIMPLE_KEY_MAX) {
		buf_adds(out, "? ");
		buf_addc(&text, ' ');
	}
	buf_add(out, buf_str(&text), text.len);
	buf_free(&text);
}

static void number(struct buf *out, const struct node *n, bool json)
{
	char text[48];

	if (n->type == NODE_INT) {
		buf_addf(out, "%" PRId64, n->i);
		return;
	}
	scalar_float(n->f, text);
	buf_adds(out, json && !isfinite(n->f) ? "null" : text);
	if (!json && !strpbrk(text, ".en"))
		buf_adds(out, ".0");
}

/* Whether the text that a value was read from still stands for it. */
static bool source_holds(const struct node *n)
{
	struct node as = { 0 };

	if (!n->str || !*n->str)
		return false;
	scalar_resolve(n->str, &as);
	return node_equal(&as, n);
}

void scalar_inline(struct buf *out, const struct node *n, bool flow)
{
	if (n->type == NODE_STR)
		text_inline(out, n->str, n->style, flow);
	else if (source_holds(n))
		buf_adds(out, n->str);
	else if (n->type == NODE_INT || n->type == NODE_FLOAT)
		number(out, n, false);
	else if (n->type == NODE_BOOL)
		buf_adds(out, n->b ? "true" : "false");
	else if (!n->str || flow)
		buf_adds(out, "null");
}

void scalar_json(struct buf *out, const struct node *n)
{
	if (n->type == NODE_STR)
		json_string(out, n->str);
	else if (n->type == NODE_INT || n->type == NODE_FLOAT)
		number(out, n, true);
	else
		buf_adds(out, n->type == NODE_NULL ? "null" : n->b ? "true" : "false");
}
