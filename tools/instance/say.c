/* say - progress for people: on standard error, or to whoever asked for it (say_to). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "instance.h"

bool say_quiet;
void (*say_to)(const char *text, bool warning);

void say(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	if (say_quiet)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text && say_to)
		say_to(text, false);
	else if (text)
		fprintf(stderr, "lima: %s\n", text);
	free(text);
}

/* One line of a tool's output; an error is added to *errors. */
static void hand_on(const char *line, bool failed, struct buf *errors)
{
	bool warning = strstr(line, ": warning: ") || !strncmp(line, "warning: ", 9);

	if (failed && !warning)
		buf_addf(errors, "%s%s", errors->len ? "\n" : "", line);
	else
		say_to(line, warning);
}

bool say_collected(const char *tool, const struct buf *notes, int status, struct err *e)
{
	size_t n = strlen(tool);
	struct buf errors = { 0 };
	const char *p = buf_str(notes);
	bool told;

	if (!say_to) {
		fputs(p, stderr);
		return false;
	}
	while (*p) {
		size_t len = strcspn(p, "\n");
		bool named = !strncmp(p, tool, n) && !strncmp(p + n, ": ", 2);
		char *line = named ? xstrndup(p + n + 2, len - n - 2) : xstrndup(p, len);

		hand_on(line, status != 0, &errors);
		free(line);
		p += len + (p[len] == '\n');
	}
	told = errors.len > 0;
	if (told)
		err_set(e, status > 128 ? EXIT_INTERNAL : status, "%s", errors.data);
	buf_free(&errors);
	return told;
}
