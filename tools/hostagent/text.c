/* text - see text.h. */
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

/* The length of the character at p (n bytes left), 0 when there is none that a log may have: control characters are not, those
 * of C1 included, which some terminals obey. */
static size_t clean_len(const char *p, size_t n)
{
	uint32_t c;
	size_t len = utf8_next(p, n, &c);

	return len && (c < 0x20 || (c >= 0x7f && c < 0xa0)) ? 0 : len;
}

char *text_clean(const char *s, size_t n, size_t max)
{
	struct buf out = { 0 };

	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = clean_len(s + i, n - i);
		if (out.len + (len ? len : 1) > max)
			break;
		if (len)
			buf_add(&out, s + i, len);
		else
			buf_addc(&out, s[i] == '\t' ? ' ' : '?');
	}
	return buf_detach(&out);
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
