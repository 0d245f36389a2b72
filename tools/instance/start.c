/* start, create, restart: bring an instance to the state that its lima.yaml describes. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "lock.h"
#include "network.h"
#include "oswatch.h"

#define DEAD_WAIT_MS 30000 /* the host agent has children and mounts to end */

/* A creation that failed leaves nothing: what was fetched or built for it is in the cache. A disk is never removed. */
static void undo_creation(const struct instance *in)
{
	char *disk = instance_path(in, F_DIFFDISK);
	struct err ignored = { 0 };

	if (!path_exists(disk))
		dir_remove(in->dir, &ignored);
	free(disk);
}

int step_build(const struct instance *in, const struct request *rq, const char *goal, struct err *e)
{
	struct source s = { 0 };
	int r = step_source(in, rq, &s, e);

	if (r == 0) {
		r = step_make(in, goal, e);
		if (r < 0 && s.created)
			undo_creation(in);
		if (r < 0 && s.old_disk)
			disk_put_back(in, s.old_disk);
	}
	if (r == 0)
		r = record_write(in, &s.record, e);
	source_free(&s);
	return r;
}

int verb_create(const struct request *rq, struct err *e)
{
	struct instance in;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_lock(&in, e);
	if (r == 0)
		r = step_build(&in, rq, "create", e);
	if (r == 0)
		say("the instance '%s' is made; 'make%s%s start' starts it", in.name,
		    strcmp(in.name, "default") ? " INSTANCE=" : "", strcmp(in.name, "default") ? in.name : "");
	instance_close(&in);
	return r;
}

static int report_degraded(const struct instance *in, struct err *e)
{
	return step_follow(in, 1, e);
}

static int report_hanging(const struct state_info *s, struct err *e)
{
	char *texts = s->why ? xstrdup(s->why) : state_errors(s);

	err_set(e, EXIT_TRYAGAIN, "nothing was started: %s", texts);
	free(texts);
	return -1;
}

/* A QEMU that was killed a moment ago: its host agent is about to notice, and to end. What it says until then is not so any
 * more. */
static void wait_for_dead(const struct instance *in, struct state_info *s)
{
	char *ha_pid;

	if (s->qemu_pid <= 0 || !proc_is_ending(s->qemu_pid))
		return;
	ha_pid = instance_path(in, F_HA_PID);
	lock_await(ha_pid, DEAD_WAIT_MS);
	free(ha_pid);
	state_free(s);
	state_read(in, s);
}

static int start_locked(struct instance *in, const struct request *rq, struct err *e)
{
	struct state_info s;
	int r;

	state_read(in, &s);
	wait_for_dead(in, &s);
	r = step_build(in, rq, s.state == ST_MISSING || s.state == ST_STOPPED ? "start" : "create", e);
	if (r == 0 && (s.state == ST_MISSING || s.state == ST_STOPPED || s.state == ST_ORPHANED)) {
		if (s.state == ST_ORPHANED)
			say("taking over the machine of '%s', whose host agent is gone", in->name);
		else
			say("starting the instance '%s' (console: %s/serial.log)", in->name, in->dir);
		r = networks_start(in, e);
		if (r == 0)
			r = step_launch(in, e);
		s.state = ST_STARTING;
	}
	/* Others may look and stop while we wait. */
	lock_release(&in->lock);
	if (r == 0 && s.json && s.state != ST_STARTING && s.state != ST_STOPPING)
		live_apply(in, s.state == ST_RUNNING);
	if (r == 0 && s.state == ST_PAUSED)
		r = live_resume(in, e);
	if (r < 0 || s.state == ST_RUNNING)
		;
	else if (s.state == ST_HANGING)
		r = report_hanging(&s, e);
	else if (s.state == ST_DEGRADED)
		r = report_degraded(in, e);
	else if (s.state == ST_STOPPING)
		r = err_set(e, EXIT_TRYAGAIN, "the instance '%s' is being stopped; start it again when that is done", in->name);
	else
		r = step_follow(in, rq->timeout_s, e);
	state_free(&s);
	return r;
}

int verb_start(const struct request *rq, struct err *e)
{
	struct instance in;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_lock(&in, e);
	if (r == 0)
		r = start_locked(&in, rq, e);
	instance_close(&in);
	if (r < 0)
		networks_tidy();
	return r;
}

/* What would refuse the start is asked before the machine ends. */
static int end_for_restart(const struct instance *in, const struct request *rq, struct err *e)
{
	struct state_info s;
	int r = 0;

	state_read(in, &s);
	if (s.state != ST_STOPPED)
		r = step_check(in, rq, e);
	if (r == 0 && s.state != ST_STOPPED)
		r = step_stop(in, rq->force, e);
	state_free(&s);
	return r;
}

int verb_restart(const struct request *rq, struct err *e)
{
	struct instance in;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0)
		r = instance_lock(&in, e);
	if (r == 0)
		r = end_for_restart(&in, rq, e);
	if (r == 0)
		r = start_locked(&in, rq, e);
	instance_close(&in);
	if (r < 0)
		networks_tidy();
	return r;
}
