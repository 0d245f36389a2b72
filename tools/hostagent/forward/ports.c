/* ports - see ports.h. */
#include "ports.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forward.h"
#include "hostagent/agent.h"
#include "hostagent/job.h"
#include "hostagent/mounts/sshfs.h"
#include "hostagent/ssh.h"

#define SSH_JOB_S 30
#define WAITING_MAX 4096

struct ssh_request {
	unsigned id;
	bool cancel, reverse;
	char *what;   /* the argument of -L or -R */
	char *remote; /* of -R: a socket's path that may be left over from the last run; NULL: that was seen to */
	struct ssh_request *next;
};

static void run_next(struct agent *a);

static void drop_first(struct ports *p)
{
	struct ssh_request *r = p->first;

	p->first = r->next;
	p->waiting--;
	free(r->what);
	free(r->remote);
	free(r);
}

static void on_cleared(void *arg, const struct job_result *r)
{
	struct agent *a = arg;
	struct ports *p = &a->ports;

	(void)r; /* when the path is not free, the forward says so */
	p->job = NULL;
	free(p->first->remote);
	p->first->remote = NULL;
	run_next(a);
}

/* sshd does not listen where a socket is already, even if nobody does any more. Only a socket is removed. */
static void clear_argv(const struct agent *a, const char *path, struct strv *argv)
{
	struct buf script = { 0 };

	buf_adds(&script, "test -S ");
	shell_quote(&script, path);
	buf_adds(&script, " && rm -f -- ");
	shell_quote(&script, path);
	ssh_argv(a, true, argv);
	strv_add(argv, buf_str(&script));
	buf_free(&script);
}

static void on_done(void *arg, const struct job_result *r)
{
	struct agent *a = arg;
	struct ports *p = &a->ports;
	unsigned id = p->first->id;
	bool cancel = p->first->cancel;

	p->job = NULL;
	drop_first(p);
	if (!cancel)
		forward_ssh_result(p->fw, id, r->status == 0, r->timed_out ? "ssh did not answer" : r->err);
	run_next(a);
}

static void run_next(struct agent *a)
{
	struct ports *p = &a->ports;
	struct job_spec spec = { .timeout_s = SSH_JOB_S, .done = on_done, .arg = a };
	struct strv argv = { 0 };
	struct err e = { 0 };

	if (p->job || !p->first || !a->boot.at[PHASE_SSH])
		return;
	if (p->first->remote) {
		clear_argv(a, p->first->remote, &argv);
		spec.done = on_cleared;
	} else {
		ssh_control_argv(a, p->first->cancel ? "cancel" : "forward", p->first->reverse ? "-R" : "-L",
				 p->first->what, &argv);
	}
	spec.argv = argv.v;
	p->job = job_start(a->base, &spec, &e);
	strv_free(&argv);
	if (!p->job) {
		unsigned id = p->first->id;
		bool cancel = p->first->cancel;

		drop_first(p);
		if (!cancel)
			forward_ssh_result(p->fw, id, false, e.msg);
	}
}

static void enqueue(struct agent *a, unsigned id, bool cancel, bool reverse, const char *local, const char *remote)
{
	struct ports *p = &a->ports;
	struct ssh_request *r, **at = &p->first;

	if (p->waiting >= WAITING_MAX) {
		log_warn("too many requests for ssh wait; the forward of %s is left out", local);
		return;
	}
	while (*at)
		at = &(*at)->next;
	r = xcalloc(1, sizeof(*r));
	*r = (struct ssh_request){ .id = id, .cancel = cancel, .reverse = reverse };
	r->remote = reverse && !cancel && *remote == '/' ? xstrdup(remote) : NULL;
	r->what = reverse ? xasprintf("%s:%s", remote, local) : xasprintf("%s:%s", local, remote);
	*at = r;
	p->waiting++;
}

/* The shared connection may be one that outlived the host agent before us. It says yes to a forward that it has, but in the
 * guest its socket may be gone by then; so it has to forget it first. That it has none is no error. */
static void ask_ssh(void *arg, unsigned id, bool cancel, bool reverse, const char *local, const char *remote)
{
	struct agent *a = arg;

	if (reverse && !cancel)
		enqueue(a, id, true, reverse, local, remote);
	enqueue(a, id, cancel, reverse, local, remote);
	run_next(a);
}

static void on_event(void *arg, cJSON *port_forward)
{
	struct agent *a = arg;
	cJSON *st = agent_status(a);

	cJSON_AddItemToObject(st, "portForward", port_forward);
	events_emit(&a->events, st);
}

static bool is_true(const char *v)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };

	for (size_t i = 0; v && i < sizeof(yes) / sizeof(*yes); i++)
		if (!strcmp(v, yes[i]))
			return true;
	return false;
}

void ports_start(struct agent *a)
{
	struct forward_options o = { .ssh_port = (uint16_t)a->ssh_port,
				     .plain = a->plain,
				     .by_ssh = is_true(getenv("LIMA_SSH_PORT_FORWARDER")),
				     .owner_only = is_true(getenv("LIMA_FORWARD_OWNER_ONLY")),
				     .owner = geteuid() };
	struct forward_ops ops = { .arg = a, .event = on_event, .ssh = ask_ssh };
	struct err e = { 0 };

	ports_stop(a);
	a->ports.fw = forward_new(a->base, &a->conf, &o, &ops, &e);
	if (!a->ports.fw)
		boot_error(a, e.msg);
}

int ports_reload(struct agent *a, const struct kv *conf, struct err *e)
{
	return a->ports.fw ? forward_reload(a->ports.fw, conf, e) : 0; /* otherwise read when the machine is up */
}

void ports_ssh_ready(struct agent *a)
{
	run_next(a);
}

void ports_guest_up(struct agent *a)
{
	if (!a->ports.fw || !a->ga.bev)
		return;
	forward_guest_gone(a->ports.fw);
	forward_guest_up(a->ports.fw, a->ga.bev);
}

void ports_guest_gone(struct agent *a)
{
	if (a->ports.fw)
		forward_guest_gone(a->ports.fw);
}

void ports_frame(struct agent *a, const struct wire_frame *f)
{
	if (a->ports.fw)
		forward_frame(a->ports.fw, f);
}

void ports_stop(struct agent *a)
{
	struct ports *p = &a->ports;

	if (p->fw)
		forward_free(p->fw);
	p->fw = NULL;
	job_cancel(p->job);
	p->job = NULL;
	while (p->first)
		drop_first(p);
}

void ports_json(const struct agent *a, cJSON *info)
{
	cJSON *all = a->ports.fw ? forward_json(a->ports.fw) : cJSON_CreateObject();
	cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(all, "list");

	cJSON_AddItemToObject(info, "portForwards", list ? list : cJSON_CreateArray());
	cJSON_AddItemToObject(info, "tunnel", all);
}
