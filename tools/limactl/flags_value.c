/* flags_value - from the text of a flag to its value, with the words of Go's standard library for what is wrong: people look them
 * up. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "flags.h"
#include "log.h"

static int wrong(const char *function, const char *text, const char *why, struct err *e)
{
	return err_set(e, EXIT_NO, "strconv.%s: parsing %s: %s", function, qq(text), why);
}

static int set_bool(struct flag_value *v, const char *text, struct err *e)
{
	static const char *const words[] = { "f", "F", "0", "false", "False", "FALSE", "t", "T", "1", "true", "True", "TRUE" };
	size_t n = sizeof(words) / sizeof(*words);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, words[i])) {
			v->b = i >= n / 2;
			return 0;
		}
	return wrong("ParseBool", text, "invalid syntax", e);
}

/* The base that a prefix asks for; *text goes on behind it. */
static int base_of(const char **text)
{
	static const struct {
		const char *letters;
		int base;
	} bases[] = { { "xX", 16 }, { "bB", 2 }, { "oO", 8 } };

	if (**text != '0' || !(*text)[1])
		return 10;
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++)
		if (strchr(bases[i].letters, (*text)[1])) {
			*text += 2;
			return bases[i].base;
		}
	return 8;
}

/* -2^63..2^63-1, or 0..65535 without a sign; decimal, or with a prefix. */
static int set_int(struct flag_value *v, const char *text, struct err *e)
{
	bool small = v->spec->type == FLAG_UINT16, minus = !small && *text == '-';
	const char *function = small ? "ParseUint" : "ParseInt";
	const char *digits = text + (minus || (!small && *text == '+'));
	int base = base_of(&digits);
	unsigned long long n;
	char *end;

	if (!strchr("0123456789abcdefABCDEF", *digits) || !*digits)
		return wrong(function, text, "invalid syntax", e);
	errno = 0;
	n = strtoull(digits, &end, base);
	if (*end || end == digits)
		return wrong(function, text, "invalid syntax", e);
	if (errno || n > (small ? UINT16_MAX : (unsigned long long)INT64_MAX + minus))
		return wrong(function, text, "value out of range", e);
	v->i = minus ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

static int set_float(const char *text, struct err *e)
{
	char *end;
	float f;

	if (!text[strspn(text, "+-")] || text[strspn(text, "0123456789.eE+-")])
		return wrong("ParseFloat", text, "invalid syntax", e);
	f = strtof(text, &end);
	if (*end || end == text)
		return wrong("ParseFloat", text, "invalid syntax", e);
	return isinf(f) ? wrong("ParseFloat", text, "value out of range", e) : 0;
}

/* The unit at p, in nanoseconds; *p goes on behind it. 0: none. */
static double unit_of(const char **p)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 },  { "us", 1e3 }, { "\xc2\xb5s", 1e3 }, { "\xce\xbcs", 1e3 },
		      { "ms", 1e6 }, { "s", 1e9 },  { "m", 60e9 },	   { "h", 3600e9 } };
	size_t n = strcspn(*p, ".0123456789");

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strlen(units[i].name) == n && !strncmp(*p, units[i].name, n)) {
			*p += n;
			return units[i].ns;
		}
	return 0;
}

static int bad_duration(const char *text, struct err *e)
{
	return err_set(e, EXIT_NO, "time: invalid duration %s", qq(text));
}

/* [+-](NUMBER UNIT)+, or 0. */
static int set_duration(struct flag_value *v, const char *text, struct err *e)
{
	const char *p = text + (*text == '-' || *text == '+');
	double sum = 0;

	if (!strcmp(p, "0")) {
		v->i = 0;
		return 0;
	}
	if (!*p)
		return bad_duration(text, e);
	while (*p) {
		const char *number = p;
		char *end = NULL;
		double n, ns;

		p += strspn(p, ".0123456789");
		n = p > number ? strtod(number, &end) : 0;
		if (end != p)
			return bad_duration(text, e);
		if (!*p)
			return err_set(e, EXIT_NO, "time: missing unit in duration %s", qq(text));
		ns = unit_of(&p);
		if (ns == 0) {
			char *unit = xstrndup(p, strcspn(p, ".0123456789"));

			err_set(e, EXIT_NO, "time: unknown unit %s in duration %s", qq(unit), qq(text));
			free(unit);
			return -1;
		}
		sum += n * ns;
	}
	if (sum > 9.2e18)
		return bad_duration(text, e);
	v->i = *text == '-' ? -(int64_t)sum : (int64_t)sum;
	return 0;
}

static const char *trimmed(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n && strchr(" \t", s[n - 1]); n--)
		s[n - 1] = '\0';
	return s;
}

static int add_addresses(struct flag_value *v, const char *text, struct err *e)
{
	struct buf bare = { 0 };
	struct strv parts = { 0 };
	int r;

	for (; *text; text++)
		if (!strchr("\"'`", *text))
			buf_addc(&bare, *text);
	r = csv_record(buf_str(&bare), &parts, e);
	for (size_t i = 0; r == 0 && i < parts.n; i++) {
		const char *ip = trimmed(parts.v[i]);
		unsigned char address[sizeof(struct in6_addr)];

		if (inet_pton(AF_INET, ip, address) == 1 || inet_pton(AF_INET6, ip, address) == 1)
			strv_add(&v->list, ip);
		else
			r = err_set(e, EXIT_NO, "invalid string being converted to IP address: %s", ip);
	}
	strv_free(&parts);
	buf_free(&bare);
	return r;
}

static int set_value(struct flag_value *v, const char *text, struct err *e)
{
	switch (v->spec->type) {
	case FLAG_BOOL:
		return set_bool(v, text, e);
	case FLAG_INT:
	case FLAG_UINT16:
		return set_int(v, text, e);
	case FLAG_FLOAT:
		return set_float(text, e);
	case FLAG_DURATION:
		return set_duration(v, text, e);
	case FLAG_SLICE:
		return csv_record(text, &v->list, e);
	case FLAG_IPS:
		return add_addresses(v, text, e);
	case FLAG_ARRAY:
		strv_add(&v->list, text);
		return 0;
	case FLAG_STRING:
		break;
	}
	return 0;
}

int flag_set(struct flag_value *v, const char *text, struct err *e)
{
	char *copy;

	if (set_value(v, text, e) < 0) {
		e->code = EXIT_NO;
		return -1;
	}
	copy = xstrdup(text);
	free(v->text);
	v->text = copy;
	v->given = true;
	return 0;
}
