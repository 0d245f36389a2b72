/* limactl guest-install: puts the guest agent, and the container engine when the instance has one, into a running guest,
 * as booting does. Of use after an upgrade here, without a restart there. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "dirs.h"
#include "file.h"
#include "instance/instance.h"
#include "instance_files.h"
#include "kv.h"
#include "lock.h"
#include "spawn.h"

#define NERDCTL ".make/cidata/nerdctl-full.tgz"

/* A text in single quotes for the guest's shell. */
static void quote_sh(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++)
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	buf_addc(out, '\'');
}

/* Runs a command in the guest with the file as its input. */
static int send(const struct instance *in, const char *file, const char *command, struct err *e)
{
	char *config = instance_path(in, F_SSH_CONFIG);
	char *argv[] = { "ssh", "-F", config, "-oLogLevel=ERROR", in->hostname, "--", (char *)command, NULL };
	struct spawn s = { .argv = argv, .in = open(file, O_RDONLY | O_CLOEXEC), .out = SPAWN_INHERIT, .err = SPAWN_INHERIT };
	pid_t pid;
	int r, status;

	if (s.in < 0) {
		r = err_sys(e, EXIT_UNAVAIL, "cannot open %s", file);
		free(config);
		return r;
	}
	r = spawn_start(&s, &pid, e);
	close(s.in);
	if (r == 0 && (status = spawn_wait(pid)) != 0)
		r = err_set(e, EXIT_NO, "putting %s into the guest failed with status %d", q(file), status);
	free(config);
	return r;
}

static int install_agent(const struct instance *in, const char *prefix, const char *arch, struct err *e)
{
	char *share = dirs_share(e), *agent;
	struct buf command = { 0 };
	int r;

	if (!share)
		return -1;
	agent = xasprintf("%s/lima-guestagent.Linux-%s", share, arch);
	if (path_exists(agent)) {
		log_info("Copying %s to %s", q(agent), prefix);
		buf_adds(&command, "p=");
		quote_sh(&command, prefix);
		/* A running program cannot be written to: the new one takes its place. */
		buf_adds(&command, "; sudo mkdir -p \"$p/bin\" && sudo tee \"$p/bin/.lima-guestagent.new\" >/dev/null && "
				   "sudo chmod 755 \"$p/bin/.lima-guestagent.new\" && "
				   "sudo mv -f \"$p/bin/.lima-guestagent.new\" \"$p/bin/lima-guestagent\"");
		r = send(in, agent, buf_str(&command), e);
	} else {
		r = err_set(e, EXIT_UNAVAIL, "there is no guest agent for %s: %s", arch, agent);
	}
	buf_free(&command);
	free(agent);
	free(share);
	return r;
}

static int install_nerdctl(const struct instance *in, const char *prefix, struct err *e)
{
	char *archive = instance_path(in, NERDCTL);
	struct buf command = { 0 };
	int r;

	log_info("Copying %s to %s", q(archive), prefix);
	buf_adds(&command, "sudo mkdir -p ");
	quote_sh(&command, prefix);
	buf_adds(&command, " && sudo tar -xz -f - -C ");
	quote_sh(&command, prefix);
	r = send(in, archive, buf_str(&command), e);
	buf_free(&command);
	free(archive);
	return r;
}

static int install(const struct instance *in, struct err *e)
{
	char *ha = instance_path(in, F_HA_PID), *path = instance_path(in, F_AGENT_CONF);
	struct kv conf = { 0 };
	const char *prefix;
	int r = 0;

	if (!lock_held(ha, NULL))
		r = err_set(e, EXIT_NO, "instance %s is not running", q(in->name));
	else if (kv_load(path, &conf, e) < 0)
		r = -1;
	prefix = kv_get(&conf, "/usr/local", "guestInstallPrefix");
	if (r == 0)
		r = install_agent(in, prefix, kv_get(&conf, "", "arch"), e);
	if (r == 0 && (kv_bool(&conf, "containerd.system") || kv_bool(&conf, "containerd.user")))
		r = install_nerdctl(in, prefix, e);
	kv_free(&conf);
	free(path);
	free(ha);
	return r;
}

static int run(struct ctl *c, struct err *e)
{
	struct instance in;
	int r;

	if (instance_open(c->args.n ? c->args.v[0] : "default", &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0)
		r = install(&in, e);
	instance_close(&in);
	return r;
}

const struct command cmd_guest_install = {
	.name = "guest-install",
	.group = GROUP_NONE,
	.use = "[INSTANCE]",
	.summary = "Put the guest agent and the container engine into a running guest",
	.max_args = 1,
	.complete = COMPLETE_INSTANCE,
	.hidden = true,
	.run = run,
};
