/* stop - see stop.h. Each step has a bound, so that the whole has one; the end itself is the end of the QEMU
 * process. */
#include "stop.h"

#include <unistd.h>

#include "agent.h"
#include "instance_files.h"
#include "job.h"
#include "ssh.h"

#define MUX_EXIT_S 5
#define QUIT_S 3        /* for QEMU to end after "quit" */
#define LOST_S 60       /* that a guest gets which holds on to a dead virtiofs: its kernel may never let go of it */
#define PRESS_AGAIN_S 5 /* a guest that still boots does not see the first press */

static void timer_set(struct agent *a, struct event **ev, event_callback_fn fn, int seconds)
{
	struct timeval t = { .tv_sec = seconds };

	if (*ev)
		event_free(*ev);
	*ev = evtimer_new(a->base, fn, a);
	evtimer_add(*ev, &t);
}

static void on_too_long(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	log_warn("QEMU did not exit in time; killing it");
	machine_kill(a);
}

static void quit(struct agent *a)
{
	log_info("ending QEMU without asking the guest");
	machine_quit(a);
	timer_set(a, &a->stop.timer, on_too_long, QUIT_S);
}

static void on_press_again(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	machine_powerdown(a);
	timer_set(a, &a->stop.again, on_press_again, PRESS_AGAIN_S);
}

static void press(struct agent *a)
{
	int s = a->opt.stop_timeout_s;

	if (mounts_any_lost(a) && s > LOST_S)
		s = LOST_S;
	log_info("asking the guest to power off, for at most %d s", s);
	a->stop.pressed = true;
	machine_powerdown(a);
	timer_set(a, &a->stop.timer, on_too_long, s);
	timer_set(a, &a->stop.again, on_press_again, PRESS_AGAIN_S);
}

static void on_mux_exit(void *arg, const struct job_result *r)
{
	struct agent *a = arg;

	(void)r;
	a->stop.mux_exit = NULL;
	if (!a->stop.force)
		press(a);
}

static void end_mux(struct agent *a)
{
	struct strv argv = { 0 };
	struct job_spec spec = { .timeout_s = MUX_EXIT_S, .done = on_mux_exit, .arg = a };
	struct err e = { 0 };

	if (access(F_SSH_SOCK, F_OK) == 0) {
		ssh_control_argv(a, "exit", NULL, NULL, &argv);
		spec.argv = argv.v;
		a->stop.mux_exit = job_start(a->base, &spec, &e);
		strv_free(&argv);
	}
	if (!a->stop.mux_exit)
		press(a);
}

static void on_mounts_gone(struct agent *a)
{
	if (!a->stop.force && !a->stop.pressed)
		end_mux(a);
}

void stop_begin(struct agent *a, bool force)
{
	bool first = a->state != STATE_STOPPING;

	if (!first && (!force || a->stop.force))
		return;
	a->state = STATE_STOPPING;
	a->stop.force = a->stop.force || force;
	if (first) {
		log_info("shutting down the host agent");
		boot_stop(a);
		probes_stop(a);
		tasks_stop(a);
		ports_stop(a);
	}
	if (force)
		quit(a);
	else
		mounts_stop(a, on_mounts_gone);
}

void stop_free(struct agent *a)
{
	job_cancel(a->stop.mux_exit);
	if (a->stop.timer)
		event_free(a->stop.timer);
	if (a->stop.again)
		event_free(a->stop.again);
	a->stop = (struct stop){ 0 };
}
