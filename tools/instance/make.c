/* make - runs the rules of mk/instance.mk inside an instance directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "spawn.h"

/* What the make above us put in the environment must not reach the inner one: its goals, its -n or -k, its variables
 * (which it would expand) and its job server are not ours. */
static void forget_outer_make(void)
{
	static const char *const names[] = { "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MAKE_TERMOUT",
					     "MAKE_TERMERR", "MAKEFILES", "GNUMAKEFLAGS" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
}

/* What killed runs left behind; their processes may still have been dying when the run after them looked. */
static void sweep(const struct instance *in)
{
	char *make = instance_path(in, D_MAKE);

	tmp_sweep(in->dir);
	tmp_sweep(make);
	free(make);
}

/* Hands the whole lines in the buffer on. */
static void tell_lines(struct buf *b)
{
	char *nl;

	while (b->len && (nl = memchr(b->data, '\n', b->len))) {
		*nl = '\0';
		if (strncmp(b->data, "make: ***", 9) != 0) /* the tools said it already */
			say_to(b->data, strstr(b->data, ": warning: ") != NULL);
		buf_eat(b, (size_t)(nl - b->data) + 1);
	}
}

/* Reads what a child writes until nobody can write any more. */
static void tell_all(int fd)
{
	struct buf b = { 0 };
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			buf_add(&b, chunk, (size_t)n);
		tell_lines(&b);
	}
	if (b.len)
		say_to(buf_str(&b), false);
	buf_free(&b);
}

/* Runs argv. Its messages become ours when somebody collects these (say_to) and no terminal shows its progress. */
static int run_telling(char *const *argv, int *status, struct err *e)
{
	struct spawn s = { .argv = argv, .in = SPAWN_NULL, .out = SPAWN_INHERIT };
	int fds[2], r;
	pid_t pid;

	if (!say_to || isatty(STDERR_FILENO))
		return spawn_run(argv, NULL, NULL, status, e);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
	s.out = s.err = fds[1];
	r = spawn_start(&s, &pid, e);
	close(fds[1]);
	if (r == 0) {
		tell_all(fds[0]);
		*status = spawn_wait(pid);
	}
	close(fds[0]);
	return r;
}

int step_make(const struct instance *in, const char *goal, struct err *e)
{
	const char *make = getenv("LIMA_MAKE");
	char *bin = dirs_bin(e), *share = bin ? dirs_share(e) : NULL;
	struct strv argv = { 0 };
	int status = 0, r = -1;

	if (!share)
		goto out;
	sweep(in);
	setenv("LIMA_BIN", bin, 1);
	setenv("LIMA_SHARE", share, 1);
	setenv("LIMA_HOME", in->home, 1);
	forget_outer_make();
	strv_add(&argv, make && *make ? make : "make");
	strv_add(&argv, "-s");
	strv_add(&argv, "-j4");
	strv_add(&argv, "--no-print-directory");
	strv_addf(&argv, "-C%s", in->dir);
	strv_addf(&argv, "-f%s/mk/instance.mk", share);
	strv_add(&argv, goal);
	r = run_telling(argv.v, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, EXIT_UNAVAIL, "the instance '%s' could not be built; the reason is above", in->name);
out:
	strv_free(&argv);
	free(share);
	free(bin);
	return r;
}
