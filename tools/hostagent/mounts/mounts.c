/* mounts - see mounts.h. */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "hostagent/agent.h"
#include "hostagent/child.h"
#include "instance_files.h"
#include "spawn.h"
#include "sshfs.h"
#include "unixsock.h"
#include "virtiofsd.h"

#define LOG_TAIL 1024
#define STOP_S 5

const char *mount_state_name(enum mount_state s)
{
	static const char *const names[] = { "waiting", "starting", "mounted", "broken", "failed" };

	return names[s];
}

static const char *location(const struct mount *m)
{
	return kv_get(&m->a->conf, "", "mounts.%zu.location", m->i);
}

void mount_set(struct mount *m, enum mount_state s, const char *problem)
{
	bool news = s != m->state || !!problem != !!m->problem || (problem && strcmp(problem, m->problem) != 0);

	m->state = s;
	if (!news)
		return;
	free(m->problem);
	m->problem = problem ? xstrdup(problem) : NULL;
	if (problem)
		log_warn("mount of %s: %s: %s", location(m), mount_state_name(s), problem);
	else
		log_info("mount of %s: %s", location(m), mount_state_name(s));
}

static bool is_type(const struct agent *a, const char *type)
{
	return !a->plain && !strcmp(kv_get(&a->conf, "", "mountType"), type);
}

/* Beside us. When it is not there, starting it will tell. */
static char *confine_path(void)
{
	struct err e = { 0 };
	char *bin = dirs_bin(&e), *path = bin ? path_join(bin, "lima-confine") : xstrdup("lima-confine");

	free(bin);
	return path;
}

void mounts_init(struct agent *a)
{
	struct mounts *ms = &a->mounts;

	ms->n = a->plain ? 0 : (size_t)kv_num(&a->conf, 0, "mounts");
	ms->m = xcalloc(ms->n ? ms->n : 1, sizeof(*ms->m));
	ms->confine = confine_path();
	for (size_t i = 0; i < ms->n; i++) {
		bool by_sshfs = is_type(a, "reverse-sshfs");

		ms->m[i] = (struct mount){ .a = a, .i = i, .state = by_sshfs ? MOUNT_WAITING : MOUNT_OK };
		ms->m[i].by_sshfs = by_sshfs;
	}
}

/* --- falling back --- */

static void fall_back(struct mount *m, const char *why)
{
	if (m->by_sshfs)
		return;
	m->by_sshfs = true;
	free(m->fallback);
	m->fallback = xasprintf("%s; using reverse-sshfs", why);
	log_warn("mount of %s: %s", location(m), m->fallback);
	mount_set(m, MOUNT_WAITING, NULL);
	if (m->a->boot.at[PHASE_RUNNING])
		mounts_start(m->a);
}

/* At the next boot of the guest, what was asked for is tried again. */
static void forget_fallback(struct mount *m)
{
	if (m->lost || m->unserved || !m->fallback)
		return;
	free(m->fallback);
	m->fallback = NULL;
	m->by_sshfs = false;
	mount_set(m, MOUNT_OK, NULL);
}

void mounts_on_status(struct agent *a)
{
	const char *type = kv_get(&a->conf, "", "mountType");

	for (size_t i = 0; i < a->mounts.n && i < STATUS_MOUNTS_MAX; i++) {
		char *why;

		if (!a->boot.status.no_mount[i])
			continue;
		why = xasprintf("the guest could not mount it by %s", type);
		fall_back(&a->mounts.m[i], why);
		free(why);
	}
}

static void leave_out(struct mount *m, const char *why)
{
	m->unserved = true;
	m->lost = false; /* the guest will not find it at all */
	fall_back(m, why);
}

/* How QEMU's arguments name the parts of a mount (tools/qemu-argv/devices.c); their messages repeat the argument. */
static bool names_mount(const char *text, size_t i)
{
	static const char *const parts[] = { "char-virtiofs-", "id=fs", "fsdev=fs" };

	for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++) {
		char *name = xasprintf("%s%zu,", parts[k], i);
		bool found = strstr(text, name) != NULL;

		free(name);
		if (found)
			return true;
	}
	return false;
}

bool mounts_unserved(const struct agent *a, const char *arg)
{
	for (size_t i = 0; i < a->mounts.n; i++)
		if (a->mounts.m[i].unserved && names_mount(arg, i))
			return true;
	return false;
}

static char *log_tail(const struct mount *m);

bool mounts_blame(struct agent *a, const char *said)
{
	bool any = false;

	for (size_t i = 0; i < a->mounts.n; i++) {
		struct mount *m = &a->mounts.m[i];
		char *log, *why;

		if (m->unserved || is_type(a, "reverse-sshfs") || !names_mount(said, i))
			continue;
		log = is_type(a, "virtiofs") ? log_tail(m) : xstrdup("");
		why = xasprintf("QEMU cannot do it: %s%s%s", said, *log ? "; virtiofsd said: " : "", log);
		leave_out(m, why);
		any = true;
		free(why);
		free(log);
	}
	return any;
}

/* --- virtiofs --- */

static char *file_name(const struct mount *m, const char *what)
{
	return xasprintf("virtiofsd-%zu.%s", m->i, what);
}

static char *log_tail(const struct mount *m)
{
	char *name = file_name(m, "log");
	struct tail t = { .max = LOG_TAIL };
	struct buf b = { 0 };
	struct err e = { 0 };
	char *text;

	if (file_read(name, 1u << 20, &b, &e) == 0)
		tail_add(&t, b.data ? b.data : "", b.len);
	text = tail_oneline(&t);
	tail_free(&t);
	buf_free(&b);
	free(name);
	return text;
}

static void unlink_files(const struct mount *m)
{
	char *sock = file_name(m, "sock"), *pid = file_name(m, "pid");

	unlink(sock);
	unlink(pid);
	free(sock);
	free(pid);
}

static void on_daemon_end(void *arg, int status)
{
	struct mount *m = arg;
	char *said, *text;

	m->daemon = NULL;
	if (!m->a->m.child || m->a->state == STATE_STOPPING || m->a->m.guest_ended)
		return; /* it ends when QEMU does */
	said = log_tail(m);
	if (status == CHILD_STATUS_UNKNOWN)
		text = xstrdup("virtiofsd ended");
	else
		text = xasprintf("virtiofsd ended with status %d%s%s", status, *said ? ": " : "", said);
	m->lost = true;
	fall_back(m, text);
	free(said);
	free(text);
}

/* For a host agent that takes the machine over: the pid, and a lock on the log that lasts as long as the daemon. */
static void leave_trace(const struct mount *m, pid_t pid)
{
	char *name = file_name(m, "pid"), *text = xasprintf("%ld\n", (long)pid);
	struct err e = { 0 };

	if (file_write(name, text, strlen(text), 0600, &e) < 0)
		log_warn("%s", e.msg);
	free(name);
	free(text);
}

/* The pid that an earlier host agent left, when the daemon still lives; else 0. */
static pid_t find_daemon(const struct mount *m)
{
	char *name = file_name(m, "pid"), *log = file_name(m, "log");
	int fd = open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct buf b = { 0 };
	struct err e = { 0 };
	long pid = 0;

	if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && file_read(name, 32, &b, &e) == 0)
		pid = strtol(buf_str(&b), NULL, 10);
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	free(name);
	free(log);
	return pid > 0 ? (pid_t)pid : 0;
}

static int serve(struct mount *m, const struct virtiofsd *v, struct err *e)
{
	char *sock = file_name(m, "sock"), *log = file_name(m, "log");
	struct strv argv = { 0 };
	int fd = unixsock_listen(sock, e), r = -1;
	int log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct spawn s = { .in = SPAWN_NULL, .pass = &fd, .npass = 1, .new_session = true };
	pid_t pid;

	s.out = s.err = log_fd;
	virtiofsd_argv(v, location(m), kv_bool(&m->a->conf, "mounts.%zu.writable", m->i), m->a->mounts.confine, &argv);
	s.argv = argv.v;
	if (log_fd < 0)
		err_sys(e, EXIT_CANTCREATE, "cannot create %s", log);
	else if (fd >= 0 && flock(log_fd, LOCK_EX | LOCK_NB) == 0)
		r = spawn_start(&s, &pid, e);
	else if (fd >= 0)
		err_sys(e, EXIT_UNAVAIL, "another virtiofsd writes to %s", log);
	if (r == 0) {
		m->daemon = child_watch(m->a->base, pid, true, on_daemon_end, m);
		leave_trace(m, pid);
	}
	if (fd >= 0)
		close(fd);
	if (log_fd >= 0)
		close(log_fd);
	strv_free(&argv);
	free(sock);
	free(log);
	return r;
}

/* The first token of qemu.argv: which installation QEMU belongs to. */
static char *qemu_path(void)
{
	struct buf b = { 0 };
	struct err e = { 0 };

	if (file_read(F_QEMU_ARGV, 1u << 20, &b, &e) < 0)
		buf_free(&b);
	if (b.data)
		b.data[strcspn(b.data, "\n")] = '\0';
	return buf_detach(&b);
}

static void end_daemon(struct mount *m)
{
	if (!m->daemon)
		return;
	child_signal(m->daemon, SIGKILL, true);
	child_forget(m->daemon);
	m->daemon = NULL;
}

/* One virtiofsd for each mount; where there is none, QEMU gets no device. */
static void serve_all(struct agent *a)
{
	char *qemu = qemu_path();
	struct virtiofsd v = { 0 };
	struct err e = { 0 };

	virtiofsd_find(qemu, &v, &e);
	for (size_t i = 0; i < a->mounts.n; i++) {
		struct mount *m = &a->mounts.m[i];

		end_daemon(m); /* of an attempt that failed */
		if (!m->unserved && (!v.path || serve(m, &v, &e) < 0))
			leave_out(m, e.msg);
	}
	free(v.path);
	free(qemu);
}

int mounts_serve(struct agent *a, struct err *e)
{
	mode_t old = umask(a->umask);
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->mounts.n; i++)
		r = dir_make(location(&a->mounts.m[i]), 0755, e);
	if (r == 0 && is_type(a, "virtiofs"))
		serve_all(a);
	umask(old);
	return r;
}

/* --- all --- */

/* The machine was taken over: its virtiofsd is another host agent's child, or has ended meanwhile. */
static void take_over(struct mount *m)
{
	pid_t pid;

	if (m->by_sshfs || m->daemon)
		return;
	pid = find_daemon(m);
	m->daemon = pid ? child_watch(m->a->base, pid, false, on_daemon_end, m) : NULL;
	if (m->daemon)
		return;
	m->lost = true;
	fall_back(m, "its virtiofsd has ended");
}

void mounts_start(struct agent *a)
{
	for (size_t i = 0; i < a->mounts.n; i++) {
		struct mount *m = &a->mounts.m[i];

		if (a->m.adopted && is_type(a, "virtiofs"))
			take_over(m);
		if (m->by_sshfs && m->state == MOUNT_WAITING && !sshfs_alive(m))
			sshfs_start(m);
	}
}

bool mounts_any_lost(const struct agent *a)
{
	for (size_t i = 0; i < a->mounts.n; i++)
		if (a->mounts.m[i].lost)
			return true;
	return false;
}

bool mounts_done(const struct agent *a)
{
	for (size_t i = 0; i < a->mounts.n; i++)
		if (a->mounts.m[i].state == MOUNT_WAITING || a->mounts.m[i].state == MOUNT_STARTING)
			return false;
	return true;
}

void mounts_one_ended(struct agent *a)
{
	void (*stopped)(struct agent *a) = a->mounts.stopped;

	for (size_t i = 0; i < a->mounts.n; i++)
		if (sshfs_alive(&a->mounts.m[i]))
			return;
	for (size_t i = 0; i < a->mounts.n; i++)
		a->mounts.m[i].stopping = false;
	if (a->mounts.bound)
		event_free(a->mounts.bound);
	a->mounts.bound = NULL;
	a->mounts.stopped = NULL;
	if (stopped)
		stopped(a);
}

static void on_bound(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	log_warn("the mounts did not end in time");
	for (size_t i = 0; i < a->mounts.n; i++)
		sshfs_kill(&a->mounts.m[i]);
	mounts_one_ended(a);
}

void mounts_stop(struct agent *a, void (*stopped)(struct agent *a))
{
	struct timeval t = { .tv_sec = STOP_S };

	a->mounts.stopped = stopped;
	if (!a->mounts.bound) {
		a->mounts.bound = evtimer_new(a->base, on_bound, a);
		evtimer_add(a->mounts.bound, &t);
	}
	for (size_t i = a->mounts.n; i > 0; i--) {
		struct mount *m = &a->mounts.m[i - 1];

		m->stopping = true;
		sshfs_stop(m);
		if (m->by_sshfs)
			mount_set(m, MOUNT_WAITING, NULL);
		forget_fallback(m);
	}
	mounts_one_ended(a);
}

void mounts_free(struct agent *a)
{
	for (size_t i = 0; i < a->mounts.n; i++) {
		struct mount *m = &a->mounts.m[i];

		sshfs_kill(m);
		if (m->daemon) {
			if (!a->m.child) /* QEMU is gone */
				child_signal(m->daemon, SIGKILL, true);
			child_forget(m->daemon);
		}
		if (!a->m.child)
			unlink_files(m);
		free(m->fallback);
		free(m->problem);
	}
	if (a->mounts.bound)
		event_free(a->mounts.bound);
	free(a->mounts.confine);
	free(a->mounts.unconfined);
	free(a->mounts.m);
	a->mounts = (struct mounts){ 0 };
}
