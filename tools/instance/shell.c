/* shell - a command or a login shell in the guest, by ssh over the connection that the host agent keeps open.
 *
 * The process is replaced by ssh: exit status, signals, standard streams and terminal are ssh's.
 */
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "instance.h"
#include "instance_files.h"
#include "kv.h"
#include "lock.h"
#include "remote.h"

/* $LIMA_WORKDIR, which must be there, or where a mount shows the current directory. */
static char *go_there(const struct kv *conf)
{
	const char *workdir = getenv("LIMA_WORKDIR");
	bool wanted = workdir && *workdir;
	char *here = wanted ? NULL : getcwd(NULL, 0), *dir = wanted ? xstrdup(workdir) : here ? guest_path(conf, here) : NULL;
	struct buf cd = { 0 };

	if (dir) {
		buf_adds(&cd, "cd ");
		quote_word(&cd, dir);
		buf_adds(&cd, wanted ? " || exit 1" : " 2>/dev/null");
	}
	free(dir);
	free(here);
	return buf_detach(&cd);
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
	struct remote rm = { .shell = getenv("LIMA_SHELL"), .command = rq->command, .args = rq->args };
	char *agent = instance_path(in, F_AGENT_CONF), *cd, *script;
	struct strv argv = { 0 };
	struct kv conf = { 0 };

	if (kv_load(agent, &conf, e) == 0) {
		rm.cd = cd = go_there(&conf);
		script = remote_script(&rm, &conf);
		ssh_words(in, NULL, &argv);
		ssh_session_words(in, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO), script, &argv);
		exec_words(&argv, e);
		strv_free(&argv);
		free(script);
		free(cd);
		kv_free(&conf);
	}
	free(agent);
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
