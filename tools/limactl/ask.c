/* ask - questions to the person at the terminal. Nothing here is reached when there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "life.h"

bool can_ask(const struct ctl *c)
{
	return c->tty && isatty(STDIN_FILENO) == 1;
}

/* The answer without its line end and blanks; NULL at the end of the input. The caller frees it. */
static char *answer(void)
{
	char *line = NULL, *start;
	size_t cap = 0;
	ssize_t n = getline(&line, &cap, stdin);

	if (n < 0) {
		free(line);
		return NULL;
	}
	while (n > 0 && strchr(" \t\r\n", line[n - 1]))
		line[--n] = '\0';
	start = xstrdup(line + strspn(line, " \t"));
	free(line);
	return start;
}

bool ask_yes(const char *question, bool fallback)
{
	for (;;) {
		char *text;
		int yes;

		fprintf(stderr, "? %s (%s) ", question, fallback ? "Y/n" : "y/N");
		text = answer();
		if (!text)
			return false;
		yes = !*text ? fallback : strchr("yY", *text) ? 1 : strchr("nN", *text) ? 0 : -1;
		free(text);
		if (yes >= 0)
			return yes;
	}
}

int ask_choice(const char *question, const char *const *choices)
{
	int n = 0, at;

	fprintf(stderr, "? %s\n", question);
	for (; choices[n]; n++)
		fprintf(stderr, "  %d) %s\n", n + 1, choices[n]);
	for (;;) {
		char *text, *end;

		fprintf(stderr, "Number (1): ");
		text = answer();
		if (!text)
			return -1;
		at = *text ? (int)strtol(text, &end, 10) - 1 : 0;
		if (*text && *end)
			at = -1;
		free(text);
		if (at >= 0 && at < n)
			return at;
	}
}
