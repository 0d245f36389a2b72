/* child - see child.h. */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "oswatch.h"

struct child {
	pid_t pid;
	int watch; /* pidfd, or -1 */
	bool ours;
	struct event *ev;
	void (*ended)(void *arg, int status);
	void *arg;
	struct child *next; /* of those without a pidfd */
	struct child *prev_all, *next_all;
};

bool child_no_pidfd;

/* Those that have no pidfd; SIGCHLD asks for each of them. */
static struct child *unwatched;
static struct event *sigchld;
static struct child *all;

static void take_out(struct child *c)
{
	if (c->next_all)
		c->next_all->prev_all = c->prev_all;
	if (c->prev_all)
		c->prev_all->next_all = c->next_all;
	else
		all = c->next_all;
}

static void child_free(struct child *c)
{
	if (c->ev)
		event_free(c->ev);
	if (c->watch >= 0)
		close(c->watch);
	free(c);
}

static void finish(struct child *c, int status)
{
	void (*ended)(void *arg, int status) = c->ended;
	void *arg = c->arg;

	take_out(c);
	child_free(c);
	if (ended)
		ended(arg, status);
}

/* 1 when it has ended. */
static int reap(pid_t pid, int *status)
{
	int st;
	pid_t r;

	do
		r = waitpid(pid, &st, WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return 0;
	*status = r < 0 ? CHILD_STATUS_UNKNOWN : WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	return 1;
}

static void on_pidfd(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	int status = CHILD_STATUS_UNKNOWN;

	(void)fd;
	(void)what;
	if (!c->ours || reap(c->pid, &status))
		finish(c, status);
}

static void on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	struct child **at = &unwatched;

	(void)fd;
	(void)what;
	(void)arg;
	while (*at) {
		struct child *c = *at;
		int status;

		if (!reap(c->pid, &status)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		finish(c, status);
		at = &unwatched; /* the call may have changed the list */
	}
	if (!unwatched && sigchld) {
		event_free(sigchld);
		sigchld = NULL;
	}
}

static void watch_by_signal(struct event_base *base, struct child *c)
{
	c->next = unwatched;
	unwatched = c;
	if (!sigchld) {
		sigchld = evsignal_new(base, SIGCHLD, on_sigchld, NULL);
		event_add(sigchld, NULL);
	}
	event_active(sigchld, EV_SIGNAL, 1); /* it may have ended before the handler stood */
}

struct child *child_watch(struct event_base *base, pid_t pid, bool ours,
			  void (*ended)(void *arg, int status), void *arg)
{
	struct child *c;
	int watch = -1;

	if (child_no_pidfd)
		errno = ENOSYS;
	else
		watch = proc_watch(pid);
	if (watch < 0 && !ours)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	*c = (struct child){ .pid = pid, .watch = watch, .ours = ours, .ended = ended, .arg = arg, .next_all = all };
	if (all)
		all->prev_all = c;
	all = c;
	if (watch >= 0) {
		c->ev = event_new(base, watch, EV_READ, on_pidfd, c);
		event_add(c->ev, NULL);
	} else {
		watch_by_signal(base, c);
	}
	return c;
}

void child_signal(struct child *c, int sig, bool group)
{
	/* Not yet reaped, so the number is still its own. */
	if (group && c->ours)
		kill(-c->pid, sig);
	proc_signal(c->watch, c->pid, sig);
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

void child_forget(struct child *c)
{
	if (c)
		c->ended = NULL;
}

void child_free_all(void)
{
	for (struct child *c = all, *next; c; c = next) {
		next = c->next_all;
		child_free(c);
	}
	all = NULL;
	unwatched = NULL;
	if (sigchld)
		event_free(sigchld);
	sigchld = NULL;
}
