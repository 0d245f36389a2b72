/* lock - see lock.h.
 *
 * A file may be removed by the holder only, while it holds it; lock_take makes sure that what it locked still has its
 * name. Waiting for a bounded time without polling: a timer's signal interrupts flock.
 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static pid_t read_pid(int fd)
{
	char text[24];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static int flock_for(int fd, int how, int wait_ms)
{
	struct sigaction sa = { .sa_handler = on_alarm }, old;
	/* A second, repeating tick, in case the first one comes before flock is entered. */
	struct itimerval t = { .it_value = { wait_ms / 1000, (wait_ms % 1000) * 1000 }, .it_interval = { 0, 50000 } };
	struct itimerval off = { 0 };
	int r, saved;

	sigaction(SIGALRM, &sa, &old);
	if (wait_ms > 0)
		setitimer(ITIMER_REAL, &t, NULL);
	r = flock(fd, how);
	saved = errno;
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	errno = saved;
	return r;
}

/* The owner of a lock may remove its file before it lets go; whoever then gets the lock holds a nameless one. */
static bool still_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int lock_take(const char *path, int wait_ms, struct lock *l, struct err *e)
{
	char text[24];
	int fd, n;

	l->fd = -1;
again:
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, EXIT_CANTCREATE, "cannot open the lock %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		pid_t holder = read_pid(fd);

		if (errno == EWOULDBLOCK && wait_ms != 0) {
			warn_msg("waiting for process %ld, which holds %s", (long)holder, path);
			if (flock_for(fd, LOCK_EX, wait_ms) == 0)
				goto locked;
		}
		close(fd);
		return err_set(e, EXIT_TRYAGAIN, "%s is held by process %ld; try again when it is done", path,
			       (long)holder);
	}
locked:
	if (!still_there(fd, path)) {
		close(fd);
		goto again;
	}
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		err_sys(e, EXIT_IOERR, "cannot write the lock %s", path);
		close(fd);
		return -1;
	}
	l->fd = fd;
	return 0;
}

void lock_release(struct lock *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

bool lock_held(const char *path, pid_t *holder)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool held;

	if (holder)
		*holder = 0;
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	if (held && holder)
		*holder = read_pid(fd);
	close(fd);
	return held;
}

bool lock_await(const char *path, int wait_ms)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool is_free;

	if (fd < 0)
		return true;
	is_free = flock_for(fd, LOCK_SH, wait_ms) == 0;
	close(fd);
	return is_free;
}
