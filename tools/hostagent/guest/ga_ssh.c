/* ga_ssh - see ga_ssh.h.
 *
 * One attempt: connect to ga.ssh.sock, where an earlier forward may still stand; else a login, which makes the shared
 * connection when there is none, "ssh -O cancel", whose failure means nothing (a registration that is left over would
 * make the new one fail), "ssh -O forward", connect. That the connection stands says nothing yet: ssh accepts it before
 * the guest does. Only a HELLO counts.
 */
#include "ga_ssh.h"

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "hostagent/agent.h"
#include "hostagent/job.h"
#include "hostagent/ssh.h"
#include "instance_files.h"
#include "unixsock.h"

#define GUEST_SOCK "/run/lima-guestagent.sock"
#define FIRST_S 5    /* that a guest agent on the port has after the first login */
#define RETRY_S 10
#define SILENCE_S 10 /* for a HELLO by this way */
#define JOB_S 20

enum { LOGIN, CANCEL, FORWARD };

static void run_step(struct agent *a);

static void on_timer(evutil_socket_t unused, short what, void *arg);

static void set_timer(struct agent *a, int seconds)
{
	struct ga_ssh *g = &a->ga.ssh;
	struct timeval t = { .tv_sec = seconds };

	if (!g->timer)
		g->timer = evtimer_new(a->base, on_timer, a);
	evtimer_add(g->timer, &t);
}

static int try_connect(struct agent *a)
{
	struct err e = { 0 };
	int fd = unixsock_connect(F_GA_SSH_SOCK, 0, &e);

	if (fd < 0)
		return -1;
	a->ga.ssh.active = true;
	ga_use(a, fd);
	set_timer(a, SILENCE_S);
	return 0;
}

static void on_done(void *arg, const struct job_result *r)
{
	struct agent *a = arg;
	struct ga_ssh *g = &a->ga.ssh;

	g->job = NULL;
	if (a->ga.heard)
		return;
	if (g->step < FORWARD && (g->step == CANCEL || r->status == 0)) {
		if (g->step++ == CANCEL)
			unlink(F_GA_SSH_SOCK); /* ssh does not bind where something is */
		run_step(a);
		return;
	}
	if (r->status != 0)
		log_debug("the guest agent's socket cannot be forwarded: %s", r->timed_out ? "no answer" : r->err);
	if (r->status != 0 || try_connect(a) < 0)
		set_timer(a, RETRY_S);
}

static void run_step(struct agent *a)
{
	struct ga_ssh *g = &a->ga.ssh;
	struct job_spec spec = { .timeout_s = JOB_S, .done = on_done, .arg = a };
	char *what = xasprintf("%s/%s:%s", a->dir, F_GA_SSH_SOCK, GUEST_SOCK);
	struct strv argv = { 0 };
	struct err e = { 0 };

	if (g->step == LOGIN) {
		ssh_argv(a, true, &argv);
		strv_add(&argv, "true");
	} else {
		ssh_control_argv(a, g->step == CANCEL ? "cancel" : "forward", "-L", what, &argv);
	}
	spec.argv = argv.v;
	g->job = job_start(a->base, &spec, &e);
	if (!g->job) {
		log_warn("%s", e.msg);
		set_timer(a, RETRY_S);
	}
	strv_free(&argv);
	free(what);
}

static void on_timer(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;
	struct ga_ssh *g = &a->ga.ssh;

	(void)unused;
	(void)what;
	if (a->ga.heard || g->job || !g->ready)
		return;
	if (g->active) { /* connected, and not a word */
		ga_ssh_ended(a, false);
		return;
	}
	g->step = LOGIN;
	if (try_connect(a) < 0)
		run_step(a);
}

void ga_ssh_ready(struct agent *a)
{
	a->ga.ssh.ready = !a->plain;
	if (!a->plain && !a->ga.heard)
		set_timer(a, FIRST_S);
}

void ga_ssh_ended(struct agent *a, bool heard)
{
	struct ga_ssh *g = &a->ga.ssh;

	g->active = false;
	/* A forward that leads nowhere is made anew; one that worked may only have lost its guest agent. */
	if (!heard)
		unlink(F_GA_SSH_SOCK);
	ga_connect(a); /* the port may have come meanwhile */
	if (g->ready)
		set_timer(a, heard ? 1 : RETRY_S);
}

void ga_ssh_heard(struct agent *a)
{
	struct ga_ssh *g = &a->ga.ssh;

	if (g->timer)
		evtimer_del(g->timer);
	if (g->active)
		log_info("the guest agent does not use its virtio port; talking to it by ssh (%s)", GUEST_SOCK);
}

void ga_ssh_stop(struct agent *a)
{
	struct ga_ssh *g = &a->ga.ssh;

	job_cancel(g->job);
	if (g->timer)
		event_free(g->timer);
	*g = (struct ga_ssh){ .active = g->active };
}
