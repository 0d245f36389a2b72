/* spawn - see spawn.h. A close-on-exec pipe carries the errno of a failed exec back to the parent. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPTURE_MAX (1u << 20)

/* Moves the descriptors in place. Sources are first lifted above all targets, so that no target overwrites one. */
static int place_fds(const struct spawn *s, int status_fd)
{
	int std[3] = { s->in, s->out, s->err };
	int top = (int)s->npass + 3;
	int lifted[64];

	if (s->npass > 60 || (status_fd = fcntl(status_fd, F_DUPFD_CLOEXEC, top)) < 0)
		return -1;
	for (int i = 0; i < top; i++) {
		int fd = i < 3 ? std[i] : s->pass[i - 3];

		if (fd == SPAWN_INHERIT)
			fd = i;
		if (fd == SPAWN_NULL)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		lifted[i] = fcntl(fd, F_DUPFD_CLOEXEC, top);
		if (lifted[i] < 0 && !(i < 3 && errno == EBADF))
			return -1;
	}
	for (int i = 0; i < top; i++)
		if (lifted[i] >= 0 && dup2(lifted[i], i) < 0)
			return -1;
	return status_fd;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void follow_parent(pid_t parent)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* it ended before the call */
		_exit(128 + SIGTERM);
#else
	(void)parent;
#endif
}

static void child(const struct spawn *s, int status_fd, pid_t parent)
{
	int fd = place_fds(s, status_fd), code;

	if (fd < 0)
		goto fail;
	status_fd = fd;
	reset_signals();
	if (s->die_with_parent)
		follow_parent(parent);
	if (s->new_session)
		setsid();
	else if (s->new_group)
		setpgid(0, 0);
	if (s->cwd && chdir(s->cwd) < 0)
		goto fail;
	for (const char *const *kv = s->env; kv && *kv; kv++)
		putenv((char *)*kv);
	execvp(s->argv[0], s->argv);
fail:
	code = errno;
	if (write(status_fd, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

int spawn_start(const struct spawn *s, pid_t *ret_pid, struct err *e)
{
	int fds[2], code = 0;
	pid_t parent = getpid();
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(s, fds[1], parent);
	close(fds[1]);
	if (pid < 0) {
		err_sys(e, EXIT_UNAVAIL, "cannot start %s", s->argv[0]);
		close(fds[0]);
		return -1;
	}
	do
		n = read(fds[0], &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	close(fds[0]);
	if (n == (ssize_t)sizeof(code)) {
		waitpid(pid, NULL, 0);
		errno = code;
		return err_sys(e, EXIT_UNAVAIL, "cannot run %s", s->argv[0]);
	}
	*ret_pid = pid;
	return 0;
}

int spawn_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads both streams until both have ended. */
static void collect(int fd[2], struct buf *into[2])
{
	char chunk[8192];

	while (fd[0] >= 0 || fd[1] >= 0) {
		struct pollfd p[2] = { { fd[0], POLLIN, 0 }, { fd[1], POLLIN, 0 } };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (fd[i] < 0 || !p[i].revents)
				continue;
			n = read(fd[i], chunk, sizeof(chunk));
			if (n > 0 && into[i]->len + (size_t)n <= CAPTURE_MAX)
				buf_add(into[i], chunk, (size_t)n);
			if (n == 0 || (n < 0 && errno != EINTR)) {
				close(fd[i]);
				fd[i] = -1;
			}
		}
	}
}

int spawn_run(char *const *argv, struct buf *out, struct buf *errout, int *ret_status, struct err *e)
{
	struct spawn s = { .argv = argv, .in = SPAWN_NULL, .out = SPAWN_INHERIT, .err = SPAWN_INHERIT };
	struct buf *into[2] = { out, errout };
	int rd[2] = { -1, -1 }, wr[2] = { -1, -1 };
	pid_t pid = -1;
	int r;

	for (int i = 0; i < 2; i++) {
		int fds[2];

		if (!into[i])
			continue;
		if (pipe2(fds, O_CLOEXEC) < 0) {
			close(rd[0]);
			close(wr[0]);
			return err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
		}
		rd[i] = fds[0];
		wr[i] = fds[1];
	}
	if (out)
		s.out = wr[0];
	if (errout)
		s.err = wr[1];
	r = spawn_start(&s, &pid, e);
	for (int i = 0; i < 2; i++)
		if (wr[i] >= 0)
			close(wr[i]);
	if (r < 0) {
		for (int i = 0; i < 2; i++)
			if (rd[i] >= 0)
				close(rd[i]);
		return -1;
	}
	collect(rd, into);
	*ret_status = spawn_wait(pid);
	return 0;
}

char *program_find(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? xstrdup(name) : NULL;
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t n = strcspn(path, ":");
		char *file = xasprintf("%.*s/%s", (int)(n ? n : 1), n ? path : ".", name);
		struct stat st;

		if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0)
			return file;
		free(file);
		path += n + (path[n] == ':');
	}
	return NULL;
}
