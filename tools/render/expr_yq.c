/* expr_yq - expressions as they are written for yq (the version by Mike Farah, which Lima has), made fit for jq: keys
 * that begin with a digit or have a dash need quotes, `unique` keeps the order, `with` exists, null has no entries
 * instead of being an error, and 1 == "1". */
#include <ctype.h>
#include <string.h>

#include "expr_jv.h"

#define MERGE "\"" EXPR_MERGE "\""

/* No newline, so that the line numbers of jq's messages are those of the expression. What is called like a function of jq behind an
 * operator takes its place: _multiply is "*", _equal "==". Definitions before that use jq's own.
 * Between two constants, libjq 1.7 works operators out by itself. */
static const char prelude[] =
	"def unique_by(f): reduce .[] as $x ({s: {}, o: []}; ($x | [f] | tojson) as $k"
	" | if .s | has($k) then . else .s[$k] = true | .o += [$x] end) | .o; "
	"def unique: unique_by(.); "
	"def with(p; f): p |= f; "
	/* Maps are merged all the way down, lists replaced. The flags: "+" joins lists, "d" merges them place by place, "n" changes
	 * nothing that is there, "?" adds nothing that is not. */
	"def _merge($a; $b; $o): ($a | type) as $t | if $t != ($b | type) then (if ($o | contains(\"n\")) and $t != \"null\" then $a else $b "
	"end) elif $t == \"object\" then reduce ($b | keys_unsorted[]) as $k ($a; if has($k) then .[$k] = _merge(.[$k]; $b[$k]; $o) "
	"elif $o | contains(\"?\") then . else .[$k] = $b[$k] end) elif $t != \"array\" then (if $o | contains(\"n\") then $a else $b end) "
	"elif $o | contains(\"+\") then $a + $b elif $o | contains(\"d\") then reduce range($b | length) as $i ($a; if $i < length then "
	".[$i] = _merge(.[$i]; $b[$i]; $o) elif $o | contains(\"?\") then . else .[$i] = $b[$i] end) elif $o | contains(\"n\") then $a "
	"else $b end; "
	"def _times($a; $b): ($a | type) as $t | ($b | type) as $u | if $u == \"null\" then $a elif $t == \"null\" then $b "
	"elif $t == \"array\" and $u == \"array\" then $b elif $t == \"object\" and $u == \"object\" then _merge($a; $b; \"\") "
	"else $a * $b end; "
	"def _multiply(a; b): b as $b | a as $a | if ($b | type) == \"object\" and ($b | has(" MERGE ")) "
	"then _merge($a; $b.with; $b[" MERGE "]) else _times($a; $b) end; "
	/* A text to the right with "*" or "?" in it is a pattern; else values are compared as their texts. */
	"def _pattern: gsub(\"(?<c>[.+^$(){}|\\\\[\\\\]\\\\\\\\])\"; \"\\\\\\(.c)\") | gsub(\"\\\\?\"; \"[\\\\s\\\\S]\") "
	"| gsub(\"\\\\*\"; \"[\\\\s\\\\S]*\"); "
	"def _same(a; b): ([a] - [b] | length) < 1; "
	"def _alike(a; b): if (b | type) == \"string\" and (b | contains(\"*\") or contains(\"?\")) "
	"and (a | type == \"string\" or type == \"number\" or type == \"boolean\") "
	"then (b | _pattern) as $p | a | tostring | test(\"\\\\A(?:\" + $p + \")\\\\z\") "
	"elif {\"numberstring\": 1, \"stringnumber\": 1, \"booleanstring\": 1, "
	"\"stringboolean\": 1} | has((a | type) + (b | type)) then _same(a | tostring; b | tostring) "
	"else _same(a; b) end; "
	"def _equal(a; b): b as $y | a as $x | _alike($x; $y); "
	"def _notequal(a; b): b as $y | a as $x | _alike($x; $y) | not; "
	"def env: error(\"env operations have been disabled\"); ";

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

/* Nothing but blanks and comments is the document as it is; libjq 1.7 wants that to be written. */
static bool says_nothing(const char *program)
{
	while (*program) {
		program += strspn(program, " \t\r\n");
		if (*program != '#')
			return !*program;
		program += strcspn(program, "\n");
	}
	return true;
}

void expr_translate(const char *expression, bool tolerant, struct buf *out)
{
	struct scan s = {.p = expression, .tolerant = tolerant, .out = out};

	buf_adds(out, prelude);
	if (says_nothing(expression))
		buf_addc(out, '.');
	translate(&s, '\0');
}

/* --- what is refused --- */

static bool is_word(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && !strncmp(p, word, n);
}

static const char *refusal(const char *p, size_t n)
{
	static const char *const env[] = {"env", "strenv", "envsubst", "ENV", "env_vars"};
	static const char *const file[] = {"load", "load_str", "load_xml", "load_props", "load_base64"};

	for (size_t i = 0; i < sizeof(env) / sizeof(env[0]); i++)
		if (is_word(p, n, env[i]))
			return "env operations have been disabled";
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++)
		if (is_word(p, n, file[i]))
			return "file operations have been disabled";
	return NULL;
}

int expr_refuse(const char *expression, struct err *e)
{
	char before = ' ';

	for (const char *p = expression; *p;) {
		size_t n = 1;

		if (*p == '"') {
			while (p[n] && p[n] != '"')
				n += p[n] == '\\' && p[n + 1] ? 2 : 1;
			n += p[n] == '"';
		} else if (*p == '#') {
			n = strcspn(p, "\n");
		} else if (word(*p)) {
			const char *why;

			while (word(p[n]))
				n++;
			/* ".env" is a key, and so is the one in {env: 1}. */
			why = before == '.' || p[n + strspn(p + n, " ")] == ':' ? NULL : refusal(p, n);
			if (why)
				return err_set(e, EXIT_USAGE, "%s", why);
		}
		before = p[n - 1];
		p += n;
	}
	return 0;
}
