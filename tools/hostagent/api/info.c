/* info - see info.h. Lima's own fields keep their names (autoStartedIdentifier, sshLocalPort); the rest is ours. */
#include "info.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <unistd.h>

#include "hostagent/agent.h"
#include "hostagent/dns/dns_guest.h"
#include "instance_files.h"
#include "oswatch.h"
#include "usage.h"

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

/* Reached phases in the order of their times; each lasts until the next, the last one until now. */
static cJSON *phases(const struct agent *a)
{
	cJSON *list = cJSON_CreateArray();
	const int64_t *when = a->boot.at;

	for (int p = 0; p < PHASE_COUNT; p++) {
		int64_t at = when[p], next = mono_ms();
		cJSON *o;

		if (!at)
			continue;
		for (int q = 0; q < PHASE_COUNT; q++)
			if (when[q] && (when[q] > at || (when[q] == at && q > p)) && when[q] < next)
				next = when[q];
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", boot_phase_name((enum boot_phase)p));
		cJSON_AddNumberToObject(o, "at", seconds(at - a->m.started_ms));
		cJSON_AddNumberToObject(o, "duration", seconds(next - at));
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static cJSON *steps(const struct agent *a)
{
	const struct boot_status *s = &a->boot.status;
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < s->n; i++) {
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "name", s->step[i].name);
		if (s->step[i].ended)
			cJSON_AddNumberToObject(o, "status", s->step[i].status);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static cJSON *guest(const struct agent *a)
{
	cJSON *o = cJSON_CreateObject();

	if (a->ga.heard) {
		cJSON_AddStringToObject(o, "agentVersion", a->boot.version);
		cJSON_AddStringToObject(o, "channel", a->ga.ssh.active ? "ssh" : "virtio-port");
	}
	if (*a->boot.boot_id)
		cJSON_AddStringToObject(o, "bootID", a->boot.boot_id);
	if (*a->boot.status.mode)
		cJSON_AddStringToObject(o, "init", a->boot.status.mode);
	cJSON_AddItemToObject(o, "steps", steps(a));
	return o;
}

static cJSON *qemu(const struct agent *a)
{
	cJSON *o = cJSON_CreateObject();

	if (a->m.pid > 0)
		cJSON_AddNumberToObject(o, "pid", (double)a->m.pid);
	cJSON_AddStringToObject(o, "runState", a->m.run_state);
	cJSON_AddBoolToObject(o, "answers", a->m.up && !a->pulse.silent);
	cJSON_AddBoolToObject(o, "kvm", a->m.kvm);
	cJSON_AddBoolToObject(o, "adopted", a->m.adopted);
	return o;
}

static cJSON *mounts(const struct agent *a)
{
	const char *asked = kv_get(&a->conf, "", "mountType");
	size_t n = a->plain ? 0 : (size_t)kv_num(&a->conf, 0, "mounts");
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < n; i++) {
		const struct mount *m = i < a->mounts.n ? &a->mounts.m[i] : NULL;
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "location", kv_get(&a->conf, "", "mounts.%zu.location", i));
		cJSON_AddStringToObject(o, "mountPoint", kv_get(&a->conf, "", "mounts.%zu.mountPoint", i));
		cJSON_AddStringToObject(o, "type", m && m->by_sshfs ? "reverse-sshfs" : asked);
		cJSON_AddBoolToObject(o, "writable", kv_bool(&a->conf, "mounts.%zu.writable", i));
		if (m)
			cJSON_AddStringToObject(o, "state", mount_state_name(m->state));
		if (m && m->problem)
			cJSON_AddStringToObject(o, "problem", m->problem);
		if (m && m->by_sshfs)
			cJSON_AddBoolToObject(o, "confined", !a->mounts.unconfined);
		if (m && m->fallback)
			cJSON_AddStringToObject(o, "warning", m->fallback);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static cJSON *errors(const struct strv *texts)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < texts->n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(texts->v[i]));
	return list;
}

/* What is done about names; absent when the instance does not want it. */
static void dns(const struct agent *a, cJSON *o)
{
	struct dns_counts n;
	cJSON *d;

	if (!a->dns)
		return;
	n = dns_guest_counts(a->dns);
	d = cJSON_AddObjectToObject(o, "dns");
	cJSON_AddStringToObject(d, "address", dns_guest_address(a->dns));
	cJSON_AddNumberToObject(d, "queries", (double)n.queries);
	cJSON_AddNumberToObject(d, "dropped", (double)n.dropped);
	cJSON_AddNumberToObject(d, "waiting", n.waiting);
}

static cJSON *process(pid_t pid)
{
	cJSON *o = cJSON_CreateObject();
	struct usage u;

	if (pid > 0 && usage_read(pid, &u)) {
		cJSON_AddNumberToObject(o, "memory", (double)u.rss);
		cJSON_AddNumberToObject(o, "cpu", seconds((int64_t)u.cpu_ms));
		cJSON_AddNumberToObject(o, "threads", u.threads);
	}
	return o;
}

/* What the instance takes from the host at this moment. */
static cJSON *usage(const struct agent *a)
{
	cJSON *o = cJSON_CreateObject(), *own = process(getpid()), *disk = cJSON_AddObjectToObject(o, "disk");

	cJSON_AddNumberToObject(own, "descriptors", usage_own_fds());
	cJSON_AddItemToObject(o, "hostAgent", own);
	if (a->m.pid > 0)
		cJSON_AddItemToObject(o, "qemu", process(a->m.pid));
	cJSON_AddNumberToObject(disk, "allocated", (double)usage_allocated(F_DIFFDISK));
	cJSON_AddNumberToObject(disk, "size", (double)kv_num(&a->conf, 0, "disk"));
	return o;
}

static void add_if(cJSON *o, const char *name, cJSON *item)
{
	if (item)
		cJSON_AddItemToObject(o, name, item);
}

char *info_json(const struct agent *a)
{
	cJSON *o = cJSON_CreateObject();
	struct strv wrong = { 0 };
	char *text, *copy;

	agent_problems(a, &wrong);
	if (a->opt.auto_started)
		cJSON_AddStringToObject(o, "autoStartedIdentifier", a->opt.auto_started);
	cJSON_AddStringToObject(o, "name", kv_get(&a->conf, "", "name"));
	cJSON_AddStringToObject(o, "version", LIMA_VERSION);
	cJSON_AddNumberToObject(o, "pid", (double)getpid());
	if (a->m.pid > 0)
		cJSON_AddNumberToObject(o, "qemuPID", (double)a->m.pid);
	cJSON_AddStringToObject(o, "state", agent_state_name(a));
	cJSON_AddStringToObject(o, "phase", boot_phase_name(boot_phase(&a->boot)));
	if (a->ssh_port)
		cJSON_AddNumberToObject(o, "sshLocalPort", a->ssh_port);
	cJSON_AddBoolToObject(o, "degraded", wrong.n > 0);
	cJSON_AddItemToObject(o, "errors", errors(&wrong));
	add_if(o, "pending", a->pending ? cJSON_Duplicate(a->pending, true) : NULL);
	cJSON_AddItemToObject(o, "phases", phases(a));
	cJSON_AddItemToObject(o, "qemu", qemu(a));
	cJSON_AddItemToObject(o, "guest", guest(a));
	cJSON_AddItemToObject(o, "mounts", mounts(a));
	ports_json(a, o);
	dns(a, o);
	add_if(o, "vnc", vnc_json(a));
	add_if(o, "networks", usernet_json(a));
	cJSON_AddItemToObject(o, "usage", usage(a));
	strv_free(&wrong);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	copy = xstrdup(text ? text : "{}");
	cJSON_free(text);
	return copy;
}
