/* tunnel - a SOCKS proxy into the guest's network, by ssh. Source: spec/cli.md section 8.21. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "instance/remote.h"
#include "shell.h"
#include "spawn.h"

#define PORT_MIN 1024
#define PORT_MAX 65535

/* A port that is free now. */
static int free_port(int *port, struct err *e)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		r = err_sys(e, EXIT_UNAVAIL, "cannot find a free port");
	if (fd >= 0)
		close(fd);
	*port = ntohs(sa.sin_port);
	return r;
}

static int choose_port(const struct flags *f, int *port, struct err *e)
{
	int64_t wanted = flag_int(f, "socks-port");

	if (wanted == 0)
		return free_port(port, e);
	if (wanted < PORT_MIN || wanted > PORT_MAX)
		return err_set(e, EXIT_NO, "invalid socks port %lld", (long long)wanted);
	*port = (int)wanted;
	return 0;
}

/* A connection of its own, so that the tunnel ends with this ssh and not with the shared one. */
static int run_ssh(const struct instance *in, int port, struct err *e)
{
	static const char *const options[] = { "-q", "-f", "-N", "-S", "none", "-o", "ExitOnForwardFailure=yes", "-D" };
	struct strv ssh = { 0 }, argv = { 0 };
	struct spawn s = { .in = SPAWN_NULL, .out = SPAWN_NULL, .err = SPAWN_INHERIT };
	pid_t pid;
	int r = shell_ssh(&ssh, e), status;

	if (r == 0) {
		ssh_words(in, ssh.n ? &ssh : NULL, &argv);
		for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
			strv_add(&argv, options[i]);
		strv_addf(&argv, "127.0.0.1:%d", port);
		strv_add(&argv, in->hostname);
		s.argv = argv.v;
		r = spawn_start(&s, &pid, e);
	}
	if (r == 0) {
		status = spawn_wait(pid);
		if (status != 0)
			r = err_set(e, EXIT_UNAVAIL, "ssh could not open the tunnel (exit status %d)", status);
	}
	strv_free(&ssh);
	strv_free(&argv);
	return r;
}

static int open_tunnel(const struct ctl *c, const struct instance *in, struct err *e)
{
	int port = 0;

	if (shell_must_run(in, e) < 0 || choose_port(c->flags, &port, e) < 0 || run_ssh(in, port, e) < 0)
		return -1;
	printf("Set `ALL_PROXY=socks5h://127.0.0.1:%d`, etc.\n"
	       "The instance can be connected from the host as <http://%s.internal> via a web browser.\n",
	       port, in->hostname);
	return 0;
}

static int run(struct ctl *c, struct err *e)
{
	const char *type = flag_string(c->flags, "type");
	struct instance in;
	int r;

	if (strcmp(type, "socks") != 0)
		return err_set(e, EXIT_NO, "unknown tunnel type: %s", q(type));
	if (shell_must_exist(c->args.v[0], &in, e) < 0)
		return -1;
	r = open_tunnel(c, &in, e);
	instance_close(&in);
	return r;
}

static const struct flag_spec flags[] = {
	{ .name = "type", .type = FLAG_STRING, .value = "socks", .words = "socks", .complete = COMPLETE_WORDS,
	  .help = "what the tunnel speaks" },
	{ .name = "socks-port", .type = FLAG_INT, .arg = "PORT", .help = "port on the host; 0: a free one" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

const struct command cmd_tunnel = {
	.name = "tunnel",
	.group = GROUP_ADVANCED,
	.use = "[flags] INSTANCE",
	.summary = "Open a SOCKS proxy into the network of an instance (experimental)",
	.text = "Programs that use it see the network as the instance does, lima-INSTANCE.internal included. It ends with the\n"
		"instance.",
	.min_args = 1,
	.max_args = 1,
	.flags = tables,
	.complete = COMPLETE_INSTANCE,
	.stop_at_first = true,
	.own_log = true,
	.run = run,
};
