/* sshfs - see sshfs.h.
 *
 * No port is opened: sshfs in the guest is told to speak SFTP on its standard input and output, which ssh carries
 * here, where an sftp-server sits at the other end of a socket pair. The server would serve any path that the user
 * of the host can reach, and in the guest root decides what it is asked for. So it is run by lima-confine(1), where this
 * system can do that.
 */
#include "sshfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostagent/agent.h"
#include "hostagent/job.h"
#include "hostagent/ssh.h"
#include "spawn.h"

#define NOT_READY 75     /* exit status of our remote script while fuse is not ready */
#define CHECK_JOB_S 60
#define FIRST_TRIES 3    /* after that many failures nobody waits for it any more */
#define RETRY_MAX_S 30

static void on_retry(evutil_socket_t unused, short what, void *arg);

void shell_quote(struct buf *out, const char *word)
{
	buf_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *word);
	}
	buf_addc(out, '\'');
}

void mounts_escape(struct buf *out, const char *path)
{
	for (; *path; path++) {
		if (strchr(" \t\n\\", *path))
			buf_addf(out, "\\%03o", (unsigned)*path);
		else
			buf_addc(out, *path);
	}
}

static const char *conf(const struct mount *m, const char *key)
{
	return kv_get(&m->a->conf, "", "mounts.%zu.%s", m->i, key);
}

/* --- what runs in the guest --- */

/* "sh -c 'script' sh MP ENTRY [LOC OPTIONS [LOST]]", with ENTRY the beginning of its line's second field in /proc/mounts,
 * and LOST the mount point as /proc/self/mountinfo has it when a dead virtiofs is in the way. */
static void remote(struct buf *out, const struct mount *m, const char *script, const char *options)
{
	struct buf point = { 0 }, entry = { 0 };

	mounts_escape(&point, conf(m, "mountPoint"));
	buf_addf(&entry, " %s fuse.sshfs ", buf_str(&point));
	buf_adds(out, "exec /bin/sh -c ");
	shell_quote(out, script);
	buf_adds(out, " sh ");
	shell_quote(out, conf(m, "mountPoint"));
	buf_addc(out, ' ');
	shell_quote(out, buf_str(&entry));
	if (options) {
		buf_addc(out, ' ');
		shell_quote(out, conf(m, "location"));
		buf_addf(out, " %s", options);
	}
	if (options && m->lost) {
		buf_addc(out, ' ');
		shell_quote(out, buf_str(&point));
	}
	buf_free(&point);
	buf_free(&entry);
}

/* A mount whose sshfs was killed is still in the table, and in the way. A virtiofs without its virtiofsd lets everybody
 * who touches it hang, until its connection is aborted; no boot script has prepared such a guest for sshfs as the user. */
static const char mount_script[] =
	"r=/run/lima-fuse-ready\n"
	"[ -n \"$5\" ] || [ -s $r ] || exit 75\n"
	"[ -z \"$5\" ] || while read -r id parent dev root point rest; do\n"
	"[ \"$point\" = \"$5\" ] || continue\n"
	"case $rest in *' - virtiofs '*) sudo -n sh -c 'd=/sys/fs/fuse/connections; [ -e $d/$2 ] || mount -t fusectl none $d;"
	" echo 1 >$d/$2/abort; umount -l \"$1\"' sh \"$1\" \"${dev#*:}\" || exit 1 ;; esac\n"
	"done </proc/self/mountinfo\n"
	"if grep -qF \"$2\" /proc/mounts; then\n"
	"fusermount3 -uz \"$1\" || fusermount -uz \"$1\" || sudo -n umount -l \"$1\"\n"
	"fi\n"
	"mkdir -p \"$1\" 2>/dev/null ||\n"
	"{ sudo -n mkdir -p \"$1\" && sudo -n chown \"$(id -u):$(id -g)\" \"$1\"; } || exit 1\n"
	/* Only root can mount on a folder that the user may not enter or write, such as /root. */
	"{ [ -s $r ] && [ -w \"$1\" ]; } || exec sudo -n sshfs \":$3\" \"$1\" -o \"$4\"\n"
	"exec sshfs \":$3\" \"$1\" -o \"$4\"\n";

/* The mount table cannot be waited for in a shell; it is short and only read while the mount is being made. sshfs stands in it
 * before anybody has served it; looking at the folder waits for that, or fails when nobody will. */
static const char check_script[] =
	"i=0; until grep -qF \"$2\" /proc/mounts; do i=$((i+1)); [ $i -le 150 ] || exit 1; sleep 0.2; done\n"
	"ls -d \"$1/.\" >/dev/null 2>&1 || sudo -n ls -d \"$1/.\" >/dev/null\n";

static void mount_options(const struct mount *m, struct buf *out)
{
	buf_adds(out, "slave,allow_other");
	if (strcmp(conf(m, "writable"), "true") != 0)
		buf_adds(out, ",ro");
	if (!strcmp(conf(m, "sshfs.cache"), "false"))
		buf_adds(out, ",dir_cache=no");
	if (!strcmp(conf(m, "sshfs.followSymlinks"), "true"))
		buf_adds(out, ",follow_symlinks");
}

/* --- the server here --- */

static char *find_server(void)
{
	static const char *const places[] = {
		"sftp-server",		"/usr/libexec/sftp-server",	"/usr/libexec/openssh/sftp-server",
		"/usr/lib/sftp-server", "/usr/lib/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
	};
	char *path = NULL;

	for (size_t i = 0; !path && i < sizeof(places) / sizeof(*places); i++)
		path = program_find(places[i]);
	return path;
}

/* Where everything is mounted, there is nothing to keep it to. */
static bool is_confined(const struct mount *m)
{
	return !m->a->mounts.unconfined && strcmp(conf(m, "location"), "/") != 0;
}

static void server_argv(const struct mount *m, const char *program, struct strv *argv)
{
	struct buf dir = { 0 };

	for (const char *p = conf(m, "location"); *p; p++)
		buf_adds(&dir, *p == '%' ? "%%" : (char[2]){ *p, '\0' });
	if (is_confined(m)) {
		strv_add(argv, m->a->mounts.confine);
		if (strcmp(conf(m, "writable"), "true") != 0)
			strv_add(argv, "--read-only");
		strv_add(argv, conf(m, "location"));
	}
	strv_add(argv, program);
	strv_add(argv, "-e");
	strv_add(argv, "-d");
	strv_add(argv, buf_str(&dir));
	if (strcmp(conf(m, "writable"), "true") != 0)
		strv_add(argv, "-R");
	buf_free(&dir);
}

/* --- states --- */

static void retry(struct mount *m, enum mount_state state, const char *problem)
{
	unsigned s = m->tries < 5 ? 1u << m->tries : RETRY_MAX_S;
	struct timeval t = { .tv_sec = s };

	mount_set(m, state, problem);
	m->tries++;
	if (!m->timer)
		m->timer = evtimer_new(m->a->base, on_retry, m);
	evtimer_add(m->timer, &t);
}

static void broke(struct mount *m, const char *problem)
{
	bool was_there = m->state == MOUNT_OK || m->state == MOUNT_BROKEN;

	if (!was_there && m->state != MOUNT_FAILED && m->tries + 1 >= FIRST_TRIES) {
		char *text = xasprintf("mounting %s failed: %s", conf(m, "location"), problem);

		retry(m, MOUNT_FAILED, problem);
		boot_error(m->a, text);
		free(text);
		boot_advance(m->a);
		return;
	}
	retry(m, was_there ? MOUNT_BROKEN : m->state, problem);
}

static void cancel(struct job **j)
{
	job_cancel(*j);
	*j = NULL;
}

static void on_check(void *arg, const struct job_result *r)
{
	struct mount *m = arg;
	char *text;

	m->check = NULL;
	if (r->status == 0) {
		m->tries = 0;
		mount_set(m, MOUNT_OK, NULL);
		boot_advance(m->a);
		return;
	}
	cancel(&m->client); /* the server ends when its peer has gone, see on_client_end */
	text = *r->err ? xasprintf("it cannot be looked at in the guest: %s", r->err) :
			 xstrdup("it did not appear in the mount table of the guest");
	broke(m, text);
	free(text);
}

static void on_client_end(void *arg, const struct job_result *r)
{
	struct mount *m = arg;
	char *text;

	m->client = NULL;
	cancel(&m->check);
	/* The server ends by itself now, if it has not already; how it does tells whether it could be confined. */
	if (m->stopping) {
		cancel(&m->server);
		mounts_one_ended(m->a);
		return;
	}
	if (r->status == NOT_READY && m->state == MOUNT_STARTING && !m->a->boot.status.done) {
		mount_set(m, MOUNT_WAITING, NULL);
		return;
	}
	if (r->status == NOT_READY)
		text = xstrdup("fuse is not ready in the guest (no /run/lima-fuse-ready)");
	else
		text = xasprintf("sshfs in the guest ended with status %d%s%s", r->status, *r->err ? ": " : "", r->err);
	broke(m, text);
	free(text);
}

/* The next attempt does without. */
static void give_up_confining(struct agent *a, const char *why)
{
	if (a->mounts.unconfined)
		return;
	a->mounts.unconfined = xstrdup(why);
	log_warn("sftp-server cannot be confined to the mounted folders (%s): root in the guest could reach all that this user "
		 "can; mount by 9p or virtiofs when the guest is not to be trusted", why);
}

static void on_server_end(void *arg, const struct job_result *r)
{
	struct mount *m = arg;

	m->server = NULL;
	if (r->status == EXIT_UNAVAIL)
		give_up_confining(m->a, r->err);
	/* The other end sees the end of the stream and ends too; then all is told. */
}

static struct job *start_server(struct mount *m, int fd, struct err *e)
{
	struct job_spec spec = { .io_fd = fd, .die_with_us = true, .done = on_server_end, .arg = m };
	char *program = find_server();
	struct strv argv = { 0 };
	struct job *j;
	mode_t old;

	if (!program) {
		err_set(e, EXIT_UNAVAIL, "sftp-server was not found; install it (Debian: package openssh-sftp-server)");
		return NULL;
	}
	/* Any guest can say that it cannot do another type. That must not get it more than it was given. */
	if (m->fallback && !is_confined(m)) {
		err_set(e, EXIT_UNAVAIL, "sftp-server cannot be confined to the folder, so it does not stand in for another type; "
			"set mountType: reverse-sshfs if the guest may reach all that you can");
		free(program);
		return NULL;
	}
	server_argv(m, program, &argv);
	spec.argv = argv.v;
	old = umask(m->a->umask);
	j = job_start(m->a->base, &spec, e);
	if (!j && is_confined(m) && !m->fallback) {
		give_up_confining(m->a, e->msg);
		strv_free(&argv);
		server_argv(m, program, &argv);
		spec.argv = argv.v;
		j = job_start(m->a->base, &spec, e);
	}
	umask(old);
	strv_free(&argv);
	free(program);
	return j;
}

static struct job *start_remote(struct mount *m, const char *script, const char *options, struct job_spec *spec,
				struct err *e)
{
	struct strv argv = { 0 };
	struct buf cmd = { 0 };
	struct job *j;

	remote(&cmd, m, script, options);
	ssh_argv(m->a, true, &argv);
	strv_add(&argv, buf_str(&cmd));
	spec->argv = argv.v;
	spec->arg = m;
	spec->die_with_us = true;
	j = job_start(m->a->base, spec, e);
	buf_free(&cmd);
	strv_free(&argv);
	return j;
}

static int start_all(struct mount *m, struct err *e)
{
	struct job_spec client = { .done = on_client_end }, check = { .done = on_check, .timeout_s = CHECK_JOB_S };
	struct buf options = { 0 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a socket pair");
	cancel(&m->server); /* one of the last attempt that hangs */
	mount_options(m, &options);
	client.io_fd = pair[0];
	m->server = start_server(m, pair[1], e);
	if (m->server)
		m->client = start_remote(m, mount_script, buf_str(&options), &client, e);
	if (m->client)
		m->check = start_remote(m, check_script, NULL, &check, e);
	close(pair[0]);
	close(pair[1]);
	buf_free(&options);
	return m->check ? 0 : -1;
}

void sshfs_start(struct mount *m)
{
	struct err e = { 0 };

	if (m->state == MOUNT_WAITING)
		mount_set(m, MOUNT_STARTING, NULL);
	if (start_all(m, &e) == 0)
		return;
	sshfs_kill(m);
	broke(m, e.msg);
}

static void on_retry(evutil_socket_t unused, short what, void *arg)
{
	struct mount *m = arg;

	(void)unused;
	(void)what;
	if (!sshfs_alive(m))
		sshfs_start(m);
}

void sshfs_stop(struct mount *m)
{
	if (m->timer)
		evtimer_del(m->timer);
	cancel(&m->check);
	if (m->client)
		job_terminate(m->client);
	m->tries = 0;
}

void sshfs_kill(struct mount *m)
{
	cancel(&m->check);
	cancel(&m->client);
	cancel(&m->server);
	if (m->timer)
		event_free(m->timer);
	m->timer = NULL;
}

bool sshfs_alive(const struct mount *m)
{
	return m->client != NULL;
}
