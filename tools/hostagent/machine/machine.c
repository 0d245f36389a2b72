/* machine - see machine.h. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "argv.h"
#include "disks.h"
#include "file.h"
#include "hostagent/agent.h"
#include "hostagent/api/snapshot.h"
#include "hostagent/child.h"
#include "instance_files.h"
#include "machine_check.h"
#include "machine_events.h"
#include "oswatch.h"
#include "qmp.h"
#include "spawn.h"
#include "unixsock.h"

#define STDERR_KEEP 2048
#define RECONNECT_S 1
#define CONNECT_MS 5000 /* for a QEMU that is busy with others who connect and go */

static void connect_qmp(struct agent *a, int fd);
static int find_owner(struct agent *a, struct err *e);
static void wait_for_end(struct agent *a);

static void set_timer(struct agent *a, event_callback_fn fn, int seconds)
{
	struct timeval t = { .tv_sec = seconds };

	if (a->m.timer)
		event_free(a->m.timer);
	a->m.timer = evtimer_new(a->base, fn, a);
	evtimer_add(a->m.timer, &t);
}

static void clear_timer(struct agent *a)
{
	if (a->m.timer)
		event_free(a->m.timer);
	a->m.timer = NULL;
}

/* Gives a machine up that cannot be used; its end is reported when it has ended. An adopted one is left alone. */
static void give_up(struct agent *a, const char *why)
{
	struct machine *m = &a->m;

	if (m->fail)
		return;
	m->fail = xstrdup(why);
	clear_timer(a);
	if (m->adopted)
		agent_machine_ended(a, false, CHILD_STATUS_UNKNOWN, m->fail);
	else
		child_signal(m->child, SIGKILL, true);
}

/* --- what QEMU prints --- */

static void take_stderr(struct machine *m, const char *data, size_t n)
{
	tail_add(&m->err, data, n);
	for (size_t i = 0; i < n; i++) {
		if (data[i] != '\n') {
			if (m->err_len < sizeof(m->err_line) - 1)
				m->err_line[m->err_len++] = data[i];
			continue;
		}
		m->err_line[m->err_len] = '\0';
		log_limited(&m->err_limit, "qemu[stderr]: %s", m->err_line);
		m->err_len = 0;
	}
}

static void on_stderr(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	char chunk[4096];
	ssize_t n;

	(void)what;
	do {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			take_stderr(&a->m, chunk, (size_t)n);
	} while (n == (ssize_t)sizeof(chunk) || (n < 0 && errno == EINTR));
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		event_free(a->m.ev_err);
		a->m.ev_err = NULL;
		close(fd);
	}
}

/* --- the end of the process --- */

static char *why_ended(struct agent *a, int status, bool *ok)
{
	struct machine *m = &a->m;
	char *said = tail_oneline(&m->err), *text = machine_explain(a, said), *why;

	*ok = !m->fail && (m->end_wanted || m->guest_ended);
	if (m->fail)
		why = xasprintf("%s%s%s", m->fail, *text ? "; its last output: " : "", text);
	else if (m->end_wanted)
		why = xstrdup("stopped");
	else if (m->guest_ended)
		why = xstrdup("the guest powered itself off");
	else if (status > 128)
		why = xasprintf("QEMU was ended by signal %d (%s)%s%s", status - 128, strsignal(status - 128),
				*text ? "; its last output: " : "", text);
	else if (status == CHILD_STATUS_UNKNOWN)
		why = xasprintf("QEMU ended%s%s", *m->shutdown_reason ? ": " : "", m->shutdown_reason);
	else
		why = xasprintf("QEMU ended with exit status %d: %s", status, *text ? text : "it gave no reason");
	free(said);
	free(text);
	return why;
}

/* A QEMU that ended at its start because of a mount is started again without it. */
static bool without_mounts(struct agent *a)
{
	struct err e = { 0 };
	char *said;
	bool again;

	if (a->m.up || a->m.adopted || a->m.fail || a->m.end_wanted)
		return false;
	said = tail_oneline(&a->m.err);
	again = mounts_blame(a, said);
	free(said);
	if (!again)
		return false;
	machine_free(a);
	ga_close(a);
	disks_unlock(a);
	if (machine_start(a, &e) < 0)
		agent_machine_ended(a, false, CHILD_STATUS_UNKNOWN, e.msg);
	return true;
}

static void on_ended(void *arg, int status)
{
	struct agent *a = arg;
	struct machine *m = &a->m;
	char *why;
	bool ok;

	m->child = NULL;
	if (m->ev_err)
		on_stderr(event_get_fd(m->ev_err), EV_READ, a);
	if (without_mounts(a))
		return;
	why = why_ended(a, status, &ok);
	machine_free(a);
	agent_machine_ended(a, ok, status, why);
	free(why);
}

/* --- QMP --- */

static void query_answered(struct agent *a)
{
	struct machine *m = &a->m;

	if (--m->queries > 0 || m->up || m->fail)
		return;
	if (a->ssh_port == 0 && !usernet_wanted(a)) {
		give_up(a, "QEMU forwards no port to the SSH port of the guest");
		return;
	}
	m->up = true;
	clear_timer(a);
	agent_machine_up(a);
}

static void on_kvm(void *arg, const cJSON *ret, const char *error)
{
	struct agent *a = arg;

	a->m.kvm = !error && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(ret, "enabled"));
	query_answered(a);
}

static void on_run_state(void *arg, const cJSON *ret, const char *error)
{
	struct agent *a = arg;

	machine_run_state(a, ret, error);
	if (a->m.adopted && (!strcmp(a->m.run_state, "paused") || !strcmp(a->m.run_state, "io-error"))) {
		log_info("the machine was paused; letting it go on");
		if (qmp_send(a->m.qmp, "cont", NULL, NULL, NULL) == 0)
			snprintf(a->m.run_state, sizeof(a->m.run_state), "running"); /* until we hear otherwise */
	}
	query_answered(a);
}

static void on_usernet(void *arg, const cJSON *ret, const char *error)
{
	struct agent *a = arg;

	if (!error && cJSON_IsString(ret))
		a->ssh_port = usernet_ssh_port(ret->valuestring);
	query_answered(a);
}

static void ask(struct agent *a, const char *command, cJSON *args, void (*reply)(void *, const cJSON *, const char *))
{
	if (qmp_send(a->m.qmp, command, args, reply, a) == 0)
		a->m.queries++;
}

static void on_ready(void *arg)
{
	struct agent *a = arg;
	struct err e = { 0 };
	cJSON *args;

	log_debug("QMP is up");
	if (a->m.up) { /* connected again */
		machine_look(a);
		return;
	}
	if (a->m.adopted && find_owner(a, &e) < 0) {
		give_up(a, e.msg);
		return;
	}
	a->m.queries = 1; /* until all are sent */
	ask(a, "query-kvm", NULL, on_kvm);
	ask(a, "query-status", NULL, on_run_state);
	if (!usernet_wanted(a)) {
		args = cJSON_CreateObject();
		cJSON_AddStringToObject(args, "command-line", "info usernet");
		ask(a, "human-monitor-command", args, on_usernet);
	}
	query_answered(a);
}

static void on_reconnect(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;
	struct err e = { 0 };
	int fd;

	(void)unused;
	(void)what;
	clear_timer(a);
	qmp_free(a->m.qmp);
	a->m.qmp = NULL;
	fd = unixsock_connect(F_QMP_SOCK, 0, &e);
	if (fd < 0)
		log_error("QEMU can no longer be controlled: %s", e.msg);
	else
		connect_qmp(a, fd);
}

static void on_qmp_ended(void *arg, const char *why)
{
	struct agent *a = arg;
	char *text;

	snapshot_end(a);
	if (a->m.up) {
		log_debug("the QMP connection ended: %s", why);
		pulse_lost(a);
		screenshots_end(a);
		set_timer(a, on_reconnect, RECONNECT_S);
		return;
	}
	/* When QEMU is about to die, its death tells more than this. */
	if (!strcmp(why, QMP_CLOSED)) {
		if (!a->m.child)
			wait_for_end(a);
		return;
	}
	text = xasprintf("QEMU does not speak QMP on %s: %s", F_QMP_SOCK, why);
	give_up(a, text);
	free(text);
}

static void on_qmp_timeout(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;
	pid_t pid = a->m.adopted ? file_lock_holder(F_QEMU_PID) : a->m.pid;
	char *text = xasprintf("QEMU (process %ld) did not answer on %s within %d s", (long)pid, F_QMP_SOCK,
			       a->opt.qmp_timeout_s);

	(void)unused;
	(void)what;
	give_up(a, text);
	free(text);
}

static void connect_qmp(struct agent *a, int fd)
{
	struct qmp_calls calls = { on_ready, machine_on_event, on_qmp_ended, a };

	a->m.qmp = qmp_new(a->base, fd, &calls);
	if (!a->m.up)
		set_timer(a, on_qmp_timeout, a->opt.qmp_timeout_s);
}

/* --- taking over --- */

/* QEMU calls listen(2) itself on the socket that it inherits, and has done so when it greets: the credentials at the
 * other end of a new connection are its own. (Those of an older connection may be of the host agent that started
 * it.) */
static int find_owner(struct agent *a, struct err *e)
{
	struct machine *m = &a->m;
	struct err none = { 0 };
	int fd = unixsock_connect(F_QMP_SOCK, 0, &none);

	/* When too many wait to be accepted, the lock on its pid file tells as well. */
	m->pid = fd >= 0 ? socket_peer_pid(fd) : file_lock_holder(F_QEMU_PID);
	if (fd >= 0)
		close(fd);
	m->child = m->pid > 0 ? child_watch(a->base, m->pid, false, on_ended, a) : NULL;
	if (!m->child)
		return err_set(e, EXIT_TRYAGAIN,
			       "the process that answers on %s/%s cannot be found; end it, then start again", a->dir, F_QMP_SOCK);
	return 0;
}

static void adopt(struct agent *a, int fd)
{
	log_info("a QEMU of this instance runs already; taking it over");
	a->m.adopted = true;
	connect_qmp(a, fd);
}

static void on_vanished(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	on_ended(a, CHILD_STATUS_UNKNOWN);
}

/* What we were about to take over closed the connection: it is ending. */
static void wait_for_end(struct agent *a)
{
	pid_t holder = file_lock_holder(F_QEMU_PID);

	clear_timer(a);
	a->m.child = holder > 0 ? child_watch(a->base, holder, false, on_ended, a) : NULL;
	if (!a->m.child)
		set_timer(a, on_vanished, 0);
}

/* --- starting --- */

static void remove_stale(void)
{
	/* qmp.sock and ga.sock are replaced when they are bound. */
	static const char *const stale[] = {
		F_QEMU_PID,	F_SSH_SOCK,    "serial.log",   "serial.sock", "serialp.log",
		"serialp.sock", "serialv.log", "serialv.sock", F_VNC_DISPLAY, F_VNC_PASSWORD,
	};

	for (size_t i = 0; i < sizeof(stale) / sizeof(*stale); i++)
		unlink(stale[i]);
}

static int spawn_qemu(struct agent *a, int listen_fd[2], int *err_fd, struct err *e)
{
	struct strv argv = { 0 };
	struct spawn s = { .in = SPAWN_NULL, .pass = listen_fd, .npass = 2, .new_session = true };
	int fds[2], r = -1;

	if (argv_load(a, &argv, e) < 0)
		goto out;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		err_sys(e, EXIT_UNAVAIL, "cannot make a pipe for QEMU");
		goto out;
	}
	fcntl(fds[1], F_SETFL, 0);
	s.argv = argv.v;
	s.out = s.err = fds[1];
	r = spawn_start(&s, &a->m.pid, e);
	close(fds[1]);
	if (r < 0)
		close(fds[0]);
	*err_fd = fds[0];
out:
	strv_free(&argv);
	return r;
}

/* QEMU with its sockets, connected to QMP: *ret_fd. */
static int launch(struct agent *a, int *err_fd, int *ret_fd, struct err *e)
{
	int listen_fd[2] = { -1, -1 }, fd = -1, r = -1;

	listen_fd[0] = unixsock_listen(F_QMP_SOCK, e);
	if (listen_fd[0] >= 0)
		listen_fd[1] = unixsock_listen(F_GA_SOCK, e);
	if (listen_fd[1] >= 0)
		fd = unixsock_connect(F_QMP_SOCK, 0, e);
	if (fd >= 0)
		r = spawn_qemu(a, listen_fd, err_fd, e);
	if (fd >= 0 && r < 0)
		close(fd);
	for (int i = 0; i < 2; i++) {
		if (listen_fd[i] < 0)
			continue;
		close(listen_fd[i]);
		if (r < 0)
			unlink(i ? F_GA_SOCK : F_QMP_SOCK);
	}
	*ret_fd = fd;
	return r;
}

static int start_new(struct agent *a, struct err *e)
{
	struct machine *m = &a->m;
	int err_fd, fd;

	if (disks_lock(a, e) < 0)
		return -1;
	remove_stale();
	if (mounts_serve(a, e) < 0 || tpm_start(a, e) < 0 || launch(a, &err_fd, &fd, e) < 0) {
		disks_unlock(a);
		return -1;
	}
	log_info("QEMU runs as process %ld; the console of the guest is in %s/serial.log", (long)m->pid, a->dir);
	m->ev_err = event_new(a->base, err_fd, EV_READ | EV_PERSIST, on_stderr, a);
	event_add(m->ev_err, NULL);
	m->child = child_watch(a->base, m->pid, true, on_ended, a);
	connect_qmp(a, fd);
	return 0;
}

int machine_start(struct agent *a, struct err *e)
{
	struct err none = { 0 };
	int fd = unixsock_connect(F_QMP_SOCK, CONNECT_MS, &none);

	a->m = (struct machine){ .started_ms = mono_ms(), .err = { .max = STDERR_KEEP }, .run_state = "starting" };
	a->ssh_port = 0;
	if (fd >= 0)
		adopt(a, fd);
	else if (machine_check(a, e) < 0 || start_new(a, e) < 0)
		return -1;
	ga_connect(a);
	return 0;
}

/* --- ending --- */

void machine_powerdown(struct agent *a)
{
	if (!a->m.child)
		return;
	a->m.end_wanted = true;
	if (!a->m.qmp || qmp_send(a->m.qmp, "system_powerdown", NULL, NULL, NULL) < 0)
		child_signal(a->m.child, SIGTERM, false);
}

void machine_quit(struct agent *a)
{
	if (!a->m.child)
		return;
	a->m.end_wanted = true;
	if (!a->m.up || !a->m.qmp || qmp_send(a->m.qmp, "quit", NULL, NULL, NULL) < 0)
		child_signal(a->m.child, SIGTERM, false);
}

void machine_kill(struct agent *a)
{
	if (!a->m.child)
		return;
	a->m.end_wanted = true;
	child_signal(a->m.child, SIGKILL, true);
}

void machine_free(struct agent *a)
{
	struct machine *m = &a->m;

	clear_timer(a);
	qmp_free(m->qmp);
	m->qmp = NULL;
	pulse_lost(a);
	screenshots_end(a);
	snapshot_end(a);
	if (m->ev_err) {
		close(event_get_fd(m->ev_err));
		event_free(m->ev_err);
		m->ev_err = NULL;
	}
	child_forget(m->child);
	m->child = NULL;
	tail_free(&m->err);
	free(m->fail);
	m->fail = NULL;
}
