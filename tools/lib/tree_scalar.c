/* tree_scalar - what unquoted words mean. One place, because the parser, the emitter (which must not print a text that
 * would be read as something else) and the coercions of lima.yaml have to agree. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"
#include "utf8.h"

#define YAML_TAG "tag:yaml.org,2002:"
#define NUMBER_MAX 64 /* characters; longer ones are text */

static bool one_of(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(text, *list))
			return true;
	return false;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Finds the base of an integer and moves *p behind its prefix. */
static int base_of(const char **p)
{
	const char *s = *p;

	if (s[0] != '0' || !s[1])
		return 10;
	*p += 2;
	switch (s[1]) {
	case 'x':
		return 16;
	case 'o':
		return 8;
	case 'b':
		return 2;
	default:
		*p = s + 1;
		return 8;
	}
}

/* An integer, possibly beyond int64_t: then it becomes a float. */
static bool integer(const char *text, struct node *n)
{
	const char *p = text;
	bool negative = *p == '-', any = false;
	uint64_t v = 0;
	double f = 0;
	int base;

	if (*p == '-' || *p == '+')
		p++;
	base = base_of(&p);
	if (*p == '_')
		return false;
	for (; *p; p++) {
		int d = digit(*p);

		if (*p == '_' && p[1] && p[1] != '_')
			continue;
		if (d >= base)
			return false;
		any = true;
		f = f * base + d;
		v = v * (unsigned)base + (unsigned)d;
	}
	if (!any)
		return false;
	n->type = f < 9223372036854775808.0 ? NODE_INT : NODE_FLOAT;
	n->i = n->type == NODE_INT ? (negative ? -(int64_t)v : (int64_t)v) : 0;
	/* Adding up digits rounds at each; strtod does not. */
	n->f = base == 10 && !strchr(text, '_') ? strtod(text, NULL) : negative ? -f : f;
	return true;
}

/* [-+] digits [. digits] [e [-+] digits], with a digit before or behind the dot. */
static bool decimal(const char *text, struct node *n)
{
	const char *p = text;
	size_t digits = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; digit(*p) < 10; p++)
		digits++;
	if (*p == '.')
		for (p++; digit(*p) < 10; p++)
			digits++;
	if (!digits)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '-' || *p == '+')
			p++;
		if (digit(*p) >= 10)
			return false;
		while (digit(*p) < 10)
			p++;
	} else if (!strchr(text, '.')) {
		return false; /* 0899: neither octal nor a fraction */
	}
	if (*p)
		return false;
	n->type = NODE_FLOAT;
	n->f = strtod(text, NULL);
	return true;
}

static bool special(const char *text, struct node *n)
{
	static const char *const nan[] = { ".nan", ".NaN", ".NAN", NULL };
	static const char *const inf[] = { ".inf", ".Inf", ".INF", NULL };
	const char *p = *text == '-' || *text == '+' ? text + 1 : text;

	if (!one_of(text, nan) && !one_of(p, inf))
		return false;
	n->type = NODE_FLOAT;
	n->f = one_of(text, nan) ? (double)NAN : *text == '-' ? -(double)INFINITY : (double)INFINITY;
	return true;
}

void scalar_resolve(const char *text, struct node *n)
{
	static const char *const null_words[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };

	n->type = NODE_STR;
	if (one_of(text, null_words)) {
		n->type = NODE_NULL;
	} else if (one_of(text, yes) || one_of(text, no)) {
		n->type = NODE_BOOL;
		n->b = one_of(text, yes);
	} else if (strchr("+-.0123456789", *text) && strlen(text) <= NUMBER_MAX) {
		(void)(integer(text, n) || decimal(text, n) || special(text, n));
	}
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* !!binary: base64 of a text. What is no text (not UTF-8, or with NUL) cannot be a setting. */
static int decode_binary(struct node *n, const char **why)
{
	struct buf out = { 0 };
	unsigned bits = 0, value = 0;
	size_t len;

	for (const char *s = n->str; *s; s++) {
		int d = base64_digit(*s);

		if (strchr(" \t\r\n=", *s))
			continue;
		if (d < 0) {
			buf_free(&out);
			*why = "!!binary wants base64";
			return -1;
		}
		value = (value << 6 | (unsigned)d) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(&out, (char)(value >> bits & 0xff));
		}
	}
	len = out.len;
	free(n->str);
	n->str = buf_detach(&out);
	if (strlen(n->str) == len && utf8_valid(n->str, len))
		return 0;
	*why = "!!binary holds something that is no UTF-8 text";
	return -1;
}

int scalar_tag(struct node *n, const char *tag, const char **why)
{
	static const struct {
		const char *name, *why;
		enum node_type type;
	} known[] = {
		{ "int", "this is no !!int", NODE_INT },
		{ "float", "this is no !!float", NODE_FLOAT },
		{ "bool", "this is no !!bool", NODE_BOOL },
		{ "null", "this is no !!null", NODE_NULL },
	};

	if (strncmp(tag, YAML_TAG, strlen(YAML_TAG)) != 0) {
		if (!strcmp(tag, "!"))
			n->type = NODE_STR;
		return 0;
	}
	tag += strlen(YAML_TAG);
	if (!strcmp(tag, "str") || !strcmp(tag, "timestamp") || !strcmp(tag, "binary")) {
		n->type = NODE_STR;
		return *tag == 'b' ? decode_binary(n, why) : 0;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(tag, known[i].name) != 0)
			continue;
		scalar_resolve(n->str, n);
		if (known[i].type == NODE_FLOAT && n->type == NODE_INT) {
			n->f = (double)n->i;
			n->type = NODE_FLOAT;
		}
		*why = known[i].why;
		return n->type == known[i].type ? 0 : -1;
	}
	return 0;
}

void scalar_float(double f, char out[40])
{
	if (isnan(f)) {
		snprintf(out, 40, ".nan");
	} else if (isinf(f)) {
		snprintf(out, 40, "%s", f < 0 ? "-.inf" : ".inf");
	} else if (f == floor(f) && fabs(f) < 1e15) {
		snprintf(out, 40, "%.0f", f);
	} else {
		for (int digits = 1; digits <= 17; digits++) {
			snprintf(out, 40, "%.*g", digits, f);
			if (strtod(out, NULL) == f)
				break;
		}
	}
}
