/* expr_words - the words of an expression, from yq's to jq's: what is called differently or does something else, operators that jq
 * writes in another order (`X as $i ireduce (A; B)`, `X | path`) or does not have (`X *+ Y`), and the values of env() and load(), which
 * an expression cannot reach by itself. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "expr_jv.h"

#define SAMPLE 16 /* characters of the text in a message */

/* What jq has under the same name, and its keywords. */
static const char same[] =
	" add all and any arrays as ascii_downcase ascii_upcase booleans ceil contains def del elif else empty end "
	"endswith error explode false fabs first flatten floor foreach from_entries fromjson getpath group_by "
	"gsub has if implode in index indices infinite inside isnan isnormal isvalid iterables join last "
	"leaf_paths length limit ltrimstr map map_values match max max_by min min_by nan not null nulls numbers "
	"objects or path paths pow range recurse reduce reverse rindex round rtrimstr scalars scan select setpath "
	"sort sort_by split splits sqrt startswith strings sub test then to_entries tojson tonumber tostring "
	"transpose true try catch until unique unique_by utf8bytelength values walk while with with_entries "
	"capture keys length delpaths combinations ascii todate fromdate now ";

/* What yq has and this does not. */
static const char missing[] =
	" alias anchor array_to_map column comments collect di documentIndex document_index divide env_vars eval explode fi "
	"file_index fileIndex filename foot_comment format_datetime from_unix from_yaml from_props from_xml head_comment "
	"is_key key line line_comment load_base64 load_props load_xml parent pivot shuffle slice "
	"split_doc splitDoc style to_csv to_props to_tsv to_unix to_xml to_yaml tz with_dtf error_at ";

/* What is called differently, or does something else. */
static const struct {
	const char *word, *def;
} defs[] = {
	{ "tag", "def tag: if type == \"object\" then \"!!map\" elif type == \"array\" then \"!!seq\" "
		 "elif type == \"string\" then \"!!str\" "
		 "elif type == \"boolean\" then \"!!bool\" elif type == \"null\" then \"!!null\" elif floor == . then \"!!int\" "
		 "else \"!!float\" end; " },
	{ "kind", "def kind: if type == \"object\" then \"map\" elif type == \"array\" then \"seq\" else \"scalar\" end; " },
	{ "keys", "def keys: keys_unsorted; " },
	{ "sort_keys", "def sort_keys(f): f |= (to_entries | sort_by(.key) | from_entries); " },
	{ "omit", "def omit(f): f as $names | if type == \"object\" then reduce $names[] as $x (.; del(.[$x])) else "
		  "[to_entries[] | select(.key as $x | $names | index($x) | not) | .value] end; " },
	{ "pick", "def pick(f): f as $names | . as $from | if type == \"object\" then "
		  "reduce $names[] as $x ({}; if $from | has($x) then .[$x] = $from[$x] else . end) else [$names[] as $x | $from[$x]] end; " },
	{ "trim", "def trim: gsub(\"^\\\\s+|\\\\s+$\"; \"\"); " },
	{ "sub", "def sub(a; b): gsub(a; b); " },
	{ "downcase", "def downcase: ascii_downcase; " },
	{ "upcase", "def upcase: ascii_upcase; " },
	{ "to_number", "def to_number: tonumber; " },
	{ "to_string", "def to_string: tostring; " },
	{ "to_json", "def to_json: tojson; def to_json(n): tojson; " },
	{ "from_json", "def from_json: fromjson; " },
	{ "delete", "def delete(f): del(f); " },
	{ "any_c", "def any_c(f): any(.[]; f); " },
	{ "all_c", "def all_c(f): all(.[]; f); " },
};

/* --- the scan --- */


struct scan {
	const char *text, *p;
	const struct expr_reach *reach;
	struct buf out;
	struct strv used; /* words of `defs` */
	size_t group[64]; /* where in `out` each open group, or its part behind a comma, began */
	size_t depth;
	struct err *e;
};

static int scan(struct scan *s);

static bool is_word_char(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

static bool listed(const char *list, const char *word, size_t n)
{
	for (const char *p = list; (p = strstr(p, " ")) && p[1]; p++)
		if (!strncmp(p + 1, word, n) && p[1 + n] == ' ')
			return true;
	return false;
}

static bool is(const char *word, size_t n, const char *what)
{
	return strlen(what) == n && !strncmp(word, what, n);
}

static int invalid(struct scan *s, const char *at)
{
	struct buf sample = { 0 };

	for (size_t i = 0; i < SAMPLE && at[i]; i++)
		buf_addf(&sample, strchr("\"\\", at[i]) ? "\\%c" : "%c", at[i]);
	err_set(s->e, EXIT_USAGE, "1:%zu: lexer: invalid input text \"%s%s\"", (size_t)(at - s->text) + 1, buf_str(&sample),
		strlen(at) > SAMPLE ? "..." : "");
	buf_free(&sample);
	return -1;
}

/* From a quote to the one that ends the text; s->p is put behind. */
static int copy_text(struct scan *s)
{
	const char *start = s->p++;

	while (*s->p && *s->p != '"')
		s->p += s->p[0] == '\\' && s->p[1] ? 2 : 1;
	if (!*s->p && s->reach)
		return invalid(s, start);
	s->p += *s->p != '\0';
	buf_add(&s->out, start, (size_t)(s->p - start));
	return 0;
}

/* --- what reaches out --- */

/* The argument of a call, "NAME" or NAME, as text; s->p is put behind the ')'. NULL: it is no constant. */
static char *argument(struct scan *s, const char *after)
{
	const char *p = after + strspn(after, " \t"), *start;
	char *text = NULL;
	bool quoted;

	if (*p++ != '(')
		return NULL;
	p += strspn(p, " \t");
	quoted = *p == '"';
	start = p += quoted;
	while (quoted ? *p && *p != '"' && *p != '\\' : is_word_char(*p))
		p++;
	text = xstrndup(start, (size_t)(p - start));
	if (quoted && *p++ != '"') {
		free(text);
		return NULL;
	}
	p += strspn(p, " \t");
	if (*p != ')' || !*text) {
		free(text);
		return NULL;
	}
	s->p = p + 1;
	return text;
}

/* Replaces the call by its value. 1: it was one; 0: not; -1: error. */
static int reach_out(struct scan *s, const char *word, size_t n)
{
	static const char words[] = " env strenv envsubst load load_str load_xml load_props load_base64 system ";
	char *op, *arg;
	int r;

	if (!s->reach || !listed(words, word, n))
		return 0;
	op = xstrndup(word, n);
	arg = argument(s, word + n);
	buf_addc(&s->out, '(');
	r = s->reach->value(s->reach->arg, op, arg, &s->out, s->e);
	buf_addc(&s->out, ')');
	free(arg);
	free(op);
	return r < 0 ? -1 : 1;
}

/* --- words --- */

/* "A | path" of yq is path(A) of jq; A began with the group. Returns whether this was it. */
static bool put_path(struct scan *s, const char *behind)
{
	size_t from = s->group[s->depth], end = s->out.len;
	struct buf inner = { 0 };

	if (behind[strspn(behind, " \t\n")] == '(')
		return false;
	while (end > from && strchr(" \t\n", s->out.data[end - 1]))
		end--;
	if (end <= from || s->out.data[end - 1] != '|')
		return false;
	buf_add(&inner, s->out.data + from, end - 1 - from);
	s->out.len = from;
	buf_addf(&s->out, " path(%s)", buf_str(&inner));
	buf_free(&inner);
	return true;
}

/* Where the last part of a pipe begins in the text of the group that is being written. */
static size_t part_start(const struct scan *s)
{
	const char *text = buf_str(&s->out);
	size_t start = s->group[s->depth], depth = 0;

	for (size_t i = start; i < s->out.len; i++) {
		if (text[i] == '"')
			for (i++; i < s->out.len && text[i] != '"'; i++)
				i += text[i] == '\\';
		else if (strchr("([{", text[i]))
			depth++;
		else if (strchr(")]}", text[i]))
			depth -= depth > 0;
		else if (text[i] == '|' && text[i + 1] != '=' && depth == 0)
			start = i + 1;
	}
	return start;
}

/* "X as $i ireduce" of yq is "reduce (X) as $i" of jq; what is in parentheses behind it is the same. */
static int put_reduce(struct scan *s)
{
	size_t from = part_start(s), end = s->out.len, name;
	const char *text = buf_str(&s->out);
	char *list, *variable;

	while (end > from && isspace((unsigned char)text[end - 1]))
		end--;
	for (name = end; name > from && (is_word_char(text[name - 1]) || text[name - 1] == '$'); name--)
		;
	variable = xstrndup(text + name, end - name);
	while (name > from && isspace((unsigned char)text[name - 1]))
		name--;
	if (*variable != '$' || name < from + 4 || strncmp(text + name - 3, " as", 3) != 0) {
		free(variable);
		return err_set(s->e, EXIT_USAGE, "ireduce: write LIST as $item ireduce (START; EXPRESSION)");
	}
	list = xstrndup(text + from, name - 3 - from);
	s->out.len = from;
	buf_addf(&s->out, " reduce (%s) as %s ", list, variable);
	free(list);
	free(variable);
	return 0;
}

static int copy_word(struct scan *s)
{
	const char *word = s->p, *next;
	size_t n = 0;
	bool known;
	int r;

	while (is_word_char(word[n]))
		n++;
	s->p = next = word + n;
	r = reach_out(s, word, n);
	if (r)
		return r < 0 ? -1 : 0;
	if (is(word, n, "path") && put_path(s, next))
		return 0;
	if (is(word, n, "ireduce"))
		return put_reduce(s);
	known = listed(same, word, n) || next[strspn(next, " \t")] == ':'; /* {key: ...} */
	for (size_t i = 0; i < sizeof(defs) / sizeof(*defs); i++)
		if (is(word, n, defs[i].word)) {
			strv_add(&s->used, defs[i].def);
			known = true;
		}
	if (is(word, n, "type")) {
		/* Another name of tag. */
		strv_add(&s->used, defs[0].def);
		buf_adds(&s->out, "tag");
		return 0;
	}
	/* What jq has and yq has not is fine, but not in what calls itself yq. */
	if (!known && s->reach && listed(missing, word, n))
		return err_set(s->e, EXIT_USAGE, "the operator %.*s is not supported by the yq of limactl", (int)n, word);
	if (!known && s->reach)
		return invalid(s, word);
	buf_add(&s->out, word, n);
	return 0;
}

static void copy_field(struct scan *s)
{
	const char *start = s->p++;

	while (is_word_char(*s->p) || (*s->p == '-' && s->p > start + 1 && isalnum((unsigned char)s->p[1])))
		s->p++;
	buf_add(&s->out, start, (size_t)(s->p - start));
}

static int copy_other(struct scan *s)
{
	char c = *s->p++;

	buf_addc(&s->out, c);
	if (strchr("([{", c)) {
		if (s->depth + 1 == sizeof(s->group) / sizeof(*s->group))
			return err_set(s->e, EXIT_NO, "the expression is nested too deep");
		s->group[++s->depth] = s->out.len;
	} else if (strchr(")]}", c)) {
		s->depth -= s->depth > 0;
	} else if (strchr(",;", c)) {
		s->group[s->depth] = s->out.len;
	}
	return 0;
}

/* --- merging --- */

/* Behind one term with what belongs to it: .a.b[0], select(...), $x, {...}, "text". NULL: there is none. */
static const char *term_end(const char *p)
{
	const char *start = p;

	for (;;) {
		if (*p == '"') {
			for (p++; *p && *p != '"'; p++)
				p += p[0] == '\\' && p[1];
			p += *p == '"';
		} else if (strchr("([{", *p) && *p) {
			int depth = 0;

			do {
				depth += *p && strchr("([{", *p) ? 1 : *p && strchr(")]}", *p) ? -1 : 0;
				p = *p == '"' ? term_end(p) : p + 1;
			} while (*p && depth > 0);
		} else if (*p == '.' || *p == '$' || is_word_char(*p)) {
			p++;
		} else {
			return p > start ? p : NULL;
		}
	}
}

/* "A *+ B" of yq: the flags go into B, where the product of maps looks for them (expr_yq.c). 1: it was one; 0: not; -1: error. */
static int put_merge(struct scan *s)
{
	size_t n = strspn(s->p + 1, "+?nd"), blanks = strspn(s->p + 1 + n, " \t\n");
	const char *operand = s->p + 1 + n + blanks, *end;
	struct scan inner;
	int r;

	if (!n || is_word_char(s->p[1 + n]) || !(end = term_end(operand)))
		return 0;
	inner = *s;
	inner.out = (struct buf){ 0 };
	inner.depth = 0;
	inner.text = operand = xstrndup(operand, (size_t)(end - operand));
	inner.p = inner.text;
	r = scan(&inner);
	buf_addf(&s->out, "* {\"" EXPR_MERGE "\": \"%.*s\", with: (%s)}", (int)n, s->p + 1, buf_str(&inner.out));
	s->used = inner.used;
	s->p = end;
	buf_free(&inner.out);
	free((char *)operand);
	return r < 0 ? -1 : 1;
}

static int copy_operator(struct scan *s)
{
	int r = *s->p == '*' ? put_merge(s) : 0;

	return r ? (r < 0 ? -1 : 0) : copy_other(s);
}

static int scan(struct scan *s)
{
	int r = 0;

	while (r == 0 && *s->p) {
		if (*s->p == '"') {
			r = copy_text(s);
		} else if (*s->p == '#') {
			s->p += strcspn(s->p, "\n");
		} else if (!strncmp(s->p, "...", 3)) {
			s->p++; /* the keys too, which have nothing to change here */
		} else if (!strncmp(s->p, "..", 2)) {
			buf_adds(&s->out, "..");
			s->p += 2;
		} else if (*s->p == '.') {
			copy_field(s);
		} else if (isdigit((unsigned char)*s->p) || *s->p == '$' || *s->p == '@') {
			buf_addc(&s->out, *s->p++);
			while (is_word_char(*s->p))
				buf_addc(&s->out, *s->p++);
		} else if (is_word_char(*s->p)) {
			r = copy_word(s);
		} else {
			r = copy_operator(s);
		}
	}
	return r;
}

int expr_words(const char *text, const struct expr_reach *reach, struct buf *out, struct err *e)
{
	struct scan s = { .text = text, .p = text, .reach = reach, .e = e };
	int r = scan(&s);

	for (size_t i = 0; r == 0 && i < sizeof(defs) / sizeof(*defs); i++)
		for (size_t k = 0; k < s.used.n; k++)
			if (!strcmp(s.used.v[k], defs[i].def)) {
				buf_adds(out, defs[i].def);
				break;
			}
	if (r == 0)
		buf_adds(out, buf_str(&s.out));
	buf_free(&s.out);
	strv_free(&s.used);
	return r;
}
