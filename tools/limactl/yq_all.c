/* yq_all - eval-all: one expression over the documents of all files at once.
 *
 * An expression of libjq has one input. It gets the list of all documents, and the terms of the expression that yq would evaluate over
 * all of them become generators: "T" is written as "(range(N) as $__d | .[$__d] | T)". So `A * B` pairs every result of A with every one
 * of B, `. as $x ireduce (I; U)` goes through all documents, `[T]` collects from all, `T as $x | ...` binds. fileIndex and its like are
 * places in lists beside the documents. Where an operator would have to look from one document into another in a way that this does not
 * give, the expression is refused. Each result comes as {d: NUMBER OF ITS DOCUMENT, v: VALUE}. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "yq_parts.h"

/* What an expression says of the document it looks at. */
static const struct {
	const char *word, *list;
} words[] = {
	{ "fileIndex", "$__fi" }, { "file_index", "$__fi" }, { "fi", "$__fi" }, { "filename", "$__n" },
	{ "documentIndex", "$__di" }, { "document_index", "$__di" }, { "di", "$__di" },
};

struct all {
	size_t n; /* documents */
	struct buf *out;
	struct err *e;
};

static bool is_word(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

/* Behind the piece of text at p: a text in quotes, a word, ".word", "$word", else a character. *list: what the word stands for here;
 * NULL: nothing. */
static const char *piece(const char *p, const char *end, const char **list)
{
	size_t n = 1;

	*list = NULL;
	if (*p == '"')
		return yq_skip(p, end);
	if (!is_word(*p) && !strchr(".$", *p))
		return p + 1;
	while (p + n < end && is_word(p[n]))
		n++;
	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
		if (strlen(words[k].word) == n && !strncmp(words[k].word, p, n))
			*list = words[k].list;
	return p + n;
}

/* Adds the text from..end with those words in their place. */
static void add_text(struct all *a, const char *from, const char *end)
{
	const char *list, *next;

	for (; from < end; from = next) {
		next = piece(from, end, &list);
		if (list)
			buf_addf(a->out, "(%s[$__d])", list);
		else
			buf_add(a->out, from, (size_t)(next - from));
	}
}

/* Whether a text looks at a document. */
static bool looks(const char *from, const char *end)
{
	char *text = xstrndup(from, (size_t)(end - from));
	const char *list = NULL;
	bool yes = yq_has_path(text);

	for (const char *p = text, *last = text + strlen(text); !yes && p < last; yes = list != NULL)
		p = piece(p, last, &list);
	free(text);
	return yes;
}

char *yq_all_masked(const char *text)
{
	char *copy = xstrdup(text);
	const char *end = copy + strlen(copy), *list, *next;

	for (char *p = copy; p < end; p += next - p) {
		next = piece(p, end, &list);
		if (list) {
			memset(p, 'x', (size_t)(next - p));
			*p = '.';
		}
	}
	return copy;
}

/* A term over all documents; what looks at none stays as it is. */
static void add_generator(struct all *a, const char *from, const char *end)
{
	buf_addf(a->out, looks(from, end) ? "(range(%zu) as $__d | .[$__d] | " : "(", a->n);
	add_text(a, from, end);
	buf_adds(a->out, ")");
}

/* --- the outer parts --- */

static const char *trim_end(const char *from, const char *end)
{
	while (end > from && isspace((unsigned char)end[-1]))
		end--;
	return end;
}

/* The first outer pipe, or the end. */
static const char *find_pipe(const char *p, const char *end)
{
	while (p < end && (*p != '|' || p[1] == '='))
		p = yq_skip(p, end);
	return p;
}

/* The first outer "as $NAME" that a blank stands before; NULL: none. */
static const char *find_as(const char *from, const char *end)
{
	for (const char *p = from; p < end; p = yq_skip(p, end))
		if (p > from && isspace((unsigned char)p[-1]) && end - p > 4 && !strncmp(p, "as ", 3) && *(p + 3 + strspn(p + 3, " ")) == '$')
			return p;
	return NULL;
}

/* The length of an outer operator that stands at p, which may pair documents; 0: none is there. *joins: it is one that we can do. */
static size_t operator_at(const char *p, const char *from, const char *end, bool *joins)
{
	size_t n = *p == '*' ? 1 + strspn(p + 1, "+?nd") : 1;
	bool word = p > from && isspace((unsigned char)p[-1]) && (!strncmp(p, "and ", 4) || !strncmp(p, "or ", 3));

	*joins = (*p == '*' || *p == '+') && p + n < end && p[n] != '=';
	if (*p == '*' && is_word(p[n]))
		n = 1;
	if (*p == '-' && p > from && !isspace((unsigned char)p[-1]))
		return 0; /* .a-b */
	return word || strchr("*+-/=!<>,|", *p) ? n : 0;
}

static int refuse(struct all *a, const char *from, const char *end)
{
	return err_set(a->e, EXIT_NO, "eval-all: the operator at \"%.*s\", between documents, is not supported by the yq of limactl",
		       (int)(end - from < 20 ? end - from : 20), from);
}

/* `A * B` of several that look at documents: 1; nothing of that kind: 0; an operator that several documents cannot have: -1. */
static int add_product(struct all *a, const char *from, const char *end)
{
	const char *operand = from;
	size_t mark = a->out->len, n, looking = 0;
	bool joins;

	for (const char *p = from; p < end; p = yq_skip(p, end)) {
		n = operator_at(p, from, end, &joins);
		if (!n || n > (size_t)(end - p))
			continue;
		if (!joins) {
			a->out->len = mark;
			/* A change that looks at nothing else is made in each document by itself. */
			return a->n < 2 || !strncmp(p, "|=", 2) || !looks(p + 1, end) ? 0 : refuse(a, p, end);
		}
		looking += looks(operand, p);
		add_generator(a, operand, p);
		buf_add(a->out, p, n);
		operand = p + n;
		p += n - 1;
	}
	looking += looks(operand, end);
	if (looking > 1)
		add_generator(a, operand, end);
	else
		a->out->len = mark;
	return looking > 1;
}

static int add_expression(struct all *a, const char *from, const char *end);

/* `LIST as $x ireduce (...)`, or `T as $x | ...`. */
static int add_binding(struct all *a, const char *from, const char *as, const char *part, const char *end)
{
	const char *name = as + 3 + strspn(as + 3, " "), *behind = name + 1, *reduce;

	while (behind < part && is_word(*behind))
		behind++;
	reduce = behind + strspn(behind, " \t\n");
	if (part - reduce > 7 && !strncmp(reduce, "ireduce", 7)) {
		buf_adds(a->out, "reduce ");
		add_generator(a, from, as);
		buf_addf(a->out, " as %.*s %.*s", (int)(behind - name), name, (int)(end - reduce - 7), reduce + 7);
		buf_adds(a->out, " | {d: 0, v: .}");
		return 0;
	}
	if (trim_end(behind, part) != behind || part == end)
		return refuse(a, as, end);
	add_generator(a, from, as);
	buf_addf(a->out, " as %.*s | ", (int)(behind - name), name);
	return add_expression(a, part + 1, end);
}

static int add_expression(struct all *a, const char *from, const char *end)
{
	const char *part, *as, *last;
	int r;

	while (from < end && isspace((unsigned char)*from))
		from++;
	part = find_pipe(from, end);
	as = find_as(from, part);
	if (as)
		return add_binding(a, from, as, part, end);
	last = trim_end(from, part);
	if (last - from >= 2 && *from == '[' && last[-1] == ']' && yq_skip(from, last) == last) {
		buf_adds(a->out, "[");
		add_generator(a, from + 1, last - 1);
		buf_addf(a->out, "]%.*s | {d: 0, v: .}", (int)(end - last), last);
		return 0;
	}
	if (!looks(from, last)) {
		buf_addf(a->out, "%.*s | {d: 0, v: .}", (int)(end - from), from);
		return 0;
	}
	r = add_product(a, from, last);
	if (r > 0) {
		buf_addf(a->out, "%.*s | {d: 0, v: .}", (int)(end - last), last);
	} else if (r == 0) {
		buf_addf(a->out, "range(%zu) as $__d | .[$__d] | ", a->n);
		add_text(a, from, end);
		buf_adds(a->out, " | {d: $__d, v: .}");
	}
	return r < 0 ? -1 : 0;
}

static void add_list(struct buf *out, const struct yq_origin *origin, size_t n, const char *name)
{
	buf_adds(out, "[");
	for (size_t i = 0; i < n; i++) {
		struct node *value = name[3] == 'n' ? node_str(origin[i].name)
						    : node_int((int64_t)(name[3] == 'f' ? origin[i].file : origin[i].place));

		buf_adds(out, i ? ", " : "");
		tree_emit_json(value, false, out);
		node_free(value);
	}
	buf_addf(out, "] as %s | ", name);
}

int yq_all(const char *text, const struct yq_origin *origin, size_t n, struct buf *out, struct err *e)
{
	struct all a = { n, out, e };

	add_list(out, origin, n, "$__fi");
	add_list(out, origin, n, "$__di");
	add_list(out, origin, n, "$__n");
	return add_expression(&a, text, text + strlen(text));
}
