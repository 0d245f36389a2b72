/* limactl hostagent: lima-hostagent under the name and the options that Lima's start uses for it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "dirs.h"
#include "file.h"
#include "instance/instance.h"
#include "instance_files.h"
#include "lock.h"

static const struct flag_spec flags[] = {
	{ .name = "pidfile", .letter = 'p', .type = FLAG_STRING, .help = "the file ha.pid of the instance" },
	{ .name = "socket", .type = FLAG_STRING, .help = "the file ha.sock of the instance" },
	{ .name = "run-gui", .help = "accepted and ignored: QEMU has its own window" },
	{ .name = "guestagent", .type = FLAG_STRING, .help = "accepted and ignored: the agent is on the volume" },
	{ .name = "nerdctl-archive", .type = FLAG_STRING, .help = "accepted and ignored: the archive is on the volume" },
	{ .name = "progress", .help = "accepted and ignored: boot.log lines are always told" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

/* The agent's files have fixed places: whoever asks for others would not find them. */
static int check_place(const struct instance *in, const char *flag, const char *given, const char *file, struct err *e)
{
	char *own = instance_path(in, file), *real = *given ? realpath(given, NULL) : NULL, *real_own = realpath(own, NULL);
	bool same = !*given || !strcmp(given, own) || (real && real_own && !strcmp(real, real_own));
	int r = same ? 0 : err_set(e, EXIT_NO, "--%s %s: the host agent of this instance has %s", flag, q(given), q(own));

	free(real_own);
	free(real);
	free(own);
	return r;
}

static int check_holder(const struct instance *in, struct err *e)
{
	char *path = instance_path(in, F_HA_PID);
	pid_t pid = 0;
	int r = 0;

	if (lock_held(path, &pid))
		r = err_set(e, EXIT_NO, "another hostagent may already be running with pid %d (pidfile %s)", (int)pid, q(path));
	free(path);
	return r;
}

static int become(const struct ctl *c, const struct instance *in, struct err *e)
{
	char *bin = dirs_bin(e), *program = bin ? path_join(bin, "lima-hostagent") : NULL;
	char *argv[] = { program, in->dir, NULL, NULL };

	if (program && c->debug) {
		argv[1] = "--debug";
		argv[2] = in->dir;
	}
	if (program) {
		execv(program, argv);
		err_sys(e, EXIT_UNAVAIL, "cannot run %s", program);
	}
	free(program);
	free(bin);
	return -1;
}

static int run(struct ctl *c, struct err *e)
{
	const char *socket = flag_string(c->flags, "socket");
	struct instance in;
	int r;

	if (!*socket)
		return err_set(e, EXIT_NO, "socket must be specified (limactl version mismatch?)");
	if (instance_open(c->args.v[0], &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0)
		r = check_place(&in, "socket", socket, F_HA_SOCK, e);
	if (r == 0)
		r = check_place(&in, "pidfile", flag_string(c->flags, "pidfile"), F_HA_PID, e);
	if (r == 0)
		r = check_holder(&in, e);
	if (r == 0)
		r = become(c, &in, e);
	instance_close(&in);
	return r;
}

const struct command cmd_hostagent = {
	.name = "hostagent",
	.group = GROUP_NONE,
	.use = "INSTANCE",
	.summary = "Run the host agent of an instance in the foreground",
	.min_args = 1,
	.max_args = 1,
	.flags = tables,
	.complete = COMPLETE_INSTANCE,
	.hidden = true,
	.run = run,
};
