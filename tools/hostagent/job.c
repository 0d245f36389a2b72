/* job - see job.h.
 *
 * A job is over when its process ends, not when its pipes do: an ssh that leaves a master in the background would
 * keep them open. What lies in the pipes then is still taken.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "spawn.h"
#include "text.h"

struct job {
	struct child *child;
	struct event *ev_in, *ev_out, *ev_err, *ev_time;
	struct buf input, out;
	struct tail err;
	size_t out_max;
	bool timed_out;
	void (*done)(void *arg, const struct job_result *r);
	void *arg;
};

static void drop_event(struct event **ev)
{
	if (!*ev)
		return;
	if (event_get_fd(*ev) >= 0)
		close(event_get_fd(*ev));
	event_free(*ev);
	*ev = NULL;
}

static void job_free(struct job *j)
{
	drop_event(&j->ev_in);
	drop_event(&j->ev_out);
	drop_event(&j->ev_err);
	if (j->ev_time)
		event_free(j->ev_time);
	buf_free(&j->input);
	buf_free(&j->out);
	tail_free(&j->err);
	free(j);
}

/* Takes what is there; false at the end of the stream. */
static bool take(struct job *j, int fd, bool is_err)
{
	char chunk[8192];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (is_err)
		tail_add(&j->err, chunk, (size_t)n);
	else if (j->out.len < j->out_max)
		buf_add(&j->out, chunk, (size_t)n < j->out_max - j->out.len ? (size_t)n : j->out_max - j->out.len);
	return n > 0;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	bool is_err = j->ev_err && event_get_fd(j->ev_err) == fd;

	(void)what;
	if (!take(j, fd, is_err))
		drop_event(is_err ? &j->ev_err : &j->ev_out);
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;
	ssize_t n = write(fd, j->input.data, j->input.len);

	(void)what;
	if (n > 0)
		buf_eat(&j->input, (size_t)n);
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || j->input.len == 0)
		drop_event(&j->ev_in);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct job *j = arg;

	(void)fd;
	(void)what;
	j->timed_out = true;
	child_signal(j->child, SIGKILL, true);
}

/* Reads the rest without waiting, at most what a pipe can hold. */
static void drain(struct job *j, struct event *ev, bool is_err)
{
	for (int i = 0; ev && i < 16; i++) {
		errno = 0;
		if (!take(j, event_get_fd(ev), is_err) || errno == EAGAIN)
			return;
	}
}

static void on_end(void *arg, int status)
{
	struct job *j = arg;
	struct job_result r = { .status = status, .timed_out = j->timed_out };
	char *err;

	drain(j, j->ev_out, false);
	drain(j, j->ev_err, true);
	err = tail_oneline(&j->err);
	r.out = buf_str(&j->out);
	r.out_len = j->out.len;
	r.err = err;
	j->child = NULL;
	if (j->done)
		j->done(j->arg, &r);
	free(err);
	job_free(j);
}

/* One pipe: *ours is non-blocking, *theirs goes to the child. */
static int make_pipe(bool child_reads, int *ours, int *theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	*ours = fds[child_reads];
	*theirs = fds[!child_reads];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static void close_pair(int fd[2])
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static struct event *add_event(struct event_base *base, int fd, short what, event_callback_fn fn, struct job *j)
{
	struct event *ev;

	if (fd < 0)
		return NULL;
	ev = event_new(base, fd, (short)(what | EV_PERSIST), fn, j);
	event_add(ev, NULL);
	return ev;
}

static void arm(struct event_base *base, struct job *j, const struct job_spec *spec)
{
	struct timeval limit = { .tv_sec = spec->timeout_s };

	j->out_max = spec->out_max;
	j->err.max = JOB_ERR_MAX;
	j->done = spec->done;
	j->arg = spec->arg;
	if (spec->timeout_s > 0) {
		j->ev_time = evtimer_new(base, on_timeout, j);
		evtimer_add(j->ev_time, &limit);
	}
}

struct job *job_start(struct event_base *base, const struct job_spec *spec, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct spawn s = { .argv = spec->argv, .new_group = true, .die_with_parent = spec->die_with_us };
	struct job *j;
	pid_t pid;
	bool piped = make_pipe(false, &err[0], &err[1]) == 0;

	if (spec->input && spec->io_fd <= 0)
		piped = piped && make_pipe(true, &in[0], &in[1]) == 0;
	if (spec->out_max && spec->io_fd <= 0)
		piped = piped && make_pipe(false, &out[0], &out[1]) == 0;
	s.in = spec->io_fd > 0 ? spec->io_fd : in[1] >= 0 ? in[1] : SPAWN_NULL;
	s.out = spec->io_fd > 0 ? spec->io_fd : out[1] >= 0 ? out[1] : SPAWN_NULL;
	s.err = err[1];
	if (!piped || spawn_start(&s, &pid, e) < 0) {
		if (!piped)
			err_sys(e, EXIT_UNAVAIL, "cannot make a pipe for %s", spec->argv[0]);
		close_pair(in);
		close_pair(out);
		close_pair(err);
		return NULL;
	}
	close_pair((int[2]){ in[1], out[1] });
	close(err[1]);
	j = xcalloc(1, sizeof(*j));
	if (spec->input)
		buf_add(&j->input, spec->input, spec->input_len);
	j->ev_in = add_event(base, in[0], EV_WRITE, on_input, j);
	j->ev_out = add_event(base, out[0], EV_READ, on_output, j);
	j->ev_err = add_event(base, err[0], EV_READ, on_output, j);
	arm(base, j, spec);
	j->child = child_watch(base, pid, true, on_end, j);
	return j;
}

pid_t job_pid(const struct job *j)
{
	return child_pid(j->child);
}

void job_terminate(struct job *j)
{
	child_signal(j->child, SIGTERM, true);
}

void job_cancel(struct job *j)
{
	if (!j)
		return;
	child_signal(j->child, SIGKILL, true);
	child_forget(j->child);
	job_free(j);
}
