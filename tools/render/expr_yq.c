/* expr_yq - expressions as they are written for yq (the version by Mike Farah, which Lima has), made fit for jq: keys
 * that begin with a digit or have a dash need quotes, `unique` keeps the order, `with` exists, and null has no entries
 * instead of being an error. */
#include <ctype.h>
#include <string.h>

#include "expr_jv.h"

/* No newline, so that the line numbers of jq's messages are those of the expression. */
static const char prelude[] = "def unique_by(f): reduce .[] as $x ({s: {}, o: []}; ($x | [f] | tojson) as $k"
			      " | if .s | has($k) then . else .s[$k] = true | .o += [$x] end) | .o; "
			      "def unique: unique_by(.); "
			      "def with(p; f): p |= f; "
			      "def env: error(\"an expression cannot read the environment\"); ";

struct scan {
	const char *p;
	bool tolerant;
	bool term; /* the text before is the end of a value, so that "[]" iterates and "." goes on */
	struct buf *out;
};

static void translate(struct scan *s, char until);

static bool word(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

/* A text; \( ... ) in it is an expression again. */
static void copy_text(struct scan *s)
{
	buf_addc(s->out, *s->p++);
	while (*s->p && *s->p != '"') {
		if (s->p[0] == '\\' && s->p[1] == '(') {
			buf_adds(s->out, "\\(");
			s->p += 2;
			translate(s, ')');
			continue;
		}
		if (*s->p == '\\' && s->p[1])
			buf_addc(s->out, *s->p++);
		buf_addc(s->out, *s->p++);
	}
	if (*s->p)
		buf_addc(s->out, *s->p++);
	s->term = true;
}

static void copy_number(struct scan *s)
{
	while (isdigit((unsigned char)*s->p) || *s->p == '.' ||
	       ((*s->p == 'e' || *s->p == 'E') && (isdigit((unsigned char)s->p[1]) || strchr("+-", s->p[1]))) ||
	       ((*s->p == '+' || *s->p == '-') && strchr("eE", s->p[-1])))
		buf_addc(s->out, *s->p++);
	s->term = true;
}

static void copy_word(struct scan *s)
{
	const char *start = s->p;
	static const char *const keywords[] = {"and",	 "or",	    "as",  "if",    "then",  "elif",   "else",	 "def",
					       "reduce", "foreach", "try", "catch", "label", "import", "include"};

	while (word(*s->p))
		s->p++;
	buf_add(s->out, start, (size_t)(s->p - start));
	s->term = true;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i]) == (size_t)(s->p - start) &&
		    !strncmp(keywords[i], start, (size_t)(s->p - start)))
			s->term = false;
}

/* The length of the key behind a dot; dashes inside belong to it when a letter follows. */
static size_t key_length(const char *p)
{
	size_t n = 0;

	while (word(p[n]) || (n && p[n] == '-' && isalpha((unsigned char)p[n + 1])))
		n++;
	return n;
}

/* ".5" and ".5e3" are numbers, unless a value stands before the dot. */
static bool is_number(const char *key, size_t n)
{
	size_t i = strspn(key, "0123456789");

	if (i < n && (key[i] == 'e' || key[i] == 'E') && i + 1 < n)
		i += 1 + strspn(key + i + 1, "0123456789");
	return i >= n;
}

static void copy_field(struct scan *s)
{
	const char *key = s->p + 1;
	size_t n = key_length(key);
	bool digit = n && isdigit((unsigned char)*key);
	bool quote = (digit && (s->term || !is_number(key, n))) || (n && memchr(key, '-', n));

	buf_adds(s->out, quote ? ".\"" : ".");
	buf_add(s->out, key, n);
	buf_adds(s->out, quote ? "\"" : "");
	s->p = key + n;
	s->term = true;
	if (n == 0 && *s->p == '.') /* ".." */
		buf_addc(s->out, *s->p++);
}

/* "[", and "[]" behind a value. */
static void copy_open(struct scan *s)
{
	size_t space = strspn(s->p + 1, " \t\n");

	if (s->term && s->p[1 + space] == ']') {
		s->p += 2 + space;
		buf_adds(s->out, s->tolerant ? "[]?" : "[]");
		return;
	}
	buf_addc(s->out, *s->p++);
	s->term = false;
}

static void copy_other(struct scan *s)
{
	char c = *s->p++;

	buf_addc(s->out, c);
	if (!isspace((unsigned char)c))
		s->term = c == ')' || c == ']' || c == '}' || c == '?';
}

/* Up to `until` at this level, which is copied too, or to the end. */
static void translate(struct scan *s, char until)
{
	int depth = 0;

	while (*s->p) {
		if (*s->p == '(')
			depth++;
		if (*s->p == ')' && depth-- == 0 && until) {
			buf_addc(s->out, *s->p++);
			return;
		}
		if (*s->p == '#')
			s->p += strcspn(s->p, "\n");
		else if (*s->p == '"')
			copy_text(s);
		else if (isdigit((unsigned char)*s->p))
			copy_number(s);
		else if (word(*s->p) || *s->p == '$')
			*s->p == '$' ? copy_other(s) : copy_word(s);
		else if (*s->p == '.')
			copy_field(s);
		else if (*s->p == '[')
			copy_open(s);
		else
			copy_other(s);
	}
}

void expr_translate(const char *expression, bool tolerant, struct buf *out)
{
	struct scan s = {.p = expression, .tolerant = tolerant, .out = out};

	buf_adds(out, prelude);
	translate(&s, '\0');
}
