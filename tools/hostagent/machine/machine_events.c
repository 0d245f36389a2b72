/* machine_events - see machine_events.h. */
#include "machine_events.h"

#include <stdio.h>
#include <string.h>

#include "hostagent/agent.h"
#include "hostagent/api/usage.h"
#include "qmp.h"

/* --- how it is --- */

static bool is_state(const struct agent *a, const char *state)
{
	return !strcmp(a->m.run_state, state);
}

bool machine_paused(const struct agent *a)
{
	static const char *const still[] = { "paused", "io-error", "internal-error", "watchdog", "guest-panicked", "save-vm" };

	for (size_t i = 0; a->m.up && i < sizeof(still) / sizeof(*still); i++)
		if (is_state(a, still[i]))
			return true;
	return false;
}

static void set_state(struct agent *a, const char *state)
{
	bool was = machine_paused(a);

	snprintf(a->m.run_state, sizeof(a->m.run_state), "%s", state);
	if (!a->m.up || was == machine_paused(a) || a->state == STATE_STOPPING)
		return;
	if (was)
		log_info("the machine goes on");
	else
		log_warn("the machine stands still: %s", state);
	events_emit(&a->events, agent_status(a));
}

void machine_run_state(struct agent *a, const cJSON *ret, const char *error)
{
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(ret, "status");

	if (!error && cJSON_IsString(s))
		set_state(a, s->valuestring);
}

static void on_status(void *arg, const cJSON *ret, const char *error)
{
	machine_run_state(arg, ret, error);
}

void machine_look(struct agent *a)
{
	if (a->m.qmp)
		qmp_send(a->m.qmp, "query-status", NULL, on_status, a);
}

int machine_resume(struct agent *a)
{
	if (!a->m.up || !a->m.qmp)
		return -1;
	log_info("letting the machine go on");
	if (qmp_send(a->m.qmp, "cont", NULL, NULL, NULL) < 0)
		return -1;
	a->m.disk_errors = 0;
	set_state(a, "running"); /* until we hear otherwise */
	machine_look(a);
	return 0;
}

/* --- what is wrong --- */

static void silent_problem(const struct agent *a, struct strv *out)
{
	long pid = (long)a->m.pid;
	struct usage u;

	usage_read(a->m.pid, &u);
	if (u.state == 'T')
		strv_addf(out, "QEMU (process %ld) is not answering: a signal stopped it; 'kill -CONT %ld' lets it go on", pid, pid);
	else if (u.state == 'D')
		strv_addf(out, "QEMU (process %ld) is not answering: it waits for a disk or file system of the host; it goes on when "
			  "that does", pid);
	else
		strv_addf(out, "QEMU (process %ld) is not answering; when it stays so, 'make INSTANCE=%s FORCE=1 restart' starts it anew",
			  pid, kv_get(&a->conf, "", "name"));
}

static void paused_problem(const struct agent *a, struct strv *out)
{
	const char *name = kv_get(&a->conf, "", "name");

	if (is_state(a, "io-error"))
		strv_addf(out, "the machine is paused because a disk of it failed: %s; make room, or repair it, then "
			  "'make INSTANCE=%s start' lets the machine go on", a->m.disk_reason, name);
	else if (is_state(a, "paused") || is_state(a, "save-vm"))
		strv_addf(out, "the machine is paused; 'make INSTANCE=%s start' lets it go on", name);
	else
		strv_addf(out, "the machine stands still (%s); see %s/serial.log, 'make INSTANCE=%s FORCE=1 restart' starts it anew",
			  a->m.run_state, a->dir, name);
}

void machine_problems(const struct agent *a, struct strv *out)
{
	if (a->pulse.silent)
		silent_problem(a, out);
	if (machine_paused(a))
		paused_problem(a, out);
	else if (a->m.disk_errors)
		strv_addf(out, "%u accesses to a disk of the machine failed, the last one with: %s; the guest was told, look at its "
			  "kernel log and at the host's disk", a->m.disk_errors, a->m.disk_reason);
}

/* --- events --- */

static void on_shutdown(struct agent *a, const cJSON *data)
{
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(data, "reason");

	if (cJSON_IsString(reason))
		snprintf(a->m.shutdown_reason, sizeof(a->m.shutdown_reason), "%s", reason->valuestring);
	a->m.guest_ended = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "guest")) &&
			   strcmp(a->m.shutdown_reason, "guest-panic") != 0;
	log_info("QEMU shuts down (%s)", *a->m.shutdown_reason ? a->m.shutdown_reason : "no reason given");
}

static void on_reset(struct agent *a, const cJSON *data)
{
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "guest")))
		boot_on_reset(a);
}

static void on_port(struct agent *a, const cJSON *data)
{
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(data, "open")))
		ga_port_open(a);
}

/* Why it stopped is to be asked: a user's "stop" and a full disk look the same here. */
static void on_stop(struct agent *a, const cJSON *data)
{
	(void)data;
	machine_look(a);
}

static void on_resume(struct agent *a, const cJSON *data)
{
	(void)data;
	set_state(a, "running");
	ga_send_time(a);
}

static void on_block_error(struct agent *a, const cJSON *data)
{
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(data, "reason");
	const cJSON *op = cJSON_GetObjectItemCaseSensitive(data, "operation");
	const char *text = cJSON_IsString(reason) ? reason->valuestring : "no reason given";

	a->m.disk_errors++;
	snprintf(a->m.disk_reason, sizeof(a->m.disk_reason), "%s", text);
	log_limited(&a->m.err_limit, "a disk of the machine fails (%s): %s", cJSON_IsString(op) ? op->valuestring : "?", text);
}

static void on_panic(struct agent *a, const cJSON *data)
{
	(void)data;
	log_error("the kernel of the guest panicked; see serial.log");
	machine_look(a);
}

void machine_on_event(void *arg, const char *name, const cJSON *data)
{
	static const struct {
		const char *name;
		void (*fn)(struct agent *a, const cJSON *data);
	} known[] = {
		{ "SHUTDOWN", on_shutdown },	     { "RESET", on_reset },	{ "VSERPORT_CHANGE", on_port },
		{ "STOP", on_stop },		     { "RESUME", on_resume },	{ "WAKEUP", on_resume },
		{ "BLOCK_IO_ERROR", on_block_error }, { "GUEST_PANICKED", on_panic },
	};

	log_debug("QEMU event %s", name);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i].name))
			known[i].fn(arg, data);
}
