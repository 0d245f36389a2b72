/* boot - see boot.h. */
#include "boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostagent/agent.h"
#include "hostagent/job.h"
#include "hostagent/ssh.h"
#include "oswatch.h"

#define QUIET_S 10            /* without a word from the guest agent in that time, ssh is tried */
#define QUIET_PLAIN_S 1
#define POLL_S 3
#define POLL_JOB_S 60
#define LOGIN_JOB_S 60
#define LOGIN_RETRY_S 3
#define LOGIN_TRIES 20        /* after the boot scripts are done */
#define BARE_LOGINS 5         /* a plain guest without boot status is taken as done after that many logins */
#define AGENT_WAIT_S 30       /* for the guest agent, after the boot scripts are done */
#define MUX_EXIT_S 5
#define EVENTS_MAX 5000       /* events about phases and steps in one run; a guest could cause any number */
#define STATUS_OUT_MAX (4u << 20)

static void login_start(struct agent *a);
static void poll_start(struct agent *a);

static void timer_set(struct agent *a, struct event **ev, event_callback_fn fn, int seconds)
{
	struct timeval t = { .tv_sec = seconds };

	if (*ev)
		event_free(*ev);
	*ev = evtimer_new(a->base, fn, a);
	evtimer_add(*ev, &t);
}

static void timer_clear(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

const char *boot_phase_name(enum boot_phase p)
{
	static const char *const names[PHASE_COUNT] = {
		"booting", "agent", "sshd", "ssh-ready", "ssh", "boot-done", "running",
	};

	return names[p];
}

enum boot_phase boot_phase(const struct boot *b)
{
	enum boot_phase p = PHASE_RUNNING;

	while (p > PHASE_BOOTING && b->at[p] == 0)
		p--;
	return p;
}

static void tell(struct agent *a, const char *key, const char *value)
{
	cJSON *st;

	if (a->boot.events++ >= EVENTS_MAX)
		return;
	st = agent_status(a);
	if (key)
		cJSON_AddStringToObject(st, key, value);
	events_emit(&a->events, st);
}

static bool reach(struct agent *a, enum boot_phase p)
{
	struct boot *b = &a->boot;

	if (b->at[p])
		return false;
	b->at[p] = mono_ms();
	log_info("%s (%.1f s after the start)", boot_phase_name(p), (double)(b->at[p] - a->m.started_ms) / 1000);
	if (p != PHASE_RUNNING && boot_phase(b) == p)
		tell(a, NULL, NULL);
	return true;
}

void boot_error(struct agent *a, const char *text)
{
	char *copy = xstrdup(text);

	strv_add(&a->boot.errors, text);
	for (char *save, *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		log_error("%s", line);
	free(copy);
}

/* --- logging in --- */

/* Logged in, or never will be. */
static bool login_over(const struct agent *a)
{
	return a->boot.at[PHASE_SSH] || a->boot.login_tries >= LOGIN_TRIES;
}

static void on_login_timer(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	login_start(arg);
}

static void on_login(void *arg, const struct job_result *r)
{
	struct agent *a = arg;
	struct boot *b = &a->boot;

	b->login = NULL;
	if (r->status == 0) {
		timer_clear(&b->login_timer);
		reach(a, PHASE_SSH);
		ports_ssh_ready(a);
		ga_ssh_ready(a);
		boot_advance(a);
		return;
	}
	free(b->login_error);
	b->login_error = xstrdup(r->timed_out ? "no answer" : *r->err ? r->err : "ssh gave no reason");
	log_debug("ssh does not work yet: %s", b->login_error);
	if (b->status.done && ++b->login_tries >= LOGIN_TRIES)
		log_error("logging in by ssh does not work: %s", b->login_error);
	else
		timer_set(a, &b->login_timer, on_login_timer, LOGIN_RETRY_S);
	boot_advance(a);
}

/* One command over a new shared connection: the proof that logging in works. */
static void login_start(struct agent *a)
{
	struct boot *b = &a->boot;
	struct strv argv = { 0 };
	struct job_spec spec = { .timeout_s = LOGIN_JOB_S, .done = on_login, .arg = a };
	struct err e = { 0 };

	if (b->login || b->mux_exit || login_over(a) || !b->active)
		return;
	timer_clear(&b->login_timer);
	if (!a->ssh_port) /* boot_on_port follows */
		return;
	ssh_argv(a, true, &argv);
	strv_add(&argv, "true");
	spec.argv = argv.v;
	b->login = job_start(a->base, &spec, &e);
	strv_free(&argv);
	if (!b->login) {
		log_warn("%s", e.msg);
		timer_set(a, &b->login_timer, on_login_timer, LOGIN_RETRY_S);
	}
}

/* --- asking by ssh while the guest agent is silent --- */

static bool need_poll(const struct agent *a)
{
	const struct boot *b = &a->boot;

	return b->active && !b->at[PHASE_AGENT] && !b->status.done;
}

static void on_poll_timer(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	poll_start(arg);
}

/* The login worked; what it printed is the guest's boot status, or nothing when it has none. */
static void take_poll(struct agent *a, const struct job_result *r)
{
	struct boot *b = &a->boot;

	boot_on_sshd(a);
	if (r->out_len > 0) {
		boot_on_status(a, 0, r->out, r->out_len);
		return;
	}
	if (!a->plain || ++b->bare_logins < BARE_LOGINS)
		return;
	log_info("the guest has no boot status; taking it as it is");
	b->status.ssh_ready = b->status.done = true;
	boot_advance(a);
}

static void on_poll(void *arg, const struct job_result *r)
{
	struct agent *a = arg;

	a->boot.poll = NULL;
	if (!need_poll(a))
		return;
	if (r->status == 0)
		take_poll(a, r);
	else
		log_debug("asked by ssh, no answer yet: %s", r->err);
	if (need_poll(a))
		timer_set(a, &a->boot.poll_timer, on_poll_timer, POLL_S);
}

static void poll_start(struct agent *a)
{
	struct boot *b = &a->boot;
	struct strv argv = { 0 };
	struct job_spec spec = { .timeout_s = POLL_JOB_S, .out_max = STATUS_OUT_MAX, .done = on_poll, .arg = a };
	struct err e = { 0 };

	timer_clear(&b->poll_timer);
	if (!need_poll(a) || b->poll)
		return;
	if (!a->ssh_port) {
		timer_set(a, &b->poll_timer, on_poll_timer, POLL_S);
		return;
	}
	ssh_argv(a, false, &argv);
	strv_add(&argv, "cat /run/lima-boot-status 2>/dev/null || true");
	spec.argv = argv.v;
	b->poll = job_start(a->base, &spec, &e);
	strv_free(&argv);
	if (!b->poll) {
		log_warn("%s", e.msg);
		timer_set(a, &b->poll_timer, on_poll_timer, POLL_S);
	}
}

static void on_quiet(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	if (!a->plain)
		log_info("no word from the guest agent yet; asking by ssh until there is");
	poll_start(a);
}

static void on_agent_wait(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	timer_clear(&a->boot.agent_timer);
	a->boot.agent_missing = true;
	boot_error(a, "the guest agent does not seem to run in the guest; ports are not forwarded and the clock is not "
		      "kept");
	boot_advance(a);
}

/* --- going on --- */

static void running(struct agent *a)
{
	cJSON *st;

	if (!reach(a, PHASE_RUNNING)) /* errands that end at once came here first */
		return;
	a->state = STATE_RUNNING;
	inotify_start(a);
	st = agent_status(a);
	log_info("%s", cJSON_HasObjectItem(st, "degraded") ? "DEGRADED: the machine runs, but not all of it works" : "READY");
	events_emit(&a->events, st);
}

static void prove(struct agent *a)
{
	struct boot *b = &a->boot;
	struct strv failed = { 0 };

	b->proving = true;
	reach(a, PHASE_BOOT_DONE);
	status_errors(&b->status, &failed);
	for (size_t i = 0; i < failed.n; i++)
		boot_error(a, failed.v[i]);
	strv_free(&failed);
	if (!b->at[PHASE_SSH]) {
		char *text = xasprintf("logging in by ssh does not work: %s",
				       b->login_error ? b->login_error : "no reason known");

		boot_error(a, text);
		free(text);
	} else {
		probes_start(a, b->status.code != 0);
		tasks_start(a);
	}
	if (!a->plain && !b->at[PHASE_AGENT] && !b->agent_missing)
		timer_set(a, &b->agent_timer, on_agent_wait, AGENT_WAIT_S);
}

void boot_advance(struct agent *a)
{
	struct boot *b = &a->boot;

	if (!b->active || b->at[PHASE_RUNNING])
		return;
	if (b->status.ssh_ready || b->status.done) {
		reach(a, PHASE_SSH_READY);
		/* Until sshd is known to listen, the first attempt waits for one pace: it would mostly be too early. */
		if (b->at[PHASE_SSHD] && !b->login_timer)
			login_start(a);
		else if (!b->login && !b->login_timer && !login_over(a))
			timer_set(a, &b->login_timer, on_login_timer, LOGIN_RETRY_S);
	}
	if (b->at[PHASE_SSH])
		mounts_start(a);
	if (!b->status.done || !login_over(a))
		return;
	if (!b->proving)
		prove(a);
	if (!probes_done(a) || !tasks_done(a) || (b->at[PHASE_SSH] && !mounts_done(a)))
		return;
	if (!a->plain && !b->at[PHASE_AGENT] && !b->agent_missing)
		return;
	running(a);
}

static void clear(struct agent *a)
{
	struct boot *b = &a->boot;
	unsigned events = b->events;

	boot_stop(a);
	strv_free(&b->errors);
	status_reset(&b->status);
	free(b->step);
	free(b->login_error);
	memset(b, 0, sizeof(*b));
	b->events = events;
}

void boot_start(struct agent *a)
{
	clear(a);
	a->state = STATE_STARTING;
	a->boot.active = true;
	if (a->ssh_port)
		ports_start(a);
	reach(a, PHASE_BOOTING);
	timer_set(a, &a->boot.poll_timer, on_quiet, a->plain ? QUIET_PLAIN_S : QUIET_S);
}

static void on_mux_exit(void *arg, const struct job_result *r)
{
	struct agent *a = arg;

	(void)r;
	a->boot.mux_exit = NULL;
	boot_advance(a);
}

/* The shared connection leads to a machine that is no more. */
static void drop_mux(struct agent *a)
{
	struct strv argv = { 0 };
	struct job_spec spec = { .timeout_s = MUX_EXIT_S, .done = on_mux_exit, .arg = a };
	struct err e = { 0 };

	ssh_control_argv(a, "exit", NULL, NULL, &argv);
	spec.argv = argv.v;
	a->boot.mux_exit = job_start(a->base, &spec, &e);
	strv_free(&argv);
}

static void restart(struct agent *a)
{
	log_info("the guest reboots");
	probes_stop(a);
	tasks_stop(a);
	mounts_stop(a, NULL);
	ga_ssh_stop(a);
	boot_start(a);
	drop_mux(a);
}

void boot_on_reset(struct agent *a)
{
	if (a->boot.active && (a->boot.at[PHASE_AGENT] || a->boot.at[PHASE_SSHD]))
		restart(a);
}

void boot_on_loadvm(struct agent *a)
{
	ga_anew(a);
	mounts_stop(a, mounts_start);
	if (!a->boot.mux_exit)
		drop_mux(a);
}

void boot_on_hello(struct agent *a, const char *boot_id, const char *version)
{
	struct boot *b = &a->boot;

	if (!b->active) /* QMP will say when; the guest agent repeats itself when asked */
		return;
	if (*b->boot_id && strcmp(b->boot_id, boot_id) != 0)
		restart(a);
	snprintf(b->boot_id, sizeof(b->boot_id), "%s", boot_id);
	snprintf(b->version, sizeof(b->version), "%s", version);
	timer_clear(&b->poll_timer);
	timer_clear(&b->agent_timer);
	reach(a, PHASE_AGENT);
	boot_advance(a);
}

void boot_on_foreign_agent(struct agent *a, const char *protocol)
{
	struct boot *b = &a->boot;
	char *text;

	if (!b->active || b->agent_missing)
		return;
	timer_clear(&b->agent_timer);
	b->agent_missing = true;
	text = xasprintf("the guest agent speaks protocol %s, this host agent " WIRE_PROTOCOL "; ports are not forwarded and the clock is "
			 "not kept; 'make INSTANCE=%s restart' gives the guest its match", protocol, kv_get(&a->conf, "", "name"));
	boot_error(a, text);
	free(text);
	if (b->at[PHASE_RUNNING]) /* it was replaced while the machine ran */
		tell(a, NULL, NULL);
	boot_advance(a);
}

static void tell_step(struct agent *a)
{
	struct boot *b = &a->boot;
	const char *step = status_current(&b->status);

	if (!step || (b->step && !strcmp(step, b->step)))
		return;
	free(b->step);
	b->step = xstrdup(step);
	log_debug("boot step %s", step);
	tell(a, "step", step);
}

int boot_on_status(struct agent *a, uint64_t offset, const char *text, size_t n)
{
	struct boot *b = &a->boot;

	if (!b->active || b->at[PHASE_RUNNING])
		return 0;
	if (status_feed(&b->status, offset, text, n) < 0)
		return -1;
	if (!*b->boot_id && *b->status.boot_id)
		snprintf(b->boot_id, sizeof(b->boot_id), "%s", b->status.boot_id);
	tell_step(a);
	mounts_on_status(a);
	boot_advance(a);
	return 0;
}

void boot_on_sshd(struct agent *a)
{
	if (!a->boot.active)
		return;
	if (reach(a, PHASE_SSHD))
		timer_clear(&a->boot.login_timer);
	boot_advance(a);
}

/* The port for SSH is not to be forwarded, so this had to wait for it. */
static void late_ports(struct agent *a)
{
	if (a->ports.fw)
		return;
	ports_start(a);
	if (a->ga.heard)
		ports_guest_up(a);
}

void boot_on_port(struct agent *a)
{
	if (!a->boot.active)
		return;
	late_ports(a);
	boot_advance(a);
}

void boot_no_login(struct agent *a, const char *why)
{
	struct boot *b = &a->boot;

	if (!b->active)
		return;
	if (b->at[PHASE_RUNNING]) {
		boot_error(a, why);
		tell(a, NULL, NULL);
		return;
	}
	late_ports(a);
	free(b->login_error);
	b->login_error = xstrdup(why);
	b->login_tries = LOGIN_TRIES;
	timer_clear(&b->login_timer);
	timer_clear(&b->poll_timer);
	b->status.done = true; /* nobody may be there to tell */
	boot_advance(a);
}

void boot_stop(struct agent *a)
{
	struct boot *b = &a->boot;

	b->active = false;
	timer_clear(&b->login_timer);
	timer_clear(&b->poll_timer);
	timer_clear(&b->agent_timer);
	job_cancel(b->login);
	job_cancel(b->poll);
	job_cancel(b->mux_exit);
	b->login = b->poll = b->mux_exit = NULL;
}

void boot_free(struct agent *a)
{
	clear(a);
}
