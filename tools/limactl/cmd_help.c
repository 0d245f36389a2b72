/* limactl help, and the topics that it has beside the commands. */
#include <stdlib.h>
#include <string.h>

#include "command.h"

static int unknown_topic(const struct ctl *c)
{
	fputs("Unknown help topic [", stderr);
	for (size_t i = 0; i < c->args.n; i++)
		fprintf(stderr, "%s%s", i ? " " : "", q(c->args.v[i]));
	fputs("]\n", stderr);
	help_print(stderr, NULL, "limactl");
	return 0;
}

/* Words behind the command's name do not matter, as in `limactl help shell default`. */
static int run_help(struct ctl *c, struct err *e)
{
	const struct command *const *table = command_table;
	const struct command *cmd = NULL, *next;
	struct buf path = { 0 };

	(void)e;
	buf_adds(&path, "limactl");
	for (size_t i = 0; table && i < c->args.n && (next = command_find(table, c->args.v[i])); i++) {
		cmd = next;
		buf_addf(&path, " %s", cmd->name);
		table = cmd->sub;
	}
	if (!cmd && c->args.n) {
		buf_free(&path);
		return unknown_topic(c);
	}
	help_print(stdout, cmd, buf_str(&path));
	buf_free(&path);
	return 0;
}

const struct command cmd_help = {
	.name = "help",
	.group = GROUP_NONE,
	.use = "[command]",
	.summary = "Help about any command",
	.max_args = ARGS_ANY,
	.complete = COMPLETE_COMMAND,
	.run = run_help,
};

const struct command cmd_yq_restrictions = {
	.name = "yq-restrictions",
	.group = GROUP_NONE,
	.summary = "What expressions may do inside limactl, and in `limactl yq`",
	.text = "Expressions appear in two places:\n"
		"\n"
		"  Inside limactl (--set, --yq, --filter, `template yq`, `info --yq`) an expression sees the document and\n"
		"  nothing else: env(NAME), strenv(NAME), envsubst, load(FILE) and their kin, and `system` are refused. It\n"
		"  may use two seconds of CPU time and 512 MiB.\n"
		"\n"
		"  In `limactl yq` env(NAME) and load(FILE) work, unless --security-disable-env-ops or\n"
		"  --security-disable-file-ops is given; `system` never does.\n"
		"\n"
		"The language is that of libjq with the habits of yq: keys like .9p and .a-b need no quotes, `unique` keeps\n"
		"the order, iterating over null gives nothing.",
};
