/* words - see words.h. Kept apart because quoting rules are easy to get wrong and easy to test alone. */
#include "words.h"

#include <string.h>

/* Reads a quoted stretch; *p stands behind the opening quote and ends behind the closing one. */
static int quoted(const char **p, char quote, struct buf *word)
{
	const char *s = *p;

	for (; *s && *s != quote; s++) {
		if (quote == '"' && *s == '\\' && s[1] && strchr("\"\\$`\n", s[1]))
			s++;
		buf_addc(word, *s);
	}
	if (!*s)
		return -1;
	*p = s + 1;
	return 0;
}

static int one_word(const char **p, struct buf *word)
{
	const char *s = *p;

	while (*s && !strchr(" \t\n", *s)) {
		char c = *s++;

		if (c == '\'' || c == '"') {
			if (quoted(&s, c, word) < 0)
				return -1;
		} else if (c == '\\') {
			if (!*s)
				return -1;
			buf_addc(word, *s++);
		} else {
			buf_addc(word, c);
		}
	}
	*p = s;
	return 0;
}

int words_split(const char *text, const char *what, struct strv *out, struct err *e)
{
	const char *p = text;

	for (;;) {
		struct buf word = { 0 };

		p += strspn(p, " \t\n");
		if (!*p)
			return 0;
		if (one_word(&p, &word) < 0) {
			buf_free(&word);
			return err_set(e, EXIT_USAGE, "%s: a quote or backslash in '%s' has no end; close it", what,
				       text);
		}
		strv_add(out, buf_str(&word));
		buf_free(&word);
	}
}
