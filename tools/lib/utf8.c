/* utf8 - see utf8.h. */
#include "utf8.h"

#include <string.h>

size_t utf8_next(const char *s, size_t n, uint32_t *ret)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
	uint32_t c = len == 1 ? u[0] : u[0] & (0xffu >> (len + 1));

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return len;
}

bool utf8_valid(const char *s, size_t n)
{
	uint32_t c;

	for (size_t i = 0, len; i < n; i += len)
		if (!(len = utf8_next(s + i, n - i, &c)))
			return false;
	return true;
}

void json_string_of(struct buf *out, const char *s, bool (*as_is)(uint32_t c))
{
	size_t n = strlen(s), len;
	uint32_t c;

	buf_addc(out, '"');
	for (; n; s += len, n -= len) {
		len = utf8_next(s, n, &c);
		if (!len) {
			buf_adds(out, "\\ufffd");
			len = 1;
		} else if (c == '"' || c == '\\') {
			buf_addf(out, "\\%c", (int)c);
		} else if (c == '\n' || c == '\t' || c == '\r') {
			buf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		} else if (as_is(c)) {
			buf_add(out, s, len);
		} else {
			buf_addf(out, "\\u%04x", (unsigned)c); /* all above U+FFFF stand as they are */
		}
	}
	buf_addc(out, '"');
}

static bool no_control(uint32_t c)
{
	return c >= 0x20 && c != 0x7f;
}

void json_string(struct buf *out, const char *s)
{
	json_string_of(out, s, no_control);
}
