/* limactl debug dns: the resolver of the host agent alone, on sockets of this machine, for tests of names. */
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "dirs.h"
#include "file.h"
#include "num.h"

#define PORT_MAX 65535

static const struct flag_spec dns_flags[] = {
	{ .name = "ipv6", .letter = '6', .help = "answer with IPv6 addresses too" },
	{ 0 },
};
static const struct flag_spec *const dns_tables[] = { dns_flags, NULL };

static int port_of(const char *text, const char *what, uint64_t *port, struct err *e)
{
	return num_parse(text, 0, PORT_MAX, what, port, e);
}

static int run_dns(struct ctl *c, struct err *e)
{
	uint64_t udp, tcp;
	char *bin, *program, *ports;

	if (port_of(c->args.v[0], "UDPPORT", &udp, e) < 0 || (c->args.n > 1 && port_of(c->args.v[1], "TCPPORT", &tcp, e) < 0))
		return -1;
	bin = dirs_bin(e);
	if (!bin)
		return -1;
	program = path_join(bin, "lima-hostagent");
	ports = c->args.n > 1 ? xasprintf("%s:%s", c->args.v[0], c->args.v[1]) : xstrdup(c->args.v[0]);
	execv(program, (char *[]){ program, "--dns", ports, flag_bool(c->flags, "ipv6") ? "--ipv6" : NULL, NULL });
	err_sys(e, EXIT_UNAVAIL, "cannot run %s", program);
	free(ports);
	free(program);
	free(bin);
	return -1;
}

static const struct command cmd_dns = {
	.name = "dns",
	.group = GROUP_NONE,
	.use = "UDPPORT [TCPPORT]",
	.summary = "Answer DNS queries on 127.0.0.1 as the host agent does for a guest, until it is killed",
	.min_args = 1,
	.max_args = 2,
	.flags = dns_tables,
	.run = run_dns,
};

static const struct command *const sub[] = { &cmd_dns, NULL };

const struct command cmd_debug = {
	.name = "debug",
	.group = GROUP_NONE,
	.summary = "Parts of the tools, alone, for tests",
	.sub = sub,
	.hidden = true,
};
