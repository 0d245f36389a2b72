/* num - see num.h. */
#include "num.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int num_parse(const char *text, uint64_t min, uint64_t max, const char *what, uint64_t *ret, struct err *e)
{
	unsigned long long v;
	char *end;

	errno = 0;
	if (!isdigit((unsigned char)text[0]) || (v = strtoull(text, &end, 10), *end) || errno)
		return err_set(e, EXIT_BADDATA, "%s: '%s' is not a whole number", what, text);
	if (v < min || v > max)
		return err_set(e, EXIT_BADDATA, "%s: %s is outside of %llu..%llu", what, text,
			       (unsigned long long)min, (unsigned long long)max);
	*ret = v;
	return 0;
}

/* The power of 1024 that a suffix stands for, -1 for an unknown one. */
static int suffix_power(const char *s)
{
	static const char letters[] = "kmgtp";
	const char *at;

	if (!*s || !strcasecmp(s, "b"))
		return 0;
	at = strchr(letters, tolower((unsigned char)s[0]));
	if (!at || (s[1] && strcasecmp(s + 1, "b") && strcasecmp(s + 1, "ib")))
		return -1;
	return (int)(at - letters) + 1;
}

int size_parse(const char *text, const char *what, uint64_t *ret, struct err *e)
{
	size_t len = strlen(text), split = len;
	char number[64], *end;
	double v;
	int power;

	while (split > 0 && !isdigit((unsigned char)text[split - 1]) && text[split - 1] != '.' &&
	       text[split - 1] != ' ')
		split--;
	power = suffix_power(text + split);
	if (split > 0 && text[split - 1] == ' ' && text[split])
		len = split - 1;
	else
		len = split;
	if (power < 0 || len == 0 || len >= sizeof(number) || (!isdigit((unsigned char)text[0]) && text[0] != '.'))
		goto bad;
	memcpy(number, text, len);
	number[len] = '\0';
	if (strpbrk(number, "xXpPnN "))
		goto bad;
	v = strtod(number, &end);
	if (*end || !isfinite(v))
		goto bad;
	v = ldexp(v, 10 * power);
	if (v >= 9223372036854775808.0)
		return err_set(e, EXIT_BADDATA, "%s: '%s' is too large", what, text);
	*ret = (uint64_t)v;
	return 0;
bad:
	return err_set(e, EXIT_BADDATA, "%s: '%s' is not a size; write for example 4GiB", what, text);
}

void size_format(uint64_t bytes, char *out, size_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1024 && i + 1 < sizeof(units) / sizeof(*units)) {
		v /= 1024;
		i++;
	}
	snprintf(out, n, "%.4g%s", v, units[i]);
}
