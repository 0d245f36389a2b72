/* limactl usernet: lima-usernet under the name that Lima has for it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "dirs.h"
#include "file.h"

static const struct flag_spec flags[] = {
	{ .name = "pidfile", .letter = 'p', .type = FLAG_STRING, .help = "where to write the pid" },
	{ .name = "endpoint", .letter = 'e', .type = FLAG_STRING, .help = "socket of the API" },
	{ .name = "listen-qemu", .type = FLAG_STRING, .help = "socket for QEMU" },
	{ .name = "listen", .type = FLAG_STRING, .help = "socket for others" },
	{ .name = "subnet", .type = FLAG_STRING, .value = "192.168.5.0/24", .help = "addresses of the network" },
	{ .name = "mtu", .type = FLAG_INT, .value = "1500", .help = "largest packet" },
	{ .name = "leases", .type = FLAG_STRING, .help = "fixed addresses: IP=MAC,..." },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

static int run(struct ctl *c, struct err *e)
{
	char *bin = dirs_bin(e), *program = bin ? path_join(bin, "lima-usernet") : NULL;
	struct strv argv = { 0 };

	if (!program)
		return -1;
	strv_add(&argv, program);
	for (const struct flag_spec *f = flags; f->name; f++) {
		const char *value = f->type == FLAG_INT ? NULL : flag_string(c->flags, f->name);

		if (f->type == FLAG_INT)
			strv_addf(&argv, "--%s=%lld", f->name, (long long)flag_int(c->flags, f->name));
		else if (*value)
			strv_addf(&argv, "--%s=%s", f->name, value);
	}
	execv(program, argv.v);
	err_sys(e, EXIT_UNAVAIL, "cannot run %s", program);
	strv_free(&argv);
	free(program);
	free(bin);
	return -1;
}

const struct command cmd_usernet = {
	.name = "usernet",
	.group = GROUP_NONE,
	.summary = "The daemon of a user-v2 network",
	.text = "Starting an instance starts the daemons of its networks; see lima-usernet(8).",
	.max_args = 0,
	.flags = tables,
	.hidden = true,
	.bare_count = true,
	.run = run,
};
