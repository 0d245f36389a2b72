/* quiet - runs make so that only the tools are heard: make's own "*** [...] Error 1" would stand between the reason,
 * which a tool gives, and what lima-instance says last.
 *
 * make's standard error is a pipe to us. The recipes write to the real one, which they get as a further descriptor
 * (LIMA_TELL_FD, see mk/instance.mk), so that progress bars see their terminal. V=1 shows everything. When somebody collects our
 * messages (say_to) and there is no terminal, those of the recipes come to us too. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "instance.h"
#include "spawn.h"

#define TELL_FD "LIMA_TELL_FD=3" /* the first of spawn's passed descriptors */

static bool is_word_of_make(const char *line)
{
	const char *stars = strstr(line, ": *** "), *blank = strchr(line, ' ');

	/* "make: *** ", "gmake[1]: *** ": a program's name, not a sentence. */
	return stars && blank == stars + 1;
}

/* *last: what was said last, to repeat as the reason when the run fails. */
static void tell_line(const char *line, char **last)
{
	if (say_to && !isatty(STDERR_FILENO)) {
		bool warning = strstr(line, ": warning: ") != NULL;

		say_to(line, warning);
		if (!warning) {
			free(*last);
			*last = xstrdup(line);
		}
		return;
	}
	fd_write_all(STDERR_FILENO, line, strlen(line));
	fd_write_all(STDERR_FILENO, "\n", 1);
}

/* Hands on what is left when make's own lines are taken out. */
static void tell_lines(struct buf *b, bool all, char **last)
{
	char *nl;

	while (b->len && ((nl = memchr(b->data, '\n', b->len)) || all)) {
		size_t n = nl ? (size_t)(nl - b->data) + 1 : b->len;
		char *line = xstrndup(b->data, nl ? n - 1 : n);

		if (!is_word_of_make(line))
			tell_line(line, last);
		free(line);
		buf_eat(b, n);
	}
}

static void tell_rest(int fd, char **last)
{
	struct buf b = { 0 };
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			buf_add(&b, chunk, (size_t)n);
		tell_lines(&b, false, last);
	}
	tell_lines(&b, true, last);
	buf_free(&b);
}

bool make_is_verbose(void)
{
	const char *v = getenv("V");

	return v && !strcmp(v, "1");
}

int make_run(char *const *argv, int *status, struct err *e)
{
	const char *const env[] = { TELL_FD, NULL };
	bool collected = say_to && !isatty(STDERR_FILENO);
	char *last = NULL;
	int fds[2], real, r;
	struct spawn s = { .argv = argv, .in = SPAWN_NULL, .out = SPAWN_INHERIT, .pass = &real, .npass = 1, .env = env };
	pid_t pid;

	if (make_is_verbose())
		return spawn_run(argv, NULL, NULL, status, e);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
	real = fcntl(collected ? fds[1] : STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	if (real < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_sys(e, EXIT_UNAVAIL, "cannot duplicate the standard error");
	}
	s.err = fds[1];
	if (collected)
		s.out = fds[1];
	r = spawn_start(&s, &pid, e);
	close(fds[1]);
	close(real);
	if (r == 0) {
		tell_rest(fds[0], &last);
		*status = spawn_wait(pid);
		if (*status != 0 && last)
			err_set(e, EXIT_UNAVAIL, "%s", last);
	}
	close(fds[0]);
	free(last);
	return r;
}
