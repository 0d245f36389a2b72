/* agent - see agent.h: the life of one host agent, from its lock to its last event. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "hostagent/api/api.h"
#include "hostagent/dns/dns_guest.h"
#include "hostagent/machine/disks.h"
#include "hostagent/machine/machine_events.h"
#include "instance_files.h"
#include "oswatch.h"
#include "ssh.h"

#define LOCK_WAIT_MS 1000
#define F_LAST_EXIT D_MAKE "/last-exit"

/* --- telling others --- */

const char *agent_state_name(const struct agent *a)
{
	static const char *const names[] = { "starting", "running", "stopping" };
	struct strv wrong = { 0 };
	bool degraded;

	if (a->state == STATE_STOPPING)
		return names[a->state];
	if (a->pulse.silent)
		return "hanging";
	if (machine_paused(a))
		return "paused";
	agent_problems(a, &wrong);
	degraded = a->state == STATE_RUNNING && wrong.n;
	strv_free(&wrong);
	return degraded ? "degraded" : names[a->state];
}

void agent_problems(const struct agent *a, struct strv *out)
{
	for (size_t i = 0; i < a->boot.errors.n; i++)
		strv_add(out, a->boot.errors.v[i]);
	machine_problems(a, out);
	if (a->vnc.problem)
		strv_add(out, a->vnc.problem);
	if (a->tpm.problem)
		strv_add(out, a->tpm.problem);
	usernet_problems(a, out);
}

static void add_errors(cJSON *st, const struct strv *errors)
{
	cJSON *list = cJSON_AddArrayToObject(st, "errors");

	for (size_t i = 0; i < errors->n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(errors->v[i]));
}

cJSON *agent_status(const struct agent *a)
{
	cJSON *st = cJSON_CreateObject();
	struct strv wrong = { 0 };

	agent_problems(a, &wrong);
	if (a->state == STATE_RUNNING) {
		cJSON_AddTrueToObject(st, "running");
		if (wrong.n) {
			cJSON_AddTrueToObject(st, "degraded");
			add_errors(st, &wrong);
		}
	} else if (machine_paused(a)) {
		cJSON_AddTrueToObject(st, "paused");
		add_errors(st, &wrong);
	}
	strv_free(&wrong);
	if (a->ssh_port)
		cJSON_AddNumberToObject(st, "sshLocalPort", a->ssh_port);
	if (a->boot.active)
		cJSON_AddStringToObject(st, "phase", boot_phase_name(boot_phase(&a->boot)));
	return st;
}

static void notify(struct agent *a, const struct err *e)
{
	char *line;

	if (a->opt.notify_fd < 0)
		return;
	line = e ? xasprintf("error %d %s\n", e->code, e->msg) : xstrdup("ok\n");
	if (fd_write_all(a->opt.notify_fd, line, strlen(line)) < 0)
		log_debug("nobody waits for the news of the start any more");
	free(line);
	close(a->opt.notify_fd);
	a->opt.notify_fd = -1;
}

/* --- the end --- */

static void keep_reason(int status, const char *why)
{
	struct timespec now;
	char when[TIME_TEXT];
	struct err e = { 0 };
	struct buf b = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	text_time(&now, when);
	kv_put(&b, "time", when);
	kv_put(&b, "reason", why);
	if (status >= 0) /* of a machine that was taken over it is not known */
		kv_putf(&b, "status", "%d", status);
	if (dir_make(D_MAKE, 0700, &e) < 0 || file_write(F_LAST_EXIT, b.data, b.len, 0600, &e) < 0)
		log_warn("%s", e.msg);
	buf_free(&b);
}

static void last_event(struct agent *a, bool ok, const char *why)
{
	cJSON *st = cJSON_CreateObject();

	cJSON_AddTrueToObject(st, "exiting");
	if (!ok) {
		struct strv errors = { 0 };

		strv_add(&errors, why);
		add_errors(st, &errors);
		strv_free(&errors);
	}
	events_emit(&a->events, st);
}

/* An adopted machine that ends before it was ready was on its way out when we came: the user asked for a running
 * one. */
static bool start_again(struct agent *a)
{
	struct err e = { 0 };

	if (!a->m.adopted || a->m.fail || a->state != STATE_STARTING)
		return false;
	log_info("the machine that was taken over has ended; starting a new one");
	boot_stop(a);
	if (machine_start(a, &e) == 0)
		return true;
	log_error("%s", e.msg);
	return false;
}

/* What belongs to a machine, and goes with it. */
static void clean_up(struct agent *a)
{
	static const char *const files[] = { F_QMP_SOCK, F_GA_SOCK, F_GA_SSH_SOCK, F_QEMU_PID };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(files[i]);
	vnc_end(a);
	usernet_end(a);
	disks_unlock(a);
	tasks_clean(a);
}

void agent_machine_ended(struct agent *a, bool ok, int status, const char *why)
{
	bool left_alone = a->m.adopted && a->m.fail;

	if (start_again(a))
		return;
	if (ok)
		log_info("%s", why);
	else
		log_fatal("%s", why);
	keep_reason(status, why);
	if (!left_alone)
		clean_up(a);
	last_event(a, ok, why);
	a->exit_code = ok ? 0 : EXIT_UNAVAIL;
	event_base_loopbreak(a->base);
}

/* --- the machine is up --- */

static void write_ssh_config(struct agent *a)
{
	struct err e = { 0 };

	if (ssh_write_config(a, &e) < 0) {
		log_fatal("%s", e.msg);
		boot_error(a, e.msg);
	}
	log_info("SSH local port: %d", a->ssh_port);
}

void agent_ssh_up(struct agent *a)
{
	if (a->state == STATE_STOPPING)
		return;
	write_ssh_config(a);
	if (a->state == STATE_RUNNING)
		events_emit(&a->events, agent_status(a));
	else
		boot_on_port(a);
}

void agent_machine_up(struct agent *a)
{
	if (a->state == STATE_STOPPING)
		return;
	if (!usernet_wanted(a))
		write_ssh_config(a);
	vnc_start(a);
	console_start(a);
	boot_start(a);
	ga_repeat(a);
	usernet_start(a);
	begin_watch(a);
}

/* --- signals and the clock --- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct agent *a = arg;

	(void)what;
	if (sig == SIGCONT) {
		ga_send_time(a);
		return;
	}
	log_info("received %s", sig == SIGINT ? "SIGINT" : sig == SIGHUP ? "SIGHUP" : "SIGTERM");
	stop_begin(a, false);
}

static void on_clock(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	clock_watch_rearm(fd);
	ga_send_time(arg);
}

static void watch_signals(struct agent *a)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGCONT };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		a->signals[i] = evsignal_new(a->base, sigs[i], on_signal, a);
		event_add(a->signals[i], NULL);
	}
	a->clock_fd = clock_watch();
	if (a->clock_fd >= 0) {
		a->clock = event_new(a->base, a->clock_fd, EV_READ | EV_PERSIST, on_clock, a);
		event_add(a->clock, NULL);
	}
}

/* --- the start --- */

/* What we do not want to share with whoever started us.
 *
 * No core files, of us or of any child. PR_SET_DUMPABLE would go further, but not for the better: it hides /proc/PID/fd and cwd
 * from other processes of the same user, where the host agent of another instance looks who has a port that it wants
 * (forward_owner.h); and what we know is in files that the same user may read anyway. */
static void settle(struct agent *a)
{
	struct rlimit none = { 0, 0 }, files;

	fds_close_all(a->opt.notify_fd);
	if (a->opt.notify_fd >= 0)
		fcntl(a->opt.notify_fd, F_SETFD, FD_CLOEXEC); /* fails when it is not open: then nobody waits */
	setsid(); /* fails for a session leader, which has one already */
	a->umask = umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* A host agent that was killed a moment ago may not have let go yet, nor a child of its that has not yet become another
 * program; and whoever only looks at the lock holds it for an instant. */
static int take_lock(struct agent *a, struct err *e)
{
	if (lock_take(F_HA_PID, 0, &a->lock, e) == 0)
		return 0;
	if (e->code == EXIT_TRYAGAIN && lock_await(F_HA_PID, LOCK_WAIT_MS) && lock_take(F_HA_PID, 0, &a->lock, e) == 0)
		return 0;
	return e->code == EXIT_TRYAGAIN ? err_wrap(e, "another host agent runs this instance") : -1;
}

static int begin(struct agent *a, const char *dir, struct err *e)
{
	if (chdir(dir) < 0)
		return err_sys(e, EXIT_NO, "cannot enter the instance directory %s", dir);
	a->dir = realpath(".", NULL);
	if (!a->dir)
		return err_sys(e, EXIT_NO, "cannot resolve %s", dir);
	if (take_lock(a, e) < 0 || kv_load(F_AGENT_CONF, &a->conf, e) < 0)
		return -1;
	a->plain = kv_bool(&a->conf, "plain");
	if (!*kv_get(&a->conf, "", "hostname"))
		return err_set(e, EXIT_BADDATA, "%s has no hostname; make it again with lima-render", F_AGENT_CONF);
	mounts_init(a);
	usernet_init(a);
	a->dns = dns_guest_new(a->base, &a->conf, ga_send_dns, a);
	watch_signals(a);
	if (api_start(a, e) < 0)
		return -1;
	log_info("the host agent listens on %s/%s", a->dir, F_HA_SOCK);
	return machine_start(a, e);
}

static void end(struct agent *a)
{
	bool networks = usernet_wanted(a);

	boot_free(a);
	usernet_free(a);
	probes_stop(a);
	tasks_stop(a);
	ports_stop(a);
	inotify_stop(a);
	mounts_free(a); /* looks at the machine */
	tpm_free(a);    /* so does this */
	stop_free(a);
	ga_ssh_stop(a);
	ga_close(a);
	dns_guest_free(a->dns);
	pulse_free(a);
	begin_free(a);
	console_free(a);
	machine_free(a);
	api_free(a);
	for (size_t i = 0; i < sizeof(a->signals) / sizeof(*a->signals); i++)
		if (a->signals[i])
			event_free(a->signals[i]);
	if (a->clock)
		event_free(a->clock);
	if (a->clock_fd >= 0)
		close(a->clock_fd);
	events_free(&a->events);
	kv_free(&a->conf);
	cJSON_Delete(a->pending);
	free(a->dir);
	if (a->lock.fd >= 0)
		unlink(F_HA_PID); /* while we hold it */
	lock_release(&a->lock);
	if (networks)
		usernet_tidy();
	child_free_all();
	event_base_free(a->base);
}

int agent_run(const char *dir, const struct agent_options *opt)
{
	struct agent a = { .opt = *opt, .lock = { -1 }, .clock_fd = -1 };
	struct err e = { 0 };

	settle(&a);
	a.base = event_base_new();
	if (begin(&a, dir, &e) < 0) {
		log_fatal("%s", e.msg);
		if (a.lock.fd >= 0) {
			keep_reason(e.code, e.msg);
			last_event(&a, false, e.msg);
		}
		notify(&a, &e);
		a.exit_code = e.code;
	} else {
		notify(&a, NULL);
		event_base_dispatch(a.base);
	}
	end(&a);
	return a.exit_code;
}
