/* start - from a description to a machine that is ready, told as limactl tells it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autostart.h"
#include "dirs.h"
#include "file.h"
#include "instance/follow.h"
#include "instance/network.h"
#include "instance_files.h"
#include "kv.h"
#include "life.h"
#include "lock.h"

static void on_port(void *arg, int port)
{
	(void)arg;
	log_info("SSH Local Port: %d", port);
}

static void on_phase(void *arg, const char *phase, double seconds)
{
	(void)arg;
	(void)seconds;
	log_info("[cloud-init] reached: %s", phase);
}

static void on_step(void *arg, const char *step)
{
	(void)arg;
	log_info("[cloud-init] %s", step);
}

/* The fields of Lima's status, which are part of its messages. */
static void status_text(const struct follow *f, char *out, size_t n)
{
	bool exited = f->end == FOLLOW_EXITED;

	snprintf(out, n, "{Running:%s Degraded:%s Exiting:%s Errors:[%s] SSHLocalPort:%d}", exited ? "false" : "true",
		 exited ? "false" : "true", exited ? "true" : "false", f->errors, exited ? 0 : f->port);
}

static void tell_ready(const struct instance *in)
{
	char *agent = instance_path(in, F_AGENT_CONF), *command = life_shell_command(in), *message = life_message(in);
	struct err ignored = { 0 };
	struct kv conf = { 0 };

	if (kv_load(agent, &conf, &ignored) == 0 && kv_bool(&conf, "plain"))
		log_info("READY. Run `ssh -F %s/%s %s` to open the shell.", in->dir, F_SSH_CONFIG, in->hostname);
	else
		log_info("READY. Run `%s` to open the shell.", command);
	if (*message) {
		log_info("Message from the instance %s:", q(in->name));
		fputs(message, stderr);
		if (message[strlen(message) - 1] != '\n')
			fputc('\n', stderr);
	}
	kv_free(&conf);
	free(message);
	free(command);
	free(agent);
}

static int verdict(const struct instance *in, const struct start_options *o, const struct follow *f, struct err *e)
{
	char *log = instance_path(in, F_HA_STDERR), status[1200];
	int r = 0;

	status_text(f, status, sizeof(status));
	if (*f->errors)
		log_error("%s", f->errors);
	switch (f->end) {
	case FOLLOW_EXITED:
		r = err_set(e, EXIT_NO, "exiting, status=%s (hint: see %s)", status, q(log));
		break;
	case FOLLOW_DEGRADED:
		log_warn("DEGRADED. The VM seems running, but file sharing and port forwarding may not work. (hint: see %s)", q(log));
		r = err_set(e, EXIT_NO, "degraded, status=%s", status);
		break;
	case FOLLOW_PAUSED:
		r = err_set(e, EXIT_NO, "the machine stands still, status=%s (hint: see %s)", status, q(log));
		break;
	case FOLLOW_LATE:
		r = err_set(e, EXIT_NO, "did not receive an event with the `running` status");
		break;
	default:
		if (!o->quiet_ready)
			tell_ready(in);
	}
	free(log);
	return r;
}

static int follow(const struct instance *in, const struct start_options *o, bool launched, struct err *e)
{
	struct follow f = { .on_port = on_port, .on_phase = o->progress ? on_phase : NULL,
			    .on_step = o->progress ? on_step : NULL, .on_watch = relay_read,
			    .timeout_s = o->timeout_s > 0 ? o->timeout_s : START_TIMEOUT_S };
	struct relay relay;
	int r;

	relay_open(&relay, in, launched);
	relay_read(&relay);
	f.watch = relay.watch;
	f.arg = &relay;
	r = follow_events(in, &f, e);
	relay_close(&relay);
	if (r == 0)
		r = verdict(in, o, &f, e);
	follow_free(&f);
	return r;
}

/* Standard output or error becomes a log file of the host agent, or with a terminal to write to says that there is none. */
static int open_log(const struct instance *in, const char *file, const char *old, int to, bool terminal, struct err *e)
{
	static const char note[] = "This run was started in the foreground of a terminal, where its output went.\n";
	char *path = instance_path(in, file), *before = instance_path(in, old);
	int fd, r = 0;

	unlink(before);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		r = err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
	else if (terminal ? fd_write_all(fd, note, sizeof(note) - 1) < 0 : dup2(fd, to) < 0)
		r = err_sys(e, EXIT_IOERR, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	free(before);
	free(path);
	return r;
}

static int become_agent(const struct instance *in, struct err *e)
{
	bool terminal = isatty(STDIN_FILENO) == 1;
	char *bin = dirs_bin(e), *program = bin ? path_join(bin, "lima-hostagent") : NULL;
	char *unit = autostart_unit_of_this(in->name);
	struct strv argv = { 0 };

	strv_add(&argv, program ? program : "");
	if (log_level() >= LOG_DEBUG)
		strv_add(&argv, "--debug");
	if (unit)
		strv_addf(&argv, "--auto-started=%s", unit);
	strv_add(&argv, in->dir);
	if (program && open_log(in, F_HA_STDOUT, F_HA_STDOUT_OLD, STDOUT_FILENO, terminal, e) == 0 &&
	    open_log(in, F_HA_STDERR, F_HA_STDERR_OLD, STDERR_FILENO, terminal, e) == 0) {
		execv(program, argv.v);
		err_sys(e, EXIT_UNAVAIL, "cannot run %s", program);
	}
	strv_free(&argv);
	free(unit);
	free(program);
	free(bin);
	return -1;
}

static bool is_up(enum state s)
{
	return s == ST_RUNNING || s == ST_DEGRADED;
}

static void tell_running(const struct instance *in, enum state state)
{
	char *command = life_shell_command(in);

	if (state == ST_DEGRADED)
		log_warn("The instance %s is degraded (hint: see %s/%s)", q(in->name), in->dir, F_HA_STDERR);
	log_info("The instance %s is already running. Run `%s` to open the shell.", q(in->name), command);
	free(command);
}

/* Builds and launches what is not there. *launched: there is something to wait for, and its log is new. */
static int bring_up(struct instance *in, const struct start_options *o, enum state state, bool *launched, struct err *e)
{
	struct request rq = { .name = in->name, .text = o->text };
	bool down = state == ST_MISSING || state == ST_STOPPED;
	int r;

	if (!down)
		log_warn("expected status `Stopped`, got %s", q(life_status(state)));
	log_info("Starting the instance %s with internal VM driver `qemu`", q(in->name));
	r = step_build(in, &rq, down ? "start" : "create", e);
	if (r == 0)
		r = networks_start(in, e);
	if (r == 0 && o->foreground)
		r = become_agent(in, e);
	else if (r == 0)
		r = autostart_registered(in->name) ? autostart_launch(in, e) : step_launch(in, e);
	*launched = r == 0;
	return r;
}

/* Nothing of ours helps a process that is silent: nothing is started beside it. */
static int tell_hanging(const struct instance *in, const struct state_info *s, struct err *e)
{
	char *why = s->why ? xstrdup(s->why) : state_errors(s);

	err_set(e, EXIT_NO, "the instance %s hangs, nothing was started: %s", q(in->name), why);
	free(why);
	return -1;
}

/* What is there already, without the lock. */
static int go_on(struct instance *in, const struct start_options *o, const struct state_info *s, bool launched, struct err *e)
{
	if (is_up(s->state)) {
		tell_running(in, s->state);
		return 0;
	}
	if (s->state == ST_STOPPING)
		return err_set(e, EXIT_NO, "the instance %s is being stopped; start it again when that is done", q(in->name));
	if (s->state == ST_HANGING)
		return tell_hanging(in, s, e);
	if (s->state == ST_PAUSED && live_resume(in, e) < 0)
		return -1;
	return follow(in, o, launched, e);
}

int life_start(struct instance *in, const struct start_options *o, struct err *e)
{
	struct state_info s;
	bool launched = false;
	int r = instance_lock(in, e);

	if (r < 0)
		return -1;
	state_read(in, &s);
	if (s.state == ST_MISSING || s.state == ST_STOPPED || s.state == ST_ORPHANED)
		r = bring_up(in, o, s.state, &launched, e);
	/* Others may look and stop while we wait. */
	lock_release(&in->lock);
	if (r < 0)
		networks_tidy();
	if (r == 0)
		r = go_on(in, o, &s, launched, e);
	state_free(&s);
	return r;
}
