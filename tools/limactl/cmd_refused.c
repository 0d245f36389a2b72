/* Commands that people may try and that cannot exist here: they say why. */
#include "command.h"

static const struct flag_spec sudoers_flags[] = {
	{ .name = "check", .help = "check that the file is up to date" },
	{ 0 },
};
static const struct flag_spec *const sudoers_tables[] = { sudoers_flags, NULL };

static int run_sudoers(struct ctl *c, struct err *e)
{
	(void)c;
	return err_set(e, EXIT_NO, "sudoers command is only supported on macOS right now");
}

const struct command cmd_sudoers = {
	.name = "sudoers",
	.group = GROUP_ADVANCED,
	.use = "[SUDOERSFILE]",
	.summary = "Print the sudo rules for networks (macOS only)",
	.text = "On Linux no network here needs more rights than the user has.",
	.max_args = 1,
	.flags = sudoers_tables,
	.complete = COMPLETE_FILE,
	.run = run_sudoers,
};

static const struct flag_spec usernet_flags[] = {
	{ .name = "pidfile", .letter = 'p', .type = FLAG_STRING, .help = "where to write the pid" },
	{ .name = "endpoint", .letter = 'e', .type = FLAG_STRING, .help = "socket of the API" },
	{ .name = "listen-qemu", .type = FLAG_STRING, .help = "socket for QEMU" },
	{ .name = "listen", .type = FLAG_STRING, .help = "socket for others" },
	{ .name = "subnet", .type = FLAG_STRING, .value = "192.168.5.0/24", .help = "addresses of the network" },
	{ .name = "mtu", .type = FLAG_INT, .value = "1500", .help = "largest packet" },
	{ .name = "leases", .type = FLAG_STRING, .help = "fixed addresses: IP=MAC,..." },
	{ 0 },
};
static const struct flag_spec *const usernet_tables[] = { usernet_flags, NULL };

static int run_usernet(struct ctl *c, struct err *e)
{
	(void)c;
	return err_set(e, EXIT_UNAVAIL, "usernet is not supported: user-v2 networks, which it is the daemon of, do not exist here; "
					"QEMU's own network is used");
}

const struct command cmd_usernet = {
	.name = "usernet",
	.group = GROUP_NONE,
	.summary = "The daemon of user-v2 networks (not supported)",
	.max_args = 0,
	.flags = usernet_tables,
	.hidden = true,
	.bare_count = true,
	.run = run_usernet,
};
