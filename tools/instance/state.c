/* state - what an instance is doing, derived from what cannot lie: a held lock, an answering socket.
 *
 * The host agent holds a lock on ha.pid as long as it lives, and QEMU has qmp.sock open as long as it lives. Pid files are
 * not asked: a pid may belong to another process by now.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "instance.h"
#include "instance_files.h"
#include "lock.h"
#include "oswatch.h"
#include "unixsock.h"

#define KILLED_WAIT_MS 5000 /* for what a killed process holds; clearing away a large one takes a moment */

const char *state_name(enum state s)
{
	static const char *const names[] = {
		[ST_MISSING] = "Missing",   [ST_STOPPED] = "Stopped",   [ST_STARTING] = "Starting", [ST_RUNNING] = "Running",
		[ST_DEGRADED] = "Degraded", [ST_PAUSED] = "Paused",	[ST_HANGING] = "Hanging",   [ST_STOPPING] = "Stopping",
		[ST_ORPHANED] = "Broken",
	};

	return names[s];
}

/* A listener whose queue is full is alive too. */
static bool socket_answers(const char *path)
{
	struct err none = { 0 };
	int fd = unixsock_connect(path, 0, &none);

	if (fd < 0)
		return errno == EAGAIN;
	close(fd);
	return true;
}

static int json_int(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsNumber(v) ? v->valueint : 0;
}

static void from_info(struct state_info *s)
{
	static const struct {
		const char *text;
		enum state state;
	} map[] = { { "running", ST_RUNNING }, { "degraded", ST_DEGRADED }, { "stopping", ST_STOPPING },
		    { "paused", ST_PAUSED },   { "hanging", ST_HANGING } };
	cJSON *o = cJSON_Parse(s->json);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "state"));

	s->state = ST_STARTING;
	for (size_t i = 0; text && i < sizeof(map) / sizeof(*map); i++)
		if (!strcmp(text, map[i].text))
			s->state = map[i].state;
	s->ssh_port = json_int(o, "sshLocalPort");
	s->qemu_pid = json_int(o, "qemuPID");
	cJSON_Delete(o);
}

/* Nobody listens: it has only just been started. Somebody does, without a word: it hangs, or a signal stopped it. */
static void no_answer(const struct instance *in, struct state_info *s, const struct err *e)
{
	long pid = (long)s->agent_pid;

	s->state = e->code == EXIT_NO ? ST_STARTING : ST_HANGING;
	if (s->state == ST_STARTING)
		s->why = xasprintf("the host agent (process %ld) does not answer yet: %s", pid, e->msg);
	else
		s->why = xasprintf("the host agent (process %ld) is not answering: %s; 'kill -CONT %ld' lets it go on if a signal "
				   "stopped it, 'make INSTANCE=%s FORCE=1 stop' ends it and the machine",
				   pid, e->msg, pid, in->name);
}

/* A host agent that was killed a moment ago says nothing more, and is about to let its lock go. */
static bool agent_died(const char *ha_pid, struct state_info *s)
{
	if (!proc_is_ending(s->agent_pid) || !lock_await(ha_pid, KILLED_WAIT_MS))
		return false;
	s->agent_pid = 0;
	return true;
}

/* Whether there is a host agent; then what it says is in *s. */
static bool ask_agent(const struct instance *in, const char *ha_pid, struct state_info *s)
{
	struct err e = { 0 };

	if (!lock_held(ha_pid, &s->agent_pid))
		return false;
	if (agent_request(in, "GET", "/v1/info", NULL, 3000, &s->json, &e) == 0)
		from_info(s);
	else if (agent_died(ha_pid, s))
		return false;
	else
		no_answer(in, s, &e);
	return true;
}

void state_read(const struct instance *in, struct state_info *s)
{
	char *ha_pid = instance_path(in, F_HA_PID), *qmp = instance_path(in, F_QMP_SOCK);

	*s = (struct state_info){ .state = ST_STOPPED };
	if (!instance_exists(in)) {
		s->state = ST_MISSING;
	} else if (!ask_agent(in, ha_pid, s) && socket_answers(qmp)) {
		s->state = ST_ORPHANED;
		s->why = xasprintf("the machine runs, but its host agent is gone; 'make INSTANCE=%s start' takes it over again, "
				   "'make INSTANCE=%s stop' ends it",
				   in->name, in->name);
	}
	free(ha_pid);
	free(qmp);
}

bool instance_up(const struct instance *in)
{
	char *ha_pid = instance_path(in, F_HA_PID), *qmp = instance_path(in, F_QMP_SOCK);
	bool up = lock_held(ha_pid, NULL) || socket_answers(qmp);

	free(ha_pid);
	free(qmp);
	return up;
}

void state_free(struct state_info *s)
{
	free(s->why);
	free(s->json);
	*s = (struct state_info){ 0 };
}

char *state_errors(const struct state_info *s)
{
	cJSON *o = s->json ? cJSON_Parse(s->json) : NULL;
	const cJSON *item, *list = cJSON_GetObjectItemCaseSensitive(o, "errors");
	struct buf out = { 0 };

	cJSON_ArrayForEach(item, list)
		if (cJSON_IsString(item))
			buf_addf(&out, "%s%s", out.len ? "; " : "", item->valuestring);
	cJSON_Delete(o);
	return buf_detach(&out);
}
