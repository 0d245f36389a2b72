/* tasks - see tasks.h.
 *
 * A copied file goes where the user said, and nowhere else: in a folder that the guest can write to (a writable
 * mount), it could have put a symbolic link in the way. So below such a folder no link is followed.
 */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beneath.h"
#include "file.h"
#include "hostagent/agent.h"
#include "hostagent/job.h"
#include "hostagent/mounts/sshfs.h"
#include "hostagent/ssh.h"

#define COPY_MAX (64u << 20)
#define JOB_S 120

static const char agent_link[] = "[ -S \"$SSH_AUTH_SOCK\" ] || exit 0; d=/run/host-services; sudo -n mkdir -p $d && "
				 "sudo -n ln -sfn \"$SSH_AUTH_SOCK\" $d/ssh-auth.sock && sudo -n chmod 755 $d";

static void run_next(struct agent *a);

static size_t copies(const struct agent *a)
{
	return (size_t)kv_num(&a->conf, 0, "copyToHost");
}

static const char *rule(const struct agent *a, size_t i, const char *key)
{
	return kv_get(&a->conf, "", "copyToHost.%zu.%s", i, key);
}

/* --- writing a file where a guest may play tricks --- */

/* The part of `path` below a folder that the guest can write to, NULL when it is in none. *root is the folder: the outermost,
 * because what is in one that the guest can write to may be a link by now. */
static const char *below_mount(const struct agent *a, const char *path, const char **root)
{
	size_t n = a->plain ? 0 : (size_t)kv_num(&a->conf, 0, "mounts");
	const char *rest = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *dir = kv_get(&a->conf, "", "mounts.%zu.location", i);
		size_t len = strlen(dir);

		while (len > 1 && dir[len - 1] == '/')
			len--;
		if (!kv_bool(&a->conf, "mounts.%zu.writable", i) || strncmp(path, dir, len) != 0)
			continue;
		if (len > 1 && path[len] != '/')
			continue;
		if (rest && strlen(*root) <= len)
			continue;
		*root = dir;
		rest = path + len + strspn(path + len, "/");
	}
	return rest;
}

static int write_copy(struct agent *a, const char *path, const void *data, size_t n, struct err *e)
{
	const char *root, *rest = below_mount(a, path, &root), *slash = strrchr(path, '/');
	char *dir;
	int r;

	if (rest)
		return beneath_write(root, rest, data, n, e);
	dir = xstrndup(path, slash && slash > path ? (size_t)(slash - path) : 1);
	r = path[0] != '/' ? err_set(e, EXIT_BADDATA, "%s is not an absolute path", path) : dir_make(dir, 0700, e);
	free(dir);
	return r < 0 ? -1 : file_write(path, data, n, 0600, e);
}

/* --- the errands: 0 is the link of the ssh-agent, then the copies --- */

static void failed(struct agent *a, const char *why)
{
	size_t i = a->tasks.next - 1;
	char *text = a->tasks.next == 0 ?
			     xasprintf("forwarding the ssh-agent failed: %s", why) :
			     xasprintf("copying %s to %s failed: %s", rule(a, i, "guest"), rule(a, i, "host"), why);

	boot_error(a, text);
	free(text);
}

static void copied(struct agent *a, const struct job_result *r)
{
	const char *host = rule(a, a->tasks.next - 1, "host");
	struct err e = { 0 };

	if (r->out_len >= COPY_MAX)
		failed(a, "the file is too large");
	else if (write_copy(a, host, r->out, r->out_len, &e) < 0)
		failed(a, e.msg);
	else
		log_info("copied %s from the guest", host);
}

static void on_done(void *arg, const struct job_result *r)
{
	struct agent *a = arg;
	struct tasks *t = &a->tasks;

	t->job = NULL;
	if (t->next > 0 && r->status != 0 && !t->by_sudo && strstr(r->err, "Permission denied")) {
		t->by_sudo = true;
		run_next(a);
		return;
	}
	if (r->status != 0)
		failed(a, r->timed_out ? "it took too long" : *r->err ? r->err : "no reason given");
	else if (t->next > 0)
		copied(a, r);
	t->by_sudo = false;
	t->next++;
	run_next(a);
}

static void command(const struct agent *a, struct buf *cmd)
{
	const char *how = a->tasks.by_sudo ? "sudo -n cat -- " : "env LC_ALL=C cat -- ";

	buf_adds(cmd, a->tasks.next == 0 ? "exec /bin/sh -c " : how);
	shell_quote(cmd, a->tasks.next == 0 ? agent_link : rule(a, a->tasks.next - 1, "guest"));
}

static void run_next(struct agent *a)
{
	struct tasks *t = &a->tasks;
	struct job_spec spec = { .out_max = COPY_MAX, .timeout_s = JOB_S, .done = on_done, .arg = a };
	struct strv argv = { 0 };
	struct buf cmd = { 0 };
	struct err e = { 0 };

	if (t->next == 0 && !kv_bool(&a->conf, "ssh.forwardAgent"))
		t->next++;
	if (tasks_done(a)) {
		boot_advance(a);
		return;
	}
	command(a, &cmd);
	ssh_argv(a, true, &argv);
	strv_add(&argv, buf_str(&cmd));
	spec.argv = argv.v;
	t->job = job_start(a->base, &spec, &e);
	strv_free(&argv);
	buf_free(&cmd);
	if (!t->job) {
		failed(a, e.msg);
		t->next++;
		run_next(a);
	}
}

void tasks_start(struct agent *a)
{
	tasks_stop(a);
	a->tasks.started = true;
	run_next(a);
}

bool tasks_done(const struct agent *a)
{
	return !a->tasks.started || a->tasks.next > copies(a);
}

void tasks_stop(struct agent *a)
{
	job_cancel(a->tasks.job);
	a->tasks = (struct tasks){ 0 };
}

void tasks_clean(struct agent *a)
{
	for (size_t i = 0; i < copies(a); i++) {
		const char *root, *path = rule(a, i, "host"), *rest = below_mount(a, path, &root);
		struct err e = { 0 };

		if (!kv_bool(&a->conf, "copyToHost.%zu.deleteOnStop", i))
			continue;
		if (!rest)
			unlink(path);
		else if (beneath_unlink(root, rest, &e) < 0)
			log_warn("%s", e.msg);
	}
}
