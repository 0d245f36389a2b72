/* shell - a command or a login shell in the guest, by ssh over the connection that the host agent keeps open.
 *
 * ssh gives the remote command to the guest's login shell as one string, so everything is quoted for it here. The
 * process is replaced by ssh: exit status, signals, standard streams and terminal are ssh's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "instance.h"
#include "instance_files.h"
#include "kv.h"
#include "lock.h"

/* Quotes one word for a POSIX shell: as it is when it has only harmless characters, else in single quotes. */
static void add_quoted(struct buf *out, const char *word)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	if (*word && word[strspn(word, harmless)] == '\0') {
		buf_adds(out, word);
		return;
	}
	buf_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_adds(out, "'\"'\"'");
		else
			buf_addc(out, *word);
	}
	buf_addc(out, '\'');
}

static bool inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n && dir[n - 1] == '/')
		n--;
	return !strncmp(path, dir, n) && (path[n] == '/' || path[n] == '\0');
}

/* The guest's name of the host's current directory when a mount shows it there; NULL otherwise. The caller frees it. */
static char *guest_cwd(const struct kv *conf)
{
	char *cwd = getcwd(NULL, 0), *found = NULL;
	uint64_t n = kv_num(conf, 0, "mounts");

	for (unsigned i = 0; cwd && !found && i < n; i++) {
		const char *location = kv_get(conf, "", "mounts.%u.location", i);
		char *real = realpath(location, NULL);
		const char *dir = real ? real : location;

		if (inside(cwd, dir))
			found = xasprintf("%s%s", kv_get(conf, location, "mounts.%u.mountPoint", i),
					  cwd + (strcmp(dir, "/") ? strlen(dir) : 0));
		free(real);
	}
	free(cwd);
	return found;
}

/* "cd DIR; exec SHELL -l [-c COMMAND]" */
static char *remote_script(const struct kv *conf, const struct request *rq)
{
	const char *workdir = getenv("LIMA_WORKDIR"), *shell = getenv("LIMA_SHELL");
	struct buf script = { 0 }, command = { 0 };
	char *cwd = workdir && *workdir ? xstrdup(workdir) : guest_cwd(conf);

	if (cwd) {
		buf_adds(&script, "cd ");
		add_quoted(&script, cwd);
		buf_adds(&script, workdir && *workdir ? " || exit 1; " : " 2>/dev/null; ");
	}
	buf_adds(&script, "exec ");
	add_quoted(&script, shell && *shell ? shell : kv_get(conf, "/bin/bash", "shell"));
	buf_adds(&script, " -l");
	if (rq->command && *rq->command)
		buf_adds(&command, rq->command);
	for (char *const *arg = rq->args; arg && *arg; arg++) {
		if (command.len)
			buf_addc(&command, ' ');
		add_quoted(&command, *arg);
	}
	if (command.len) {
		buf_adds(&script, " -c ");
		add_quoted(&script, buf_str(&command));
	}
	buf_free(&command);
	free(cwd);
	return buf_detach(&script);
}

static int must_run(const struct instance *in, struct err *e)
{
	char *ha_pid = instance_path(in, F_HA_PID);
	bool runs = lock_held(ha_pid, NULL);

	free(ha_pid);
	if (runs)
		return 0;
	return err_set(e, EXIT_NO, "the instance '%s' is not running; 'make INSTANCE=%s start' starts it", in->name, in->name);
}

static int exec_ssh(const struct instance *in, const struct request *rq, struct err *e)
{
	char *agent = instance_path(in, F_AGENT_CONF), *config = instance_path(in, F_SSH_CONFIG);
	struct strv argv = { 0 };
	struct kv conf = { 0 };
	char *script;

	if (kv_load(agent, &conf, e) == 0) {
		script = remote_script(&conf, rq);
		strv_add(&argv, "ssh");
		strv_add(&argv, "-F");
		strv_add(&argv, config);
		if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
			strv_add(&argv, "-t");
		strv_add(&argv, "-oLogLevel=ERROR");
		if (getenv("COLORTERM"))
			strv_add(&argv, "-oSendEnv=COLORTERM");
		strv_add(&argv, in->hostname);
		strv_add(&argv, "--");
		strv_add(&argv, script);
		execvp(argv.v[0], argv.v);
		err_sys(e, EXIT_UNAVAIL, "cannot run ssh (package openssh-client)");
		strv_free(&argv);
		free(script);
		kv_free(&conf);
	}
	free(agent);
	free(config);
	return -1;
}

int verb_shell(const struct request *rq, struct err *e)
{
	struct instance in;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0)
		r = must_run(&in, e);
	if (r == 0)
		r = exec_ssh(&in, rq, e);
	instance_close(&in);
	return r;
}
