/* version - see version.h. */
#include "version.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool version_parse(const char *text, unsigned v[3])
{
	const char *p = *text == 'v' ? text + 1 : text;
	size_t n = strcspn(p, "-");

	if (n > 2 && !strncmp(p + n - 2, ".m", 2))
		n -= 2;
	for (int i = 0; i < 3; i++) {
		char *end;

		if (!isdigit((unsigned char)*p) || strspn(p, "0123456789") > 6)
			return false;
		v[i] = (unsigned)strtoul(p, &end, 10);
		n -= (size_t)(end - p);
		p = end;
		if (i < 2) {
			if (*p != '.')
				return false;
			p++;
			n--;
		}
	}
	return n == 0;
}

bool version_less(const char *a, const char *b)
{
	unsigned x[3], y[3];

	if (!version_parse(a, x) || !version_parse(b, y))
		return false;
	for (int i = 0; i < 3; i++)
		if (x[i] != y[i])
			return x[i] < y[i];
	return false;
}
