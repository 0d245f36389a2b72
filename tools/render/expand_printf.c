/* expand_printf - the function printf of the template language. Go prints marks like "%!d(string=x)" for mistakes; here
 * they are errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expand_ast.h"

#define WIDTH_MAX 4096

struct directive {
	char flags[8];	       /* of "-+# 0" */
	long width, precision; /* -1: not given */
	char verb;
};

static bool has(const struct directive *d, char flag)
{
	return strchr(d->flags, flag);
}

static int read_number(struct expansion *x, size_t at, const char **p, const char *end, long *ret)
{
	*ret = 0;
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		*ret = *ret * 10 + (**p - '0');
		if (*ret > WIDTH_MAX)
			return x_error(x, at, "printf: a width or precision over %d", WIDTH_MAX);
	}
	return 0;
}

static int read_directive(struct expansion *x, size_t at, const char **p, const char *end, struct directive *d)
{
	size_t n = 0;

	*d = (struct directive){.width = -1, .precision = -1};
	for (; *p < end && **p && strchr("-+# 0", **p); (*p)++)
		if (!has(d, **p) && n + 1 < sizeof(d->flags))
			d->flags[n++] = **p;
	if (*p < end && **p >= '1' && **p <= '9' && read_number(x, at, p, end, &d->width) < 0)
		return -1;
	if (*p < end && **p == '.') {
		(*p)++;
		if (read_number(x, at, p, end, &d->precision) < 0)
			return -1;
	}
	if (*p >= end)
		return x_error(x, at, "printf: the format ends in the middle of a directive");
	d->verb = *(*p)++;
	return 0;
}

/* Counts characters, not bytes, as Go does for widths. */
static long characters(const char *s, size_t n)
{
	long count = 0;

	for (size_t i = 0; i < n; i++)
		count += (s[i] & 0xc0) != 0x80;
	return count;
}

static void pad(const struct directive *d, const char *s, size_t n, struct buf *out)
{
	long fill = d->width - characters(s, n);

	for (long i = 0; i < fill && !has(d, '-'); i++)
		buf_addc(out, has(d, '0') ? '0' : ' ');
	buf_add(out, s, n);
	for (long i = 0; i < fill && has(d, '-'); i++)
		buf_addc(out, ' ');
}

static void quote(const char *s, size_t n, struct buf *out)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";

	buf_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		const char *hit = s[i] ? strchr(from, s[i]) : NULL;

		if (hit)
			buf_addf(out, "\\%c", to[hit - from]);
		else if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			buf_addf(out, "\\x%02x", (unsigned char)s[i]);
		else
			buf_addc(out, s[i]);
	}
	buf_addc(out, '"');
}

static void hex(const char *s, size_t n, bool upper, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(out, upper ? "%02X" : "%02x", (unsigned char)s[i]);
}

static void format_text(const struct directive *d, const char *s, size_t n, struct buf *out)
{
	struct buf b = {0};
	size_t keep = n;

	if (d->precision >= 0) { /* so many characters */
		keep = 0;
		for (long seen = 0; keep < n; keep++)
			if ((s[keep] & 0xc0) != 0x80 && seen++ == d->precision)
				break;
	}
	if (d->verb == 'q')
		quote(s, keep, &b);
	else if (d->verb == 'x' || d->verb == 'X')
		hex(s, keep, d->verb == 'X', &b);
	else
		buf_add(&b, s, keep);
	pad(d, buf_str(&b), b.len, out);
	buf_free(&b);
}

static void binary(uint64_t v, struct buf *out)
{
	int i = 63;

	while (i > 0 && !(v >> i & 1))
		i--;
	for (; i >= 0; i--)
		buf_addc(out, (char)('0' + (v >> i & 1)));
}

static void code_point(int64_t c, struct buf *out)
{
	uint32_t u = c < 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : (uint32_t)c;

	if (u < 0x80) {
		buf_addc(out, (char)u);
		return;
	}
	if (u >= 0x10000) {
		buf_addc(out, (char)(0xf0 | u >> 18));
		buf_addc(out, (char)(0x80 | (u >> 12 & 0x3f)));
	} else if (u >= 0x800) {
		buf_addc(out, (char)(0xe0 | u >> 12));
	}
	buf_addc(out, (char)(u >= 0x800 ? 0x80 | (u >> 6 & 0x3f) : 0xc0 | u >> 6));
	buf_addc(out, (char)(0x80 | (u & 0x3f)));
}

static void digits(const struct directive *d, uint64_t v, struct buf *out)
{
	if (d->verb == 'b')
		binary(v, out);
	else
		buf_addf(out,
			 d->verb == 'x'	  ? "%llx"
			 : d->verb == 'X' ? "%llX"
			 : d->verb == 'o' ? "%llo"
					  : "%llu",
			 (unsigned long long)v);
}

static void format_int(const struct directive *d, int64_t v, struct buf *out)
{
	uint64_t abs = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	const char *sign = v < 0 ? "-" : has(d, '+') ? "+" : has(d, ' ') ? " " : "";
	const char *base = !has(d, '#')	    ? ""
			   : d->verb == 'x' ? "0x"
			   : d->verb == 'X' ? "0X"
			   : d->verb == 'o' ? "0"
			   : d->verb == 'b' ? "0b"
					    : "";
	struct buf number = {0}, all = {0};
	struct directive plain = *d;
	long zeros;

	if (d->verb == 'c') {
		code_point(v, &number);
		pad(d, buf_str(&number), number.len, out);
		buf_free(&number);
		return;
	}
	digits(d, abs, &number);
	zeros = d->precision - (long)number.len;
	if (d->precision < 0 && has(d, '0') && !has(d, '-'))
		zeros = d->width - (long)(number.len + strlen(sign)); /* as in Go, the 0x is not counted */
	buf_addf(&all, "%s%s", sign, base);
	for (; zeros > 0; zeros--)
		buf_addc(&all, '0');
	buf_adds(&all, buf_str(&number));
	snprintf(plain.flags, sizeof(plain.flags), "%s", has(d, '-') ? "-" : "");
	pad(&plain, buf_str(&all), all.len, out);
	buf_free(&number);
	buf_free(&all);
}

static void format_float(const struct directive *d, double f, struct buf *out)
{
	char fmt[32], verb[2] = {d->verb == 'F' ? 'f' : d->verb, '\0'};
	struct buf b = {0};

	if ((d->verb == 'v' || d->verb == 'g' || d->verb == 'G') && d->precision < 0) {
		x_float(f, &b);
		pad(d, buf_str(&b), b.len, out);
		buf_free(&b);
		return;
	}
	snprintf(fmt, sizeof(fmt), "%%%s*.*%s", d->flags, verb[0] == 'v' ? "g" : verb);
	buf_addf(out, fmt, (int)(d->width < 0 ? 0 : d->width), (int)(d->precision < 0 ? 6 : d->precision), f);
}

/* The verbs that a kind of value has. */
static const char *verbs(const struct xval *v)
{
	switch (v->type) {
	case X_BOOL:
		return "vt";
	case X_INT:
		return "vdxXobcq";
	case X_FLOAT:
		return "veEfFgG";
	case X_STR:
		return "vsqxX";
	default:
		return "v";
	}
}

static int format_value(struct expansion *x, size_t at, const struct directive *d, const struct xval *v,
			struct buf *out)
{
	struct buf b = {0};

	if (!strchr(verbs(v), d->verb) && (d->verb != 's' || (v->type != X_SEQ && v->type != X_MAP)))
		return x_error(x, at, "printf: %%%c cannot print %s", d->verb, x_type_name(v));
	if (v->type == X_STR) {
		format_text(d, v->s, v->len, out);
	} else if (v->type == X_INT && d->verb == 'q') {
		buf_addc(&b, '\'');
		code_point(v->i, &b);
		buf_addc(&b, '\'');
		pad(d, buf_str(&b), b.len, out);
	} else if (v->type == X_INT) {
		format_int(d, v->i, out);
	} else if (v->type == X_FLOAT) {
		format_float(d, v->f, out);
	} else {
		x_print(v, &b);
		pad(d, v->type == X_NIL ? "<nil>" : buf_str(&b), v->type == X_NIL ? 5 : b.len, out);
	}
	buf_free(&b);
	return out->len > EXPAND_OUTPUT_MAX ? x_error(x, at, "a text is larger than %u bytes", EXPAND_OUTPUT_MAX) : 0;
}

static int format_all(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct buf *out)
{
	const char *p = arg[0].s, *end = p + arg[0].len;
	struct directive d;
	size_t used = 1;

	while (p < end) {
		if (*p != '%') {
			buf_addc(out, *p++);
			continue;
		}
		p++;
		if (read_directive(x, at, &p, end, &d) < 0)
			return -1;
		if (d.verb == '%') {
			buf_addc(out, '%');
			continue;
		}
		if (!d.verb || !strchr("vsqxXdobctfFeEgG", d.verb))
			return x_error(x, at, "printf: unknown directive %%%c",
				       d.verb > 0x20 && d.verb < 0x7f ? d.verb : '?');
		if (used >= n)
			return x_error(x, at, "printf: there are more directives than the %zu values", n - 1);
		if (format_value(x, at, &d, &arg[used++], out) < 0)
			return -1;
	}
	if (used < n)
		return x_error(x, at, "printf: %zu values for %zu directives", n - 1, used - 1);
	return 0;
}

int x_printf(struct expansion *x, size_t at, const struct xval *arg, size_t n, struct xval *ret)
{
	struct buf b = {0};

	if (arg[0].type != X_STR)
		return x_error(x, at, "printf: the format is a text, not %s", x_type_name(&arg[0]));
	if (format_all(x, at, arg, n, &b) < 0) {
		buf_free(&b);
		return -1;
	}
	return x_take(x, at, &b, ret);
}
