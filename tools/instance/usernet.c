/* usernet - see usernet.h. */
#include "usernet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "lock.h"
#include "name.h"
#include "oswatch.h"
#include "spawn.h"

#define PROGRAM "lima-usernet"
#define U_LOCK "lock"
#define U_SUBNET "subnet" /* what it was started with */
#define U_LEASES "leases.json"
#define READY "ready\n"
#define READY_MS 20000 /* it only has to make sockets; a busy host may take its time */
#define END_MS 5000
#define KILLED_MS 5000
#define SAID_MAX 512 /* bytes of its log in a message */
#define LOG_MAX (1u << 20)

bool usernet_runs(const char *dir, pid_t *pid)
{
	char *lock = path_join(dir, U_LOCK);
	bool yes = lock_held(lock, pid);

	free(lock);
	return yes;
}

char *usernet_subnet(const char *dir)
{
	char *path = path_join(dir, U_SUBNET);
	struct err ignored = { 0 };
	struct buf text = { 0 };

	if (file_read(path, 64, &text, &ignored) == 0 && text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	free(path);
	return buf_detach(&text);
}

/* --- starting --- */

static char *log_path(const struct usernet *u, const char *stream)
{
	return xasprintf("%s/usernet.%s.%s.log", u->dir, u->name, stream);
}

static int open_log(const struct usernet *u, const char *stream, struct err *e)
{
	char *path = log_path(u, stream);
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
	free(path);
	return fd;
}

/* The last line of its log, for a message. The caller frees it. */
static char *last_words(const struct usernet *u)
{
	char *path = log_path(u, "stderr"), *line, *words;
	struct err ignored = { 0 };
	struct buf text = { 0 };

	if (file_read(path, LOG_MAX, &text, &ignored) == 0)
		while (text.len && text.data[text.len - 1] == '\n')
			text.data[--text.len] = '\0';
	line = strrchr(buf_str(&text), '\n');
	line = line ? line + 1 : text.data;
	words = xasprintf("%.*s", SAID_MAX, line && *line ? line : "it gave no reason");
	buf_free(&text);
	free(path);
	return words;
}

/* Its word comes on a pipe; the pipe's end without it is its own end. */
static int await_ready(const struct usernet *u, int fd, pid_t pid, struct err *e)
{
	struct pollfd p = { fd, POLLIN, 0 };
	int64_t until = mono_ms() + READY_MS;
	struct buf word = { 0 };
	bool ready = false, late = false;
	char chunk[64], *words;
	ssize_t n = 1;

	while (!ready && !late && n > 0) {
		int64_t left = until - mono_ms();
		int r = poll(&p, 1, left > 0 ? (int)left : 0);

		late = r == 0;
		if (r > 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
			buf_add(&word, chunk, (size_t)n);
		ready = !strncmp(buf_str(&word), READY, strlen(READY));
	}
	buf_free(&word);
	if (ready)
		return 0;
	if (late)
		kill(pid, SIGKILL);
	spawn_wait(pid);
	words = last_words(u);
	err_set(e, EXIT_UNAVAIL, "the network %s did not start: %s; see %s/usernet.%s.stderr.log", u->name,
		late ? "its daemon was not ready in time" : words, u->dir, u->name);
	free(words);
	return -1;
}

static void fill_argv(const struct usernet *u, const char *program, struct strv *argv)
{
	strv_add(argv, program);
	strv_addf(argv, "--pidfile=%s/usernet_%s.pid", u->dir, u->name);
	strv_addf(argv, "--endpoint=%s/%s_ep.sock", u->dir, u->name);
	strv_addf(argv, "--listen-qemu=%s/%s_qemu.sock", u->dir, u->name);
	strv_addf(argv, "--listen=%s/%s_fd.sock", u->dir, u->name);
	strv_addf(argv, "--subnet=%s", u->subnet);
	strv_addf(argv, "--leases-file=%s/" U_LEASES, u->dir);
	strv_add(argv, "--ready-fd=3");
}

static int launch(const struct usernet *u, const char *program, struct err *e)
{
	int out = open_log(u, "stdout", e), errfd = out < 0 ? -1 : open_log(u, "stderr", e), fds[2] = { -1, -1 }, r = -1;
	struct spawn s = { .in = SPAWN_NULL, .out = out, .err = errfd, .pass = &fds[1], .npass = 1, .cwd = "/", .new_session = true };
	struct strv argv = { 0 };
	pid_t pid;

	fill_argv(u, program, &argv);
	s.argv = argv.v;
	if (errfd >= 0 && pipe2(fds, O_CLOEXEC) < 0)
		err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
	if (fds[0] >= 0 && (r = spawn_start(&s, &pid, e)) == 0) {
		close(fds[1]);
		fds[1] = -1;
		r = await_ready(u, fds[0], pid, e);
	}
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (errfd >= 0)
		close(errfd);
	if (out >= 0)
		close(out);
	strv_free(&argv);
	return r;
}

/* The longest path of its sockets. */
static int check_length(const struct usernet *u, struct err *e)
{
	size_t n = strlen(u->dir) + strlen(u->name) + strlen("/_qemu.sock");

	if (n < SOCKET_PATH_MAX)
		return 0;
	return err_set(e, EXIT_USAGE, "the socket %s/%s_qemu.sock has %zu characters, less than %d are possible; choose a shorter name "
		       "for the network, or a shorter LIMA_HOME", u->dir, u->name, n, SOCKET_PATH_MAX);
}

int usernet_start(const struct usernet *u, struct err *e)
{
	char *bin = NULL, *program = NULL, *path = path_join(u->dir, U_SUBNET), *line = xasprintf("%s\n", u->subnet);
	int r = check_length(u, e);

	if (r == 0)
		r = dir_make(u->dir, 0700, e);
	if (r == 0)
		r = file_write_if_changed(path, line, strlen(line), 0600, NULL, e);
	if (r == 0)
		r = (bin = dirs_bin(e)) ? 0 : -1;
	if (r == 0) {
		program = path_join(bin, PROGRAM);
		r = launch(u, program, e);
	}
	free(program);
	free(bin);
	free(line);
	free(path);
	return r;
}

/* --- ending --- */

/* The process is the one that holds the lock, looked at again when it can no longer be mistaken for another. */
static bool send(const char *dir, int watch, pid_t pid, int sig)
{
	pid_t holder = 0;

	return usernet_runs(dir, &holder) && holder == pid && (proc_signal(watch, pid, sig) == 0 || errno == ESRCH);
}

int usernet_end(const char *name, const char *dir, struct err *e)
{
	char *lock = path_join(dir, U_LOCK);
	bool gone = true;
	pid_t pid = 0;
	int watch;

	if (usernet_runs(dir, &pid)) {
		watch = pid > 0 ? proc_watch(pid) : -1;
		gone = pid > 0 && send(dir, watch, pid, SIGTERM) && lock_await(lock, END_MS);
		if (!gone && pid > 0 && send(dir, watch, pid, SIGKILL))
			gone = lock_await(lock, KILLED_MS);
		gone = gone || !usernet_runs(dir, NULL);
		if (watch >= 0)
			close(watch);
	}
	free(lock);
	return gone ? 0 : err_set(e, EXIT_TRYAGAIN, "the daemon of the network %s (process %ld) does not end", name, (long)pid);
}
