/* start, create, restart: bring an instance to the state that its lima.yaml describes. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"

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

static bool newer(const struct instance *in, const char *a, const char *b)
{
	char *pa = instance_path(in, a), *pb = instance_path(in, b);
	struct stat sa, sb;
	bool yes = stat(pa, &sa) == 0 && stat(pb, &sb) == 0 &&
		   (sa.st_mtim.tv_sec > sb.st_mtim.tv_sec ||
		    (sa.st_mtim.tv_sec == sb.st_mtim.tv_sec && sa.st_mtim.tv_nsec > sb.st_mtim.tv_nsec));

	free(pa);
	free(pb);
	return yes;
}

bool changed_since_start(const struct instance *in)
{
	/* QEMU writes its pid file when it starts. */
	static const char *const parts[] = { F_QEMU_ARGV, F_CIDATA_ISO, F_AGENT_CONF };

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (newer(in, parts[i], F_QEMU_PID))
			return true;
	return false;
}

static void tell_running(const struct instance *in)
{
	if (changed_since_start(in))
		say("the instance '%s' is running; what changed since its start needs 'make%s%s restart'", in->name,
		    strcmp(in->name, "default") ? " INSTANCE=" : "", strcmp(in->name, "default") ? in->name : "");
	else
		say("the instance '%s' is already running", in->name);
}

static int report_degraded(const struct instance *in, struct err *e)
{
	return step_follow(in, 1, e);
}

static int start_locked(struct instance *in, const struct request *rq, struct err *e)
{
	struct state_info s;
	int r;

	state_read(in, &s);
	r = step_build(in, rq, s.state == ST_MISSING || s.state == ST_STOPPED ? "start" : "create", e);
	if (r == 0 && (s.state == ST_MISSING || s.state == ST_STOPPED || s.state == ST_ORPHANED)) {
		if (s.state == ST_ORPHANED)
			say("taking over the machine of '%s', whose host agent is gone", in->name);
		else
			say("starting the instance '%s' (console: %s/serial.log)", in->name, in->dir);
		r = step_launch(in, e);
		s.state = ST_STARTING;
	}
	/* Others may look and stop while we wait. */
	lock_release(&in->lock);
	if (r == 0 && s.state == ST_RUNNING)
		tell_running(in);
	else if (r == 0 && s.state == ST_DEGRADED)
		r = report_degraded(in, e);
	else if (r == 0 && s.state == ST_STOPPING)
		r = err_set(e, EXIT_TRYAGAIN, "the instance '%s' is being stopped; start it again when that is done", in->name);
	else if (r == 0)
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
	return r;
}

int verb_restart(const struct request *rq, struct err *e)
{
	struct instance in;
	struct state_info s;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0) {
		state_read(&in, &s);
		if (s.state != ST_STOPPED)
			r = step_check(&in, rq, e);
		if (r == 0 && s.state != ST_STOPPED)
			r = step_stop(&in, rq->force, e);
		state_free(&s);
	}
	instance_close(&in);
	return r < 0 ? -1 : verb_start(rq, e);
}
