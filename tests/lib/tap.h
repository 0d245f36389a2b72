/* tap - the few lines that a unit test needs: checks that print TAP, and a plan at the end.
 *
 *   int main(void) { ok(1 + 1 == 2, "sums"); is_str(name, "x", "name"); return done(); }
 */
#ifndef LIMA_TAP_H
#define LIMA_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

static inline int tap_report(int pass, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!pass) {
		printf("#   at %s:%d\n", file, line);
		tap_failed++;
	}
	fflush(stdout);
	return pass;
}

#define ok(cond, ...) tap_report(!!(cond), __FILE__, __LINE__, __VA_ARGS__)

static inline int tap_str(const char *got, const char *want, const char *file, int line, const char *name)
{
	int pass = got && want ? !strcmp(got, want) : got == want;

	tap_report(pass, file, line, "%s", name);
	if (!pass)
		printf("#   got:  %s\n#   want: %s\n", got ? got : "(null)", want ? want : "(null)");
	return pass;
}
#define is_str(got, want, name) tap_str(got, want, __FILE__, __LINE__, name)

static inline int tap_num(long long got, long long want, const char *file, int line, const char *name)
{
	int pass = got == want;

	tap_report(pass, file, line, "%s", name);
	if (!pass)
		printf("#   got:  %lld\n#   want: %lld\n", got, want);
	return pass;
}
#define is_num(got, want, name) tap_num((long long)(got), (long long)(want), __FILE__, __LINE__, name)

/* Prints the plan; the value for main to return. */
static inline int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
