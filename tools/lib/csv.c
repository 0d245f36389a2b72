/* csv - see csv.h. */
#include "csv.h"

#include <string.h>

static int wrong(const char *text, const char *at, const char *why, struct err *e)
{
	return err_set(e, EXIT_USAGE, "parse error on line 1, column %zu: %s", (size_t)(at - text) + 1, why);
}

/* A field in quotes, from behind the first; *p ends behind the last. */
static int quoted(const char *text, const char **p, struct buf *field, struct err *e)
{
	for (; **p; (*p)++) {
		if (**p != '"') {
			buf_addc(field, **p);
		} else if ((*p)[1] == '"') {
			buf_addc(field, *(*p)++);
		} else if ((*p)[1] == ',' || (*p)[1] == '\0') {
			(*p)++;
			return 0;
		} else {
			break;
		}
	}
	return wrong(text, *p, "extraneous or missing \" in quoted-field", e);
}

static int plain(const char *text, const char **p, struct buf *field, struct err *e)
{
	for (; **p && **p != ','; (*p)++) {
		if (**p == '"')
			return wrong(text, *p, "bare \" in non-quoted field", e);
		buf_addc(field, **p);
	}
	return 0;
}

int csv_record(const char *text, struct strv *out, struct err *e)
{
	const char *p = text;

	while (*text) {
		struct buf field = { 0 };
		int r = *p == '"' ? (p++, quoted(text, &p, &field, e)) : plain(text, &p, &field, e);

		if (r == 0)
			strv_add(out, buf_str(&field));
		buf_free(&field);
		if (r < 0)
			return -1;
		if (*p++ != ',')
			break;
	}
	return 0;
}
