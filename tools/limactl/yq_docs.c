/* yq_docs - a stream of documents, cut into its documents. libyaml could read the stream, but comments belong to one text each. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "yq_parts.h"

static int add(struct yq_docs *docs, const char *text, size_t n, const char *file, struct err *e)
{
	size_t skip = 0;
	struct node *doc;

	while (skip < n && strchr(" \t\r\n", text[skip]))
		skip++;
	/* The parser takes a null for an empty map. */
	if ((n - skip >= 4 && !strncmp(text + skip, "null", 4) && strspn(text + skip + 4, " \t\r\n") >= n - skip - 4) ||
	    (n > skip && text[skip] == '~' && strspn(text + skip + 1, " \t\r\n") >= n - skip - 1))
		doc = node_new(NODE_NULL);
	else
		doc = tree_parse(text, n, file, e);
	if (!doc)
		return -1;
	docs->v = xrealloc(docs->v, (docs->n + 1) * sizeof(*docs->v));
	docs->v[docs->n++] = doc;
	return 0;
}

/* --- YAML --- */

/* Whether a line is the marker, alone or with something behind. */
static bool marker(const char *line, size_t n, const char *mark)
{
	return n >= 3 && !strncmp(line, mark, 3) && (n == 3 || strchr(" \t\r\n", line[3]));
}

static bool blank(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(" \t\r\n", text[i]))
			return false;
	return true;
}

/* One document. Only one that was begun by a marker may be empty. */
static int add_yaml(struct yq_docs *docs, const char *text, size_t from, size_t to, bool explicit_start, const char *file,
		    struct err *e)
{
	if (blank(text + from, to - from)) {
		if (!explicit_start)
			return 0;
		docs->v = xrealloc(docs->v, (docs->n + 1) * sizeof(*docs->v));
		docs->v[docs->n++] = node_new(NODE_NULL);
		return 0;
	}
	return add(docs, text + from, to - from, file, e);
}

static int parse_yaml(const char *text, size_t n, const char *file, struct yq_docs *docs, struct err *e)
{
	size_t from = 0;
	bool explicit_start = false;

	for (size_t at = 0; at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) - at + 1 : n - at;
		bool start = marker(text + at, len, "---"), stop = marker(text + at, len, "...");

		if (start || stop) {
			if ((at > 0 || explicit_start) && add_yaml(docs, text, from, at, explicit_start, file, e) < 0)
				return -1;
			from = start ? at + 3 : at + len;
			explicit_start = start;
		} else if (text[at] == '%' && blank(text + from, at - from)) {
			from = at + len; /* %YAML 1.2 */
		}
		at += len;
	}
	return add_yaml(docs, text, from, n, explicit_start, file, e);
}

/* --- JSON --- */

/* The length of the value at the start of a text without leading blanks. */
static size_t value_length(const char *s, size_t n)
{
	size_t depth = 0, i = 0;

	for (; i < n; i++) {
		if (s[i] == '"') {
			for (i++; i < n && s[i] != '"'; i++)
				if (s[i] == '\\')
					i++;
			if (depth == 0)
				return i < n ? i + 1 : n;
		} else if (strchr("[{", s[i])) {
			depth++;
		} else if (strchr("]}", s[i])) {
			if (depth <= 1)
				return i + 1;
			depth--;
		} else if (depth == 0 && i + 1 < n && strchr(" \t\r\n\"[{", s[i + 1])) {
			return i + 1;
		}
	}
	return n;
}

/* JSON's brackets and quotes are no style that YAML output should keep. */
static void forget_style(struct node *n)
{
	n->style = 0;
	for (size_t i = 0; i < n->n; i++)
		forget_style(n->item[i]);
}

static int parse_json(const char *text, size_t n, const char *file, struct yq_docs *docs, struct err *e)
{
	size_t at = 0;

	for (;;) {
		size_t len;

		while (at < n && strchr(" \t\r\n", text[at]))
			at++;
		if (at == n)
			return 0;
		len = value_length(text + at, n - at);
		if (add(docs, text + at, len, file, e) < 0)
			return -1;
		forget_style(docs->v[docs->n - 1]);
		at += len;
	}
}

int yq_docs_parse(const char *text, size_t n, bool json, const char *file, struct yq_docs *docs, struct err *e)
{
	return (json ? parse_json : parse_yaml)(text, n, file, docs, e);
}

void yq_docs_free(struct yq_docs *docs)
{
	for (size_t i = 0; i < docs->n; i++)
		node_free(docs->v[i]);
	free(docs->v);
	*docs = (struct yq_docs){ 0 };
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
