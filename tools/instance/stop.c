/* stop, and the part of delete and restart that is the same: end the machine, however it was left. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "instance.h"
#include "instance_files.h"
#include "lock.h"
#include "network.h"
#include "oswatch.h"

/* The host agent's own limit is 180 s for the guest and some for itself; this one only guards against a stuck agent. */
#define STOP_WAIT_MS 240000
#define LOCK_WAIT_MS 10000

/* Its events end when it does, and only then is its lock free: no polling. */
static int wait_gone(const struct instance *in, int events, const struct watch *watch, struct err *e)
{
	char *ha_pid = instance_path(in, F_HA_PID);
	struct pollfd p[] = { { events, POLLIN, 0 }, { watch ? watch->fd : -1, POLLIN, 0 } };
	char chunk[4096];
	pid_t pid = 0;
	int r = 0;

	for (;;) {
		int n = poll(p, 2, STOP_WAIT_MS);

		if (n > 0 && watch && p[1].revents)
			watch->call(watch->arg);
		if (n == 0 || (n > 0 && p[0].revents && read(events, chunk, sizeof(chunk)) <= 0))
			break;
	}
	if (!lock_await(ha_pid, LOCK_WAIT_MS)) {
		lock_held(ha_pid, &pid);
		r = err_set(e, EXIT_TRYAGAIN, "the host agent of '%s' (process %ld) did not end; see %s/%s", in->name, (long)pid,
			    in->dir, F_HA_STDERR);
	}
	free(ha_pid);
	return r;
}

/* A host agent that does not answer and is to be ended all the same. The machine stays for the next one to take over. The
 * process is the one that holds the lock, looked at again when it can no longer be mistaken for another. */
static int end_agent(const struct instance *in, pid_t pid, struct err *e)
{
	char *ha_pid = instance_path(in, F_HA_PID);
	int watch = pid > 0 ? proc_watch(pid) : -1, r = -1;
	pid_t holder = 0;

	if (watch < 0 || !lock_held(ha_pid, &holder) || holder != pid || proc_signal(watch, pid, SIGKILL) < 0)
		err_set(e, EXIT_TRYAGAIN, "the host agent of '%s' (process %ld) cannot be ended", in->name, (long)pid);
	else if (!lock_await(ha_pid, LOCK_WAIT_MS))
		err_set(e, EXIT_TRYAGAIN, "the host agent of '%s' (process %ld) was killed and did not end", in->name, (long)pid);
	else
		r = 0;
	if (watch >= 0)
		close(watch);
	free(ha_pid);
	return r;
}

int machine_stop(const struct instance *in, bool force, const struct watch *watch, struct err *e)
{
	struct state_info s;
	char *answer = NULL;
	int events, r = -1;

	state_read(in, &s);
	if (force && s.state == ST_HANGING && !s.json && end_agent(in, s.agent_pid, e) == 0)
		s.state = ST_ORPHANED;
	if (s.state == ST_ORPHANED)
		r = step_launch(in, e);
	else if (s.state == ST_HANGING && !s.json)
		r = err_set(e, EXIT_TRYAGAIN, "%s", s.why);
	else
		r = 0;
	state_free(&s);
	if (r < 0)
		return -1;
	r = -1;
	events = agent_events(in, true, e);
	if (events < 0)
		return -1;
	if (agent_request(in, "POST", "/v1/stop", force ? "{\"force\":true}" : "{\"force\":false}", 5000, &answer, e) == 0)
		r = wait_gone(in, events, watch, e);
	free(answer);
	close(events);
	return r;
}

int step_stop(const struct instance *in, bool force, struct err *e)
{
	int r;

	say(force ? "killing the machine of '%s'" : "shutting down '%s'", in->name);
	r = machine_stop(in, force, NULL, e);
	if (r == 0)
		say("'%s' is stopped", in->name);
	return r;
}

int verb_stop(const struct request *rq, struct err *e)
{
	struct instance in;
	struct state_info s;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0)
		r = instance_lock(&in, e);
	if (r == 0) {
		state_read(&in, &s);
		if (s.state == ST_STOPPED)
			say("the instance '%s' is not running", in.name);
		else
			r = step_stop(&in, rq->force, e);
		state_free(&s);
	}
	instance_close(&in);
	if (r == 0)
		networks_tidy();
	return r;
}
