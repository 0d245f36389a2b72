/* err - see err.h. */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_MAX 64

static const char *program = "lima";

void err_program(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	if (argv0 && *argv0)
		program = slash ? slash + 1 : argv0;
}

const char *err_program_name(void)
{
	return program;
}

static void format(struct err *e, const char *fmt, va_list ap)
{
	int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);

	if (n >= (int)sizeof(e->msg))
		memcpy(e->msg + sizeof(e->msg) - 4, "...", 4);
}

void err_set_(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	e->code = code;
}

void err_sys_(struct err *e, int code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerror(saved));
	e->code = saved == ENOSPC || saved == EDQUOT || saved == EFBIG ? EXIT_IOERR : code;
}

void err_wrap_(struct err *e, const char *fmt, ...)
{
	struct err inner = *e;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	format(e, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	if (snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", inner.msg) >= (int)(sizeof(e->msg) - n))
		memcpy(e->msg + sizeof(e->msg) - 4, "...", 4);
}

/* Text that came from outside must not steer the terminal: control characters become '?'. One write, so that the lines of programs
 * that run at once do not get into each other; and no allocation, since this is also how the lack of memory is told. */
static void print_line(const struct err *e)
{
	char line[PROGRAM_MAX + sizeof(e->msg) + sizeof(": \n")];
	int n = snprintf(line, sizeof(line), "%.*s: %s\n", PROGRAM_MAX, program, e->msg);

	for (int i = 0; i < n - 1; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f)
			line[i] = '?';
	}
	fputs(line, stderr);
}

int err_report(const struct err *e)
{
	static const struct err unknown = { .msg = "unknown error" };

	print_line(e->msg[0] ? e : &unknown);
	return e->code ? e->code : EXIT_INTERNAL;
}

void warn_msg(const char *fmt, ...)
{
	struct err e = { 0 };
	va_list ap;

	va_start(ap, fmt);
	format(&e, fmt, ap);
	va_end(ap);
	print_line(&e);
}

void usage_die(const char *fmt, ...)
{
	struct err e = { 0 };
	va_list ap;

	va_start(ap, fmt);
	format(&e, fmt, ap);
	va_end(ap);
	print_line(&e);
	fprintf(stderr, "%s: see '%s --help'\n", program, program);
	exit(EXIT_USAGE);
}
