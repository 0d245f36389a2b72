/* out_text - see out_text.h.
 *
 * One quoting for all YAML that we write: double quotes, with escapes for whatever some reader could take for a line
 * end, a control character or a byte order mark. It is the only YAML style in which every string can be written. */
#include "out_text.h"

#include <stdint.h>
#include <string.h>

#include "tree.h"
#include "utf8.h"

/* Control characters of ASCII and Latin-1, the line and paragraph separators, the byte order mark, non-characters. */
static bool is_special(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
	       (c & 0xfffe) == 0xfffe;
}

bool text_is_printable(const char *s)
{
	size_t n = strlen(s), len;
	uint32_t c;

	for (; n > 0; s += len, n -= len) {
		len = utf8_next(s, n, &c);
		if (len == 0 || is_special(c))
			return false;
	}
	return true;
}

bool text_is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			return false;
	return true;
}

static void escaped(struct buf *out, uint32_t c)
{
	if (c == '\n')
		buf_adds(out, "\\n");
	else if (c == '\t')
		buf_adds(out, "\\t");
	else if (c == '\r')
		buf_adds(out, "\\r");
	else if (c <= 0xff)
		buf_addf(out, "\\x%02x", (unsigned)c);
	else if (c <= 0xffff)
		buf_addf(out, "\\u%04x", (unsigned)c);
	else
		buf_addf(out, "\\U%08x", (unsigned)c);
}

void yaml_quoted(struct buf *out, const char *s)
{
	size_t n = strlen(s), len;
	uint32_t c;

	buf_addc(out, '"');
	for (; n > 0; s += len, n -= len) {
		len = utf8_next(s, n, &c);
		if (len == 0) { /* the callers refuse such text; keep the document valid all the same */
			len = 1;
			c = 0xfffd;
			buf_adds(out, "\\ufffd");
		} else if (c == '"' || c == '\\') {
			buf_addf(out, "\\%c", (int)c);
		} else if (is_special(c)) {
			escaped(out, c);
		} else {
			buf_add(out, s, len);
		}
	}
	buf_addc(out, '"');
}

void yaml_word(struct buf *out, const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+/-");

	if (*s && strchr(letters, *s) && s[n] == '\0' && strpbrk(s, "0123456789/"))
		buf_adds(out, s);
	else
		yaml_quoted(out, s);
}

void yaml_lines(struct buf *out, const char *text, int indent)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n)
			buf_addf(out, "%*s", indent, "");
		buf_add(out, text, n);
		buf_addc(out, '\n');
		text += n + (text[n] == '\n');
	}
}

void shell_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}
