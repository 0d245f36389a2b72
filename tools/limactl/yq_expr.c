/* yq_expr - from an expression of yq to one of ours: which words there are, what they are called in jq, and the values of env() and
 * load(), which our expressions cannot reach by themselves. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "log.h"
#include "yq_parts.h"

#define LOAD_MAX TREE_TEXT_MAX
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
	" alias anchor array_to_map column comments collect di document_index divide env_vars eval explode fi "
	"file_index filename foot_comment format_datetime from_unix from_yaml from_props from_xml head_comment "
	"ireduce is_key key line line_comment load_base64 load_props load_xml parent pivot shuffle slice "
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
	const struct yq_allow *allow;
	struct buf out;
	struct strv used; /* words of `defs` */
	size_t group[64]; /* where in `out` each open group, or its part behind a comma, began */
	size_t depth;
	struct err *e;
};

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
	char *sample = xasprintf("%.*s%s", SAMPLE, at, strlen(at) > SAMPLE ? "..." : "");

	err_set(s->e, EXIT_NO, "1:%zu: lexer: invalid input text %s", (size_t)(at - s->text) + 1, qq(sample));
	free(sample);
	return -1;
}

/* From a quote to the one that ends the text; s->p is put behind. */
static int copy_text(struct scan *s)
{
	const char *start = s->p++;

	while (*s->p && *s->p != '"')
		s->p += s->p[0] == '\\' && s->p[1] ? 2 : 1;
	if (!*s->p)
		return invalid(s, start);
	s->p++;
	buf_add(&s->out, start, (size_t)(s->p - start));
	return 0;
}

/* --- env and load --- */

/* Replaces the call by a value. */
static void put_value(struct scan *s, const struct node *value)
{
	buf_addc(&s->out, '(');
	tree_emit_json(value, false, &s->out);
	while (s->out.len && s->out.data[s->out.len - 1] == '\n')
		s->out.len--;
	buf_addc(&s->out, ')');
}

static void put_string(struct scan *s, const char *text)
{
	struct node *n = node_str(text);

	put_value(s, n);
	node_free(n);
}

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

static int put_parsed(struct scan *s, const char *text, size_t n, const char *file)
{
	struct yq_docs docs = { 0 };
	int r = yq_docs_parse(text, n, false, file, &docs, s->e);

	if (r == 0 && docs.n > 0)
		put_value(s, docs.v[0]);
	else if (r == 0)
		buf_adds(&s->out, "null");
	yq_docs_free(&docs);
	return r;
}

static int put_env(struct scan *s, const char *name, bool as_text)
{
	const char *value = getenv(name);

	if (as_text) {
		put_string(s, value ? value : "");
		return 0;
	}
	if (!value || !*value)
		return err_set(s->e, EXIT_NO, "value for env variable '%s' not provided in env()", name);
	return put_parsed(s, value, strlen(value), "env");
}

static int put_file(struct scan *s, const char *path, bool as_text)
{
	struct buf text = { 0 };
	int r = file_read(path, LOAD_MAX, &text, s->e);

	if (r < 0)
		err_wrap(s->e, "failed to load %s", path);
	else if (as_text)
		put_string(s, buf_str(&text));
	else
		r = put_parsed(s, buf_str(&text), text.len, path);
	buf_free(&text);
	return r;
}

/* 1: it was one of them; 0: not; -1: error. */
static int reach_out(struct scan *s, const char *word, size_t n)
{
	bool env = is(word, n, "env") || is(word, n, "strenv"), file = is(word, n, "load") || is(word, n, "load_str");
	char *arg;
	int r;

	if ((env || is(word, n, "envsubst")) && !s->allow->env)
		return err_set(s->e, EXIT_NO, "env operations have been disabled");
	if ((file || is(word, n, "load_xml") || is(word, n, "load_props") || is(word, n, "load_base64")) && !s->allow->files)
		return err_set(s->e, EXIT_NO, "file operations have been disabled");
	if (is(word, n, "system"))
		return err_set(s->e, EXIT_NO, "system operations are disabled, use --security-enable-system-operator to enable");
	if (!env && !file)
		return 0;
	arg = argument(s, word + n);
	if (!arg)
		return err_set(s->e, EXIT_NO, "%.*s needs a constant here: %.*s(%s)", (int)n, word, (int)n, word,
			       env ? "NAME" : "\"FILE\"");
	r = env ? put_env(s, arg, n == strlen("strenv")) : put_file(s, arg, n == strlen("load_str"));
	free(arg);
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
	if (!known && listed(missing, word, n))
		return err_set(s->e, EXIT_NO, "the operator %.*s is not supported by the yq of limactl", (int)n, word);
	if (!known)
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

static int scan(struct scan *s)
{
	int r = 0;

	while (r == 0 && *s->p) {
		if (*s->p == '"') {
			r = copy_text(s);
		} else if (*s->p == '#') {
			s->p += strcspn(s->p, "\n");
		} else if (*s->p == '.' && s->p[1] != '.') {
			copy_field(s);
		} else if (isdigit((unsigned char)*s->p) || *s->p == '$' || *s->p == '@') {
			buf_addc(&s->out, *s->p++);
			while (is_word_char(*s->p))
				buf_addc(&s->out, *s->p++);
		} else if (is_word_char(*s->p)) {
			r = copy_word(s);
		} else {
			r = copy_other(s);
		}
	}
	return r;
}

int yq_expression(const char *text, const struct yq_allow *allow, struct buf *out, struct err *e)
{
	struct scan s = { .text = text, .p = text, .allow = allow, .e = e };
	int r = scan(&s);

	if (r == 0) {
		for (size_t i = 0; i < sizeof(defs) / sizeof(*defs); i++)
			for (size_t k = 0; k < s.used.n; k++)
				if (!strcmp(s.used.v[k], defs[i].def)) {
					buf_adds(out, defs[i].def);
					break;
				}
		buf_adds(out, buf_str(&s.out));
	}
	buf_free(&s.out);
	strv_free(&s.used);
	return r;
}

bool yq_has_path(const char *text)
{
	for (; *text; text++) {
		if (*text == '.' && !(isdigit((unsigned char)text[1])))
			return true;
		if (*text == '"')
			for (text++; *text && *text != '"'; text++)
				if (*text == '\\' && text[1])
					text++;
		if (!*text)
			break;
	}
	return false;
}
