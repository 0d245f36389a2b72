/* mounts - see mounts.h. */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "child.h"
#include "file.h"
#include "instance_files.h"
#include "socket.h"
#include "spawn.h"
#include "sshfs.h"
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

void mounts_init(struct agent *a)
{
	struct mounts *ms = &a->mounts;

	ms->n = a->plain ? 0 : (size_t)kv_num(&a->conf, 0, "mounts");
	ms->m = xcalloc(ms->n ? ms->n : 1, sizeof(*ms->m));
	for (size_t i = 0; i < ms->n; i++) {
		enum mount_state state = is_type(a, "reverse-sshfs") ? MOUNT_WAITING : MOUNT_OK;

		ms->m[i] = (struct mount){ .a = a, .i = i, .state = state };
	}
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

static void on_daemon_end(void *arg, int status)
{
	struct mount *m = arg;
	char *said, *text;

	m->daemon = NULL;
	if (!m->a->m.child || m->a->state == STATE_STOPPING || m->a->m.guest_ended)
		return; /* it ends when QEMU does */
	said = log_tail(m);
	text = xasprintf("virtiofsd ended with status %d%s%s", status, *said ? ": " : "", said);
	mount_set(m, MOUNT_BROKEN, text);
	free(said);
	free(text);
}

static int serve(struct mount *m, const struct virtiofsd *v, struct err *e)
{
	char *sock = file_name(m, "sock"), *log = file_name(m, "log");
	struct strv argv = { 0 };
	int fd = socket_listen(sock, e), r = -1;
	int log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct spawn s = { .in = SPAWN_NULL, .pass = &fd, .npass = 1, .new_session = true };
	pid_t pid;

	s.out = s.err = log_fd;
	virtiofsd_argv(v, location(m), &argv);
	s.argv = argv.v;
	if (log_fd < 0)
		err_sys(e, EXIT_CANTCREATE, "cannot create %s", log);
	else if (fd >= 0)
		r = spawn_start(&s, &pid, e);
	if (r == 0)
		m->daemon = child_watch(m->a->base, pid, true, on_daemon_end, m);
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

int mounts_serve(struct agent *a, struct err *e)
{
	struct virtiofsd v = { 0 };
	mode_t old = umask(a->umask);
	char *qemu = qemu_path();
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->mounts.n; i++)
		r = dir_make(location(&a->mounts.m[i]), 0755, e);
	if (r == 0 && is_type(a, "virtiofs") && a->mounts.n > 0)
		r = virtiofsd_find(qemu, &v, e);
	for (size_t i = 0; r == 0 && v.path && i < a->mounts.n; i++)
		r = serve(&a->mounts.m[i], &v, e);
	umask(old);
	free(v.path);
	free(qemu);
	return r;
}

/* --- all --- */

void mounts_start(struct agent *a)
{
	if (!is_type(a, "reverse-sshfs"))
		return;
	for (size_t i = 0; i < a->mounts.n; i++)
		if (a->mounts.m[i].state == MOUNT_WAITING && !sshfs_alive(&a->mounts.m[i]))
			sshfs_start(&a->mounts.m[i]);
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
		if (is_type(a, "reverse-sshfs"))
			mount_set(m, MOUNT_WAITING, NULL);
	}
	mounts_one_ended(a);
}

void mounts_free(struct agent *a)
{
	for (size_t i = 0; i < a->mounts.n; i++) {
		struct mount *m = &a->mounts.m[i];
		char *sock = file_name(m, "sock");

		sshfs_kill(m);
		if (m->daemon) {
			if (!a->m.child) /* QEMU is gone */
				child_signal(m->daemon, SIGKILL, true);
			child_forget(m->daemon);
		}
		if (!a->m.child)
			unlink(sock);
		free(sock);
		free(m->problem);
	}
	if (a->mounts.bound)
		event_free(a->mounts.bound);
	free(a->mounts.m);
	a->mounts = (struct mounts){ 0 };
}
