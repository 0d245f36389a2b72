/* probes - see probes.h. */
#include "probes.h"

#include <stdlib.h>
#include <string.h>

#include "hostagent/agent.h"
#include "hostagent/job.h"
#include "hostagent/ssh.h"

#define TRIES_MAX 200
#define PROBE_JOB_S 600

static const char *const containerd_script =
	"#!/bin/sh\n"
	"command -v systemctl >/dev/null || { echo systemctl was not found >&2; exit 1; }\n"
	"command -v nerdctl >/dev/null || test -x '%s/bin/nerdctl' || { echo nerdctl was not found >&2; exit 1; }\n";

struct probe {
	const char *what, *script, *hint;
	bool final; /* trying it again changes nothing */
};

static bool wants_containerd(const struct agent *a)
{
	return !a->plain && (kv_bool(&a->conf, "containerd.system") || kv_bool(&a->conf, "containerd.user"));
}

static struct probe get_probe(const struct agent *a, size_t i)
{
	size_t own = wants_containerd(a);

	if (i < own)
		return (struct probe){ "containerd must be installed", a->probes.containerd,
				       "see the messages of the boot scripts in serial.log", true };
	i -= own;
	return (struct probe){ kv_get(&a->conf, "a probe", "probes.%zu.description", i),
			       kv_get(&a->conf, "", "probes.%zu.script", i),
			       kv_get(&a->conf, "", "probes.%zu.hint", i), false };
}

/* What follows "#!" in the first line; /bin/sh for a script without it or with one that cannot be quoted simply. */
static char *interpreter(const char *script)
{
	size_t n = strcspn(script, "\r\n");

	if (strncmp(script, "#!", 2) != 0 || memchr(script, '\'', n) || memchr(script, '\\', n))
		return xstrdup("/bin/sh");
	return xstrndup(script + 2, n - 2);
}

/* The remote command. The login shell of the user may be any, so only single quotes are used towards it; sh sets the
 * parameters of the instance and becomes the interpreter, which reads the script from its standard input. */
static char *remote_command(const char *script)
{
	char *shell = interpreter(script);
	char *cmd = xasprintf("exec /bin/sh -c '"
			      "while IFS= read -r l; do [ -z \"$l\" ] || export \"$l\"; done <<LIMA_PARAM_END\n"
			      "$(sudo -n cat /mnt/lima-cidata/param.env 2>/dev/null)\n"
			      "LIMA_PARAM_END\n"
			      "exec %s'",
			      shell);

	free(shell);
	return cmd;
}

static void run(struct agent *a);

static void on_timer(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	run(arg);
}

/* 0.25, 0.5, 1, 2 s, then 3 s. */
static struct timeval pause_before(unsigned tries)
{
	unsigned ms = tries > 4 ? 3000 : 125u << tries;

	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (int)(ms % 1000) * 1000 };
}

static void again(struct agent *a)
{
	struct timeval t = pause_before(a->probes.tries);

	if (!a->probes.timer)
		a->probes.timer = evtimer_new(a->base, on_timer, a);
	evtimer_add(a->probes.timer, &t);
}

static void failed(struct agent *a, const struct probe *p, const struct job_result *r)
{
	char *text = xasprintf("failed to satisfy the probe \"%s\" (try %u): %s%s%s", p->what, a->probes.tries,
			       r->timed_out ? "it took too long"
			       : *r->err    ? r->err
					    : "it printed no reason",
			       *p->hint ? "; " : "", p->hint);

	boot_error(a, text);
	free(text);
}

static void on_done(void *arg, const struct job_result *r)
{
	struct agent *a = arg;
	struct probes *ps = &a->probes;
	struct probe p = get_probe(a, ps->next);

	ps->job = NULL;
	ps->tries++;
	if (r->status != 0 && !ps->once && !p.final && ps->tries < TRIES_MAX) {
		log_debug("the probe \"%s\" is not satisfied yet: %s", p.what, r->err);
		again(a);
		return;
	}
	if (r->status == 0)
		log_info("the probe \"%s\" is satisfied", p.what);
	else
		failed(a, &p, r);
	ps->next++;
	ps->tries = 0;
	if (ps->next < ps->n)
		run(a);
	else
		boot_advance(a);
}

static void run(struct agent *a)
{
	struct probes *ps = &a->probes;
	struct probe p = get_probe(a, ps->next);
	struct job_spec spec = { .input = p.script, .input_len = strlen(p.script), .timeout_s = PROBE_JOB_S,
				 .done = on_done, .arg = a };
	char *cmd = remote_command(p.script);
	struct strv argv = { 0 };
	struct err e = { 0 };

	ssh_argv(a, true, &argv);
	strv_add(&argv, cmd);
	free(cmd);
	spec.argv = argv.v;
	ps->job = job_start(a->base, &spec, &e);
	strv_free(&argv);
	if (!ps->job) {
		log_warn("%s", e.msg);
		ps->tries++;
		again(a);
	}
}

void probes_start(struct agent *a, bool once)
{
	const char *prefix = kv_get(&a->conf, "/usr/local", "guestInstallPrefix");
	struct probes *ps = &a->probes;

	probes_stop(a);
	ps->once = once;
	ps->containerd = xasprintf(containerd_script, strchr(prefix, '\'') ? "/usr/local" : prefix);
	ps->n = (size_t)kv_num(&a->conf, 0, "probes") + wants_containerd(a);
	if (ps->n)
		run(a);
}

bool probes_done(const struct agent *a)
{
	return a->probes.next >= a->probes.n;
}

void probes_stop(struct agent *a)
{
	struct probes *ps = &a->probes;

	job_cancel(ps->job);
	if (ps->timer)
		event_free(ps->timer);
	free(ps->containerd);
	*ps = (struct probes){ 0 };
}
