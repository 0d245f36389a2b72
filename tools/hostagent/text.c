/* text - see text.h. */
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of a UTF-8 character by its first byte, 0 when none begins so. */
static size_t utf8_lead(unsigned char c)
{
	if (c < 0x80)
		return 1;
	return c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf8 ? 4 : 0;
}

/* The length of the UTF-8 character at p (n bytes left), 0 when it is not one. Overlong forms, surrogates and what is
 * beyond U+10FFFF are not; nor are the C1 controls, which some terminals obey. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = utf8_lead(*p);
	uint32_t c;

	if (len < 2 || len > n)
		return len < 2 ? len : 0;
	c = *p & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < smallest[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (c >= 0x80 && c < 0xa0))
		return 0;
	return len;
}

char *text_clean(const char *s, size_t n, size_t max)
{
	struct buf out = { 0 };

	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		unsigned char c = (unsigned char)s[i];

		len = utf8_len((const unsigned char *)s + i, n - i);
		if (out.len + (len ? len : 1) > max)
			break;
		if (c == '\t')
			buf_addc(&out, ' ');
		else if (len == 0 || c < 0x20 || c == 0x7f)
			buf_addc(&out, '?');
		else
			buf_add(&out, s + i, len);
	}
	return buf_detach(&out);
}

void text_json(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c == '\n')
			buf_adds(out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}

void text_time(const struct timespec *t, char out[TIME_TEXT])
{
	struct tm tm;
	char zone[8], frac[16];
	size_t n;
	int len = snprintf(frac, sizeof(frac), ".%09ld", t->tv_nsec);

	localtime_r(&t->tv_sec, &tm);
	while (len > 0 && (frac[len - 1] == '0' || frac[len - 1] == '.'))
		frac[--len] = '\0';
	strftime(zone, sizeof(zone), "%z", &tm); /* +hhmm */
	n = strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, TIME_TEXT - n, "%s%.3s:%.2s", frac, zone, zone + 3);
}

void tail_add(struct tail *t, const char *data, size_t n)
{
	size_t over;
	const char *nl;

	if (n > t->max) {
		data += n - t->max;
		n = t->max;
	}
	buf_add(&t->text, data, n);
	if (t->text.len <= t->max)
		return;
	over = t->text.len - t->max;
	nl = memchr(t->text.data + over, '\n', t->text.len - over - 1);
	buf_eat(&t->text, nl ? (size_t)(nl - t->text.data) + 1 : over);
}

char *tail_oneline(const struct tail *t)
{
	const char *p = buf_str(&t->text), *end = p + t->text.len;
	struct buf out = { 0 };

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		char *line;

		if (n > 0 && p[n - 1] == '\r')
			n--;
		line = text_clean(p, n, t->max);
		if (*line)
			buf_addf(&out, "%s%s", out.len ? "; " : "", line);
		free(line);
		p = nl ? nl + 1 : end;
	}
	return buf_detach(&out);
}

void tail_free(struct tail *t)
{
	buf_free(&t->text);
}
