/* expand_lex - see expand_lex.h. The rules for literals are those of the Go language. */
#include "expand_lex.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 64 /* characters of a number */

static int peek(const struct xlex *l, size_t ahead)
{
	return l->pos + ahead < l->x->len ? (unsigned char)l->x->text[l->pos + ahead] : -1;
}

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(int c)
{
	return c == '_' || c >= 0x80 || (c > 0 && isalnum(c));
}

/* The length of "}}" or " -}}" here, 0 when there is neither. */
static size_t end_here(const struct xlex *l)
{
	if (peek(l, 0) == '}' && peek(l, 1) == '}')
		return 2;
	return is_space(peek(l, 0)) && peek(l, 1) == '-' && peek(l, 2) == '}' && peek(l, 3) == '}' ? 4 : 0;
}

static int take_text(struct xlex *l, enum xtok_type type, size_t from, size_t to)
{
	char *s = x_alloc(l->x, from, to - from + 1);

	if (!s)
		return -1;
	memcpy(s, l->x->text + from, to - from);
	l->tok.type = type;
	l->tok.text = s;
	return 0;
}

/* After a name something must follow that can; it catches ".a-b" and "$x!". */
static int check_follow(struct xlex *l)
{
	int c = peek(l, 0);

	if (c < 0 || is_space(c) || strchr(".,|:=()", c) || end_here(l))
		return 0;
	return x_error(l->x, l->pos, "unexpected %s%c%s after a name%s", c >= 0x20 && c < 0x7f ? "\"" : "byte ",
		       c >= 0x20 && c < 0x7f ? c : '?', c >= 0x20 && c < 0x7f ? "\"" : "",
		       c == '-' ? "; for a key with a dash write: index .Map \"the-key\"" : "");
}

static int lex_name(struct xlex *l, enum xtok_type type, size_t skip)
{
	size_t start = l->pos;

	l->pos += skip;
	while (is_word(peek(l, 0)))
		l->pos++;
	if (take_text(l, type, type == TOK_FIELD ? start + 1 : start, l->pos) < 0)
		return -1;
	return check_follow(l);
}

/* --- literals --- */

static void put_utf8(char *out, size_t *n, uint32_t c)
{
	if (c < 0x80) {
		out[(*n)++] = (char)c;
		return;
	}
	if (c < 0x800) {
		out[(*n)++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		out[(*n)++] = (char)(0xe0 | c >> 12);
		out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		out[(*n)++] = (char)(0xf0 | c >> 18);
		out[(*n)++] = (char)(0x80 | (c >> 12 & 0x3f));
		out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	out[(*n)++] = (char)(0x80 | (c & 0x3f));
}

/* `digits` digits of a base, at the current place. */
static int escape_number(struct xlex *l, int digits, unsigned base, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < digits; i++, l->pos++) {
		int c = peek(l, 0);
		unsigned d = c >= '0' && c <= '9' ? (unsigned)c - '0'
			     : isxdigit(c)	  ? (unsigned)tolower(c) - 'a' + 10
						  : 99;

		if (d >= base)
			return x_error(l->x, l->pos, "an escape of %d digits is too short", digits);
		v = v * base + d;
	}
	*ret = v;
	return 0;
}

/* What follows a backslash: bytes (\n \x41 \101) or a code point (\u00e9 \U0001f600). */
static int lex_escape(struct xlex *l, char *out, size_t *n, uint32_t *code)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	int c = peek(l, 0);
	const char *hit = c > 0 ? strchr(from, c) : NULL;
	size_t at = l->pos;
	bool unicode = c == 'u' || c == 'U';

	if (hit) {
		l->pos++;
		*code = (unsigned char)to[hit - from];
	} else if (c == 'x' || unicode) {
		l->pos++;
		if (escape_number(l, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16, code) < 0)
			return -1;
	} else if (c >= '0' && c <= '7') {
		if (escape_number(l, 3, 8, code) < 0)
			return -1;
	} else {
		return x_error(l->x, at, "unknown escape in a text; use `...` for a text without escapes");
	}
	if (unicode ? *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) : *code > 255)
		return x_error(l->x, at, "an escape names no character");
	if (unicode)
		put_utf8(out, n, *code);
	else
		out[(*n)++] = (char)*code;
	return 0;
}

static int lex_quoted(struct xlex *l)
{
	size_t start = l->pos++, n = 0;
	char *s;
	size_t end = start + 1;

	while (end < l->x->len && l->x->text[end] != '"' && l->x->text[end] != '\n')
		end += l->x->text[end] == '\\' ? 2 : 1;
	if (end >= l->x->len || l->x->text[end] != '"')
		return x_error(l->x, start, "a quoted text is not closed on its line");
	s = x_alloc(l->x, start, end - start + 1); /* no escape is longer than what it is written with */
	if (!s)
		return -1;
	while (l->pos < end) {
		uint32_t code = 0;

		if (l->x->text[l->pos] != '\\') {
			s[n++] = l->x->text[l->pos++];
			continue;
		}
		l->pos++;
		if (lex_escape(l, s, &n, &code) < 0)
			return -1;
	}
	if (l->pos != end)
		return x_error(l->x, start, "an escape at the end of a text is too short");
	l->pos++;
	l->tok.literal = x_str(s, n);
	return 0;
}

static int lex_raw(struct xlex *l)
{
	size_t start = l->pos + 1;
	const char *end = memchr(l->x->text + start, '`', l->x->len - start);

	if (!end)
		return x_error(l->x, l->pos, "a text in ` is not closed");
	l->tok.literal = x_str(l->x->text + start, (size_t)(end - l->x->text) - start);
	l->pos = (size_t)(end - l->x->text) + 1;
	return 0;
}

static int utf8_length(int c)
{
	return c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
}

static int lex_char(struct xlex *l)
{
	size_t start = l->pos++, n = 0;
	int c = peek(l, 0), len = c < 0 ? 0 : utf8_length(c);
	uint32_t code = 0;
	char scratch[8];

	if (c == '\\') {
		l->pos++;
		if (lex_escape(l, scratch, &n, &code) < 0)
			return -1;
	} else if (c >= 0 && c != '\'' && c != '\n') {
		code = len == 1 ? (uint32_t)c : (uint32_t)c & (0x7fu >> len);
		for (int i = 1; i < len; i++)
			code = code << 6 | ((uint32_t)peek(l, (size_t)i) & 0x3f);
		l->pos += (size_t)len;
	}
	if (l->pos == start + 1 || peek(l, 0) != '\'')
		return x_error(l->x, start, "'...' holds one character; texts stand in \"...\"");
	l->pos++;
	l->tok.literal = (struct xval){.type = X_INT, .i = (int64_t)code};
	return 0;
}

/* Whole numbers: 12, 0x1f, 0o17, 017, 0b11, with '_' between digits. */
static bool whole_number(const char *s, int64_t *ret)
{
	const char *digits = s + (*s == '-' || *s == '+');
	int base = 10, skip = 0;
	unsigned long long v;
	char *end;

	if (digits[0] == '0' && digits[1]) {
		int c = tolower((unsigned char)digits[1]);

		base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
		skip = c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
	}
	if (!isxdigit((unsigned char)digits[skip]))
		return false;
	errno = 0;
	v = strtoull(digits + skip, &end, base);
	if (*end || errno || v > (unsigned long long)INT64_MAX + (*s == '-'))
		return false;
	*ret = *s == '-' ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static int lex_number(struct xlex *l)
{
	char s[NUMBER_MAX], *end;
	size_t start = l->pos, n = 0;
	struct xval *v = &l->tok.literal;

	for (int c; (c = peek(l, 0)) >= 0; l->pos++) {
		bool sign = (c == '+' || c == '-') &&
			    (n == 0 || (strchr("eE", s[n - 1]) && !(s[0] == '0' && n > 1 && strchr("xX", s[1]))));

		if (!sign && c != '.' && !is_word(c))
			break;
		if (n + 1 >= sizeof(s))
			return x_error(l->x, start, "a number is too long");
		if (c == '_' && (peek(l, 1) == '_' || !is_word(peek(l, 1)) || n == 0))
			return x_error(l->x, l->pos, "a \"_\" in a number stands between two digits");
		if (c != '_')
			s[n++] = (char)c;
	}
	s[n] = '\0';
	if (whole_number(s, &v->i)) {
		v->type = X_INT;
		return 0;
	}
	v->type = X_FLOAT;
	v->f = strtod(s, &end);
	if (*end || n == 0 || !strpbrk(s, "0123456789") || strpbrk(s, "nN") || v->f - v->f != 0.0 ||
	    !strpbrk(s, ".eEpP"))
		return x_error(l->x, start, "\"%s\" is not a number", s);
	return 0;
}

static int lex_literal(struct xlex *l, int c)
{
	l->tok.type = TOK_LITERAL;
	if (c == '"')
		return lex_quoted(l);
	if (c == '`')
		return lex_raw(l);
	return c == '\'' ? lex_char(l) : lex_number(l);
}

/* --- tokens --- */

static int lex_mark(struct xlex *l, int c)
{
	static const struct {
		char c;
		enum xtok_type type;
	} marks[] = {{'|', TOK_BAR}, {'(', TOK_OPEN}, {')', TOK_CLOSE}, {',', TOK_COMMA}, {'=', TOK_ASSIGN}};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (c == marks[i].c) {
			l->tok.type = marks[i].type;
			l->pos++;
			return 0;
		}
	if (c == ':' && peek(l, 1) == '=') {
		l->tok.type = TOK_DECLARE;
		l->pos += 2;
		return 0;
	}
	if (c >= 0x20 && c < 0x7f)
		return x_error(l->x, l->pos, "unexpected \"%c\" inside {{ }}", c);
	return x_error(l->x, l->pos, "unexpected byte 0x%02x inside {{ }}", (unsigned)c);
}

static int lex_dot(struct xlex *l)
{
	int after = peek(l, 1);

	if (after >= '0' && after <= '9')
		return lex_literal(l, after);
	if (is_word(after))
		return lex_name(l, TOK_FIELD, 1);
	l->tok.type = TOK_DOT;
	l->pos++;
	return check_follow(l);
}

int x_lex(struct xlex *l)
{
	size_t end = end_here(l);
	int c = peek(l, 0);

	l->tok = (struct xtok){.type = TOK_END, .at = l->pos};
	if (end) {
		l->trim = end == 4;
		l->pos += end;
		return 0;
	}
	if (c < 0)
		return x_error(l->x, l->x->len, "the text ends inside {{ }}; \"}}\" is missing");
	if (is_space(c)) {
		l->tok.type = TOK_SPACE;
		while (is_space(peek(l, 0)) && !end_here(l))
			l->pos++;
		return 0;
	}
	if (c == '.')
		return lex_dot(l);
	if (c == '$')
		return lex_name(l, TOK_VAR, 1);
	if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '"' || c == '`' || c == '\'')
		return lex_literal(l, c);
	return is_word(c) ? lex_name(l, TOK_WORD, 0) : lex_mark(l, c);
}

const char *x_tok_name(const struct xtok *t)
{
	static const char *const names[] = {
	    [TOK_SPACE] = "white space", [TOK_DOT] = "\".\"",	[TOK_LITERAL] = "a literal", [TOK_BAR] = "\"|\"",
	    [TOK_OPEN] = "\"(\"",	 [TOK_CLOSE] = "\")\"", [TOK_COMMA] = "\",\"",	     [TOK_DECLARE] = "\":=\"",
	    [TOK_ASSIGN] = "\"=\"",	 [TOK_END] = "\"}}\"",
	};

	return t->text ? t->text : names[t->type];
}
