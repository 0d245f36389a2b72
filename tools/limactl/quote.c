/* quote - texts in the quotes that people know from Go: %q, %#q, and the values of log lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "tree.h"
#include "utf8.h"

/* Characters beyond ASCII that are not printed as they are: controls, blanks other than ' ', invisible and private ones. */
static const struct {
	uint32_t from, to;
} unprintable[] = {
	{ 0x80, 0xa0 },	    { 0xad, 0xad },	{ 0x61c, 0x61c },     { 0x1680, 0x1680 },    { 0x180e, 0x180e },
	{ 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },   { 0x3000, 0x3000 },    { 0xd800, 0xf8ff },
	{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },   { 0xe0000, 0xe00ff },  { 0xe01f0, 0x10ffff },
};

static bool printable(uint32_t c)
{
	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	for (size_t i = 0; i < sizeof(unprintable) / sizeof(*unprintable); i++)
		if (c >= unprintable[i].from && c <= unprintable[i].to)
			return false;
	return true;
}

static void add_escape(struct buf *out, uint32_t c)
{
	static const char named[] = "\a\b\f\n\r\t\v", letter[] = "abfnrtv";
	const char *hit = c && c < 0x80 ? strchr(named, (int)c) : NULL;

	if (hit)
		buf_addf(out, "\\%c", letter[hit - named]);
	else if (c < 0x80)
		buf_addf(out, "\\x%02x", (unsigned)c);
	else
		buf_addf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

void quote_add(struct buf *out, const char *s)
{
	const char *end = s + strlen(s);

	buf_addc(out, '"');
	while (s < end) {
		uint32_t c = 0;
		size_t n = utf8_next(s, (size_t)(end - s), &c);

		if (n == 0)
			buf_addf(out, "\\x%02x", (unsigned char)*s);
		else if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", (char)c);
		else if (printable(c))
			buf_add(out, s, n);
		else
			add_escape(out, c);
		s += n ? n : 1;
	}
	buf_addc(out, '"');
}

/* Whether a text can stand between backquotes. */
static bool can_backquote(const char *s)
{
	if (!utf8_valid(s, strlen(s)) || strstr(s, "\xef\xbb\xbf"))
		return false;
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == '`' || *s == 0x7f)
			return false;
	return true;
}

/* Results stay until eight more were asked for. */
static const char *keep(struct buf *text)
{
	static char *kept[8];
	static size_t next;
	size_t at = next++ % (sizeof(kept) / sizeof(*kept));

	free(kept[at]);
	kept[at] = buf_detach(text);
	return kept[at];
}

const char *q(const char *s)
{
	struct buf text = { 0 };

	if (can_backquote(s))
		buf_addf(&text, "`%s`", s);
	else
		quote_add(&text, s);
	return keep(&text);
}

const char *qq(const char *s)
{
	struct buf text = { 0 };

	quote_add(&text, s);
	return keep(&text);
}
