/* launch - starts the host agent as a daemon and waits for its word on a pipe that it is reachable. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "spawn.h"

/* The descriptor number that the child finds the pipe on: the first one after the standard three. */
#define NOTIFY_FD 3

/* `old`: what the last run left, see hostagent/logfile.h. */
static int open_log(const struct instance *in, const char *file, const char *old, struct err *e)
{
	char *path = instance_path(in, file), *before = instance_path(in, old);
	int fd;

	unlink(before);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
	free(before);
	free(path);
	return fd;
}

/* "ok" or "error CODE MESSAGE" arrives on the pipe; its end without a word means that the agent died. */
static int await_word(const struct instance *in, int fd, pid_t pid, struct err *e)
{
	struct buf word = { 0 };
	int code = EXIT_UNAVAIL, n = 0, r;

	if (fd_read_all(fd, "the host agent's word", ERR_MAX, &word, e) < 0) {
		buf_free(&word);
		return -1;
	}
	if (!strncmp(buf_str(&word), "ok", 2)) {
		r = 0;
	} else if (sscanf(buf_str(&word), "error %d %n", &code, &n) == 1 && n > 0) {
		word.data[strcspn(word.data, "\n")] = '\0';
		r = err_set(e, code, "%s", word.data + n);
	} else {
		r = err_set(e, EXIT_UNAVAIL, "the host agent ended without a word (status %d); see %s/%s", spawn_wait(pid), in->dir,
			    F_HA_STDERR);
	}
	buf_free(&word);
	return r;
}

int step_launch(const struct instance *in, struct err *e)
{
	int out = -1, errfd = -1, fds[2] = { -1, -1 }, pass[1], r = -1;
	char *bin = dirs_bin(e), *program = bin ? path_join(bin, "lima-hostagent") : NULL;
	const char *debug = getenv("LIMA_DEBUG");
	bool more = debug && (!strcmp(debug, "1") || !strcmp(debug, "true"));
	char *argv[] = { program, "--notify-fd", "3", more ? "--debug" : in->dir, more ? in->dir : NULL, NULL };
	struct spawn s = { .argv = argv, .in = SPAWN_NULL, .pass = pass, .npass = 1, .new_session = true };
	pid_t pid = -1;

	if (!program || (out = open_log(in, F_HA_STDOUT, F_HA_STDOUT_OLD, e)) < 0 ||
	    (errfd = open_log(in, F_HA_STDERR, F_HA_STDERR_OLD, e)) < 0)
		goto out;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
		goto out;
	}
	s.out = out;
	s.err = errfd;
	pass[0] = fds[1];
	if (spawn_start(&s, &pid, e) < 0)
		goto out;
	close(fds[1]);
	fds[1] = -1;
	r = await_word(in, fds[0], pid, e);
out:
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (out >= 0)
		close(out);
	if (errfd >= 0)
		close(errfd);
	free(program);
	free(bin);
	return r;
}
