/* shell - a command or a login shell in the guest. The process becomes ssh, over the connection that the host agent keeps, so exit
 * status, signals, standard streams and terminal are ssh's. Source: spec/cli.md section 8.5. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "instance/remote.h"
#include "instance_files.h"
#include "life.h"
#include "lock.h"
#include "shell.h"
#include "shellenv.h"
#include "spawn.h"
#include "unixsock.h"
#include "words.h"

extern char **environ;

static const struct flag_spec flags[] = {
	{ .name = "instance", .type = FLAG_STRING, .help = "the instance; then all arguments are the command", .hidden = true,
	  .complete = COMPLETE_INSTANCE },
	{ .name = "preserve-env", .help = "hand environment variables on, filtered by LIMA_SHELLENV_BLOCK and LIMA_SHELLENV_ALLOW" },
	{ .name = "reconnect", .help = "close the shared ssh connection first, so that a new login is made" },
	{ .name = "shell", .type = FLAG_STRING, .help = "the shell in the guest", .words = "/bin/bash /bin/sh /bin/zsh",
	  .complete = COMPLETE_WORDS },
	{ .name = "start", .help = "start the instance first when it is stopped" },
	{ .name = "sync", .type = FLAG_STRING, .arg = "DIR", .help = "copy this directory of the host in, and back when the command succeeded",
	  .complete = COMPLETE_FILE },
	{ .name = "workdir", .type = FLAG_STRING, .arg = "DIR", .help = "the working directory in the guest" },
	{ 0 },
};

/* --- which instance, which command --- */

static const char *target(const struct ctl *c, char *const **command)
{
	*command = c->args.v;
	if (flag_given(c->flags, "instance"))
		return flag_string(c->flags, "instance");
	if (c->args.n == 0)
		return NULL;
	*command = c->args.v + 1;
	if (**command && !strcmp(**command, "--"))
		++*command;
	return c->args.v[0];
}

static void warn_mixed_up(const char *name, const char *word)
{
	static const char *const verbs[] = { "create", "start", "delete", "shell" };

	for (size_t i = 0; word && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(word, verbs[i]))
			log_warn("perhaps you meant `limactl %s`? `%s` is run as a command in %s", word, word, q(name));
}

int shell_must_exist(const char *name, struct instance *in, struct err *e)
{
	if (instance_open(name, in, e) < 0)
		return -1;
	if (instance_exists(in))
		return 0;
	err_set(e, EXIT_NO, "instance %s does not exist, run `limactl create %s` to create a new instance", q(name), name);
	instance_close(in);
	return -1;
}

int shell_must_run(const struct instance *in, struct err *e)
{
	if (!shell_stopped(in))
		return 0;
	return err_set(e, EXIT_NO, "instance %s is stopped, run `limactl start %s` to start the instance", q(in->name), in->name);
}

bool shell_stopped(const struct instance *in)
{
	char *ha_pid = instance_path(in, F_HA_PID);
	bool alive = lock_held(ha_pid, NULL);

	free(ha_pid);
	return !alive && life_state(in) == ST_STOPPED;
}

/* Starts it when that is wanted, by --start or by an answer. */
static int make_it_run(const struct ctl *c, struct instance *in, struct err *e)
{
	const struct start_options o = { .quiet_ready = true };
	bool start = flag_bool(c->flags, "start");

	if (!shell_stopped(in))
		return 0;
	if (!flag_given(c->flags, "start") && can_ask(c))
		start = ask_yes("Do you want to start the instance now?", true);
	return start ? life_start(in, &o, e) : shell_must_run(in, e);
}

/* --- the shared connection --- */

/* A socket nobody answers on is in the way of a new connection. */
static int remove_stale(const char *path, struct err *e)
{
	struct err none = { 0 };
	int fd = unixsock_connect(path, 0, &none);

	if (fd >= 0 || errno == EAGAIN) {
		if (fd >= 0)
			close(fd);
		return err_set(e, EXIT_NO, "the ssh connection on %s could not be closed", q(path));
	}
	log_warn("removing %s, on which no ssh answers", q(path));
	unlink(path);
	return 0;
}

static int reconnect(const struct instance *in, const struct strv *ssh, struct err *e)
{
	char *path = instance_path(in, F_SSH_SOCK);
	struct buf out = { 0 }, said = { 0 };
	struct strv argv = { 0 };
	int status = 0, r = 0;

	if (path_exists(path)) {
		log_info("Exiting ssh session for the instance %s", q(in->name));
		ssh_words(in, ssh, &argv);
		strv_add(&argv, "-Oexit");
		strv_add(&argv, in->hostname);
		r = spawn_run(argv.v, &out, &said, &status, e);
		if (r == 0 && status != 0)
			r = remove_stale(path, e);
	}
	strv_free(&argv);
	buf_free(&out);
	buf_free(&said);
	free(path);
	return r;
}

int shell_ssh(struct strv *ssh, struct err *e)
{
	const char *given = getenv("SSH");

	return given && *given ? words_split(given, "SSH", ssh, e) : 0;
}

/* --- where the command runs --- */

static void add_cd(struct buf *out, const char *dir)
{
	buf_adds(out, out->len ? " || cd " : "cd ");
	quote_word(out, dir);
}

/* The host's current directory when a mount shows it, or its home. */
static char *go_there(const struct ctl *c, const struct kv *conf, const char *sync_dir)
{
	const char *workdir = flag_string(c->flags, "workdir"), *user_home = getenv("HOME");
	char *cwd = getcwd(NULL, 0), *here = cwd ? guest_path(conf, cwd) : NULL;
	char *real = user_home ? realpath(user_home, NULL) : NULL, *home = real ? guest_path(conf, real) : NULL;
	struct buf cd = { 0 };

	if (!cwd)
		log_warn("the current directory cannot be told");
	if (*workdir) {
		add_cd(&cd, workdir);
		buf_adds(&cd, " || exit 1");
	} else if (here) {
		add_cd(&cd, here);
		if (home || user_home)
			add_cd(&cd, home ? home : user_home);
	} else if (sync_dir) {
		add_cd(&cd, sync_dir);
	} else if (home) {
		add_cd(&cd, home);
	} else {
		buf_adds(&cd, "false");
	}
	free(home);
	free(real);
	free(here);
	free(cwd);
	return buf_detach(&cd);
}

/* --- running it --- */

static int session(const struct ctl *c, const struct instance *in, char *const *command, const struct strv *ssh,
		   const struct kv *conf, struct err *e)
{
	struct remote rm = { .shell = flag_string(c->flags, "shell"), .args = command, .assignments = true };
	struct strv argv = { 0 }, env = { 0 };
	struct sync sync = { 0 };
	char *cd = NULL, *script = NULL;
	int r = 0;

	if (flag_bool(c->flags, "preserve-env"))
		r = shellenv_filter(environ, getenv("LIMA_SHELLENV_BLOCK"), getenv("LIMA_SHELLENV_ALLOW"), &env, e);
	if (r == 0 && flag_given(c->flags, "sync"))
		r = sync_begin(c, in, ssh, conf, &sync, e);
	if (r == 0) {
		rm.env = &env;
		rm.cd = cd = go_there(c, conf, sync.guest_dir);
		script = remote_script(&rm, conf);
		ssh_words(in, ssh, &argv);
		ssh_session_words(in, isatty(STDOUT_FILENO) == 1, script, &argv);
		r = sync.guest_dir ? sync_run(c, &sync, &argv, e) : exec_words(&argv, e);
	}
	sync_free(&sync);
	free(script);
	free(cd);
	strv_free(&env);
	strv_free(&argv);
	return r;
}

static int run(struct ctl *c, struct err *e)
{
	char *const *command, *agent;
	const char *name = target(c, &command);
	struct strv ssh = { 0 };
	struct kv conf = { 0 };
	struct instance in;
	int r;

	if (!name)
		return err_set(e, EXIT_NO, "requires instance name as first argument");
	warn_mixed_up(name, *command);
	if (shell_must_exist(name, &in, e) < 0)
		return -1;
	agent = instance_path(&in, F_AGENT_CONF);
	r = make_it_run(c, &in, e);
	if (r == 0)
		r = shell_ssh(&ssh, e);
	if (r == 0 && flag_bool(c->flags, "reconnect"))
		r = reconnect(&in, &ssh, e);
	if (r == 0)
		r = kv_load(agent, &conf, e);
	if (r == 0)
		r = session(c, &in, command, &ssh, &conf, e);
	kv_free(&conf);
	strv_free(&ssh);
	free(agent);
	instance_close(&in);
	return r;
}

const struct command cmd_shell = {
	.name = "shell",
	.group = GROUP_BASIC,
	.use = "[flags] INST [COMMAND...]",
	.summary = "Run a command or a login shell in an instance",
	.text = "Without a command a login shell is opened. Flags come before the instance; what follows it is the command, word for\n"
		"word. Leading words with a \"=\" set variables. The command starts in the host's current directory when the\n"
		"instance mounts it, and its exit status is that of limactl.\n"
		"\n"
		"The wrapper `lima` is `limactl shell --instance $LIMA_INSTANCE`, with $LIMA_SHELL and $LIMA_WORKDIR.\n"
		"\n"
		"Example:\n"
		"  limactl shell default uname -a\n"
		"  limactl shell default FOO=bar sh -c 'echo $FOO'\n",
	.min_args = 0,
	.max_args = ARGS_ANY,
	.flags = (const struct flag_spec *const[]){ flags, NULL },
	.complete = COMPLETE_INSTANCE,
	.suggest = "ssh",
	.stop_at_first = true,
	.run = run,
};
