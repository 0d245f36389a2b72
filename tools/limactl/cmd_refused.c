/* A command that people may try and that cannot exist here: it says why. */
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
