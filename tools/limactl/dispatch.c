/* dispatch - from the command line to the command: which one it is, its flags, its arguments, and its exit status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "command.h"
#include "complete.h"
#include "dirs.h"
#include "instance/instance.h"
#include "plugin.h"
#include "resolve.h"
#include "yq.h"

#define NFS_MAGIC 0x6969 /* statfs(2) */

const struct flag_spec global_flags[] = {
	{ .name = "debug", .help = "log more, here and in the guest" },
	{ .name = "help", .letter = 'h', .help = "print this page" },
	{ .name = "log-format", .type = FLAG_STRING, .value = "text", .help = "form of the log: text, json", .words = "text json",
	  .complete = COMPLETE_WORDS },
	{ .name = "log-level", .type = FLAG_STRING, .help = "what to log: trace, debug, info, warn, error",
	  .words = "trace debug info warn error", .complete = COMPLETE_WORDS },
	{ .name = "tty", .help = "use menus, prompts and an editor (default: when standard output is a terminal)" },
	{ .name = "yes", .letter = 'y', .help = "the same as --tty=false" },
	{ 0 },
};

const struct flag_spec root_flags[] = {
	{ .name = "version", .letter = 'v', .help = "print the version" },
	{ 0 },
};

/* --- checks before a command runs --- */

static int check_count(const struct ctl *c, struct err *e)
{
	const struct command *cmd = c->cmd;
	size_t n = c->args.n, min = (size_t)cmd->min_args, max = (size_t)cmd->max_args;
	struct err why = { 0 };
	char *usage;

	if (n >= min && n <= max)
		return 0;
	if (max == 0)
		err_set(&why, EXIT_NO, "unknown command %s for %s", qq(c->args.v[0]), qq(c->path));
	else if (min == max)
		err_set(&why, EXIT_NO, "accepts %zu arg(s), received %zu", min, n);
	else if (max == ARGS_ANY)
		err_set(&why, EXIT_NO, "requires at least %zu arg(s), only received %zu", min, n);
	else if (min == 0)
		err_set(&why, EXIT_NO, "accepts at most %zu arg(s), received %zu", max, n);
	else
		err_set(&why, EXIT_NO, "accepts between %zu and %zu arg(s), received %zu", min, max, n);
	if (cmd->bare_count)
		return err_set(e, EXIT_NO, "%s", why.msg);
	usage = command_usage(cmd, c->path);
	err_set(e, EXIT_NO, "%s %s.\nSee `%s --help`.\n\nUsage:  %s\n\n%s", q(c->path), why.msg, c->path, usage, cmd->summary);
	free(usage);
	return -1;
}

/* Locks and sockets of several machines on one network file system do not see each other. */
static int check_home(struct err *e)
{
	char *home = dirs_home(e);
	struct statfs fs;

	if (!home)
		return -1;
	if (statfs(home, &fs) == 0 && fs.f_type == NFS_MAGIC)
		log_warn("LIMA_HOME %s is on NFS: locks and sockets may not work there", q(home));
	free(home);
	return 0;
}

static int set_up(struct ctl *c, struct err *e)
{
	const struct flags *f = c->flags;
	bool own = c->cmd && c->cmd->own_log;

	c->tty = flag_given(f, "tty") ? flag_bool(f, "tty") : isatty(STDOUT_FILENO) == 1;
	c->debug = !own && flag_bool(f, "debug");
	if (own) {
		log_warn("%s is experimental", q(c->path));
		return check_home(e);
	}
	if (log_setup(flag_string(f, "log-level"), flag_string(f, "log-format"), c->debug, e) < 0)
		return -1;
	if (flag_given(f, "tty") && flag_given(f, "yes"))
		return err_set(e, EXIT_NO, "cannot use both --tty and --yes flags at the same time");
	if (flag_bool(f, "yes"))
		c->tty = false;
	return check_home(e);
}

/* --yes says there that no question is asked, not that the answer is yes; --start is what people mean. */
static void warn_yes(const struct ctl *c)
{
	static const char *const names[] = { "clone", "edit", "rename" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(c->cmd->name, names[i]) && flag_given(c->flags, "yes"))
			log_warn("--yes is deprecated for %s; use --start or --start=false, or --tty=false", q(c->path));
}

void warn_root(void)
{
	static bool told;

	if (geteuid() == 0 && !told)
		log_warn("running as root: the guest's user is `lima`, and whatever leaves the machine acts as root");
	told = true;
}

/* --- running --- */

static int run_command(struct ctl *c, struct err *e)
{
	if (c->cmd->deprecated)
		fprintf(stderr, "Command \"%s\" is deprecated, %s\n", c->cmd->name, c->cmd->deprecated);
	if (flag_bool(c->flags, "help") || !c->cmd->run) {
		help_print(stdout, c->cmd, c->path);
		return 0;
	}
	if (check_count(c, e) < 0 || flags_check_required(c->flags, e) < 0 || set_up(c, e) < 0)
		return -1;
	warn_yes(c);
	return c->cmd->run(c, e);
}

static int run_root(struct ctl *c)
{
	if (!flag_bool(c->flags, "help") && flag_bool(c->flags, "version"))
		printf("limactl version %s\n", LIMA_VERSION);
	else
		help_print(stdout, NULL, c->path);
	return 0;
}

static int unknown(const char *word, struct err *e)
{
	struct buf text = { 0 };

	buf_addf(&text, "unknown command %s for \"limactl\"", qq(word));
	help_suggest(word, &text);
	err_set(e, EXIT_NO, "%s", buf_str(&text));
	buf_free(&text);
	return -1;
}

/* Flags in front of a plugin's name are ours, everything behind is the plugin's. */
static int run_plugin(struct ctl *c, const char *plugin, const struct parsed *p, struct err *e)
{
	if (flags_parse(c->flags, p->rest.v, p->word_at, false, &c->args, e) < 0)
		return -1;
	if (flag_bool(c->flags, "help") || flag_bool(c->flags, "version"))
		return run_root(c);
	if (set_up(c, e) < 0)
		return -1;
	return plugin_run(c->program, plugin, p->rest.v + p->word_at + 1, e);
}

static int run(struct ctl *c, const struct parsed *p, struct err *e)
{
	char *plugin = p->word ? plugin_find(c->program, p->word) : NULL;
	int r;

	if (plugin) {
		r = run_plugin(c, plugin, p, e);
		free(plugin);
		return r;
	}
	if (p->word)
		return unknown(p->word, e);
	if (flags_parse(c->flags, p->rest.v, p->rest.n, c->cmd && c->cmd->stop_at_first, &c->args, e) < 0)
		return -1;
	return c->cmd ? run_command(c, e) : run_root(c);
}

static int finish(int status, struct err *e)
{
	if (status < 0) {
		flags_edit_error(e);
		log_msg(LOG_FATAL, "%s", e->msg[0] ? e->msg : "failed without a reason");
		status = EXIT_NO;
	}
	if (fflush(stdout) || ferror(stdout)) {
		log_msg(LOG_FATAL, "cannot write to standard output");
		status = EXIT_NO;
	}
	return status;
}

/* What the modules of lima-instance tell. */
static void log_progress(const char *text, bool warning)
{
	log_msg(warning ? LOG_WARN : LOG_INFO, "%s", text);
}

/* Whether the name up to its first dot is yq. */
static bool is_yq(const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *name = slash ? slash + 1 : argv0;

	return strcspn(name, ".") == 2 && !strncmp(name, "yq", 2);
}

int limactl_main(int argc, char **argv)
{
	struct err e = { 0 };
	struct ctl c = { .program = argc ? argv[0] : "limactl" };
	const struct flag_spec **tables;
	struct parsed p;
	int status;

	err_program(argv[0]);
	log_setup("", "", false, &e);
	say_to = log_progress;
	if (argc && is_yq(argv[0]))
		return yq_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "yq"))
		return yq_main(argc - 2, argv + 2);
	if (argc > 1 && (!strcmp(argv[1], "__complete") || !strcmp(argv[1], "__completeNoDesc")))
		return complete_main(c.program, !strcmp(argv[1], "__complete"), argc - 2, argv + 2);
	parsed_resolve(argv + 1, argc > 1 ? (size_t)argc - 1 : 0, &p);
	tables = parsed_tables(p.cmd);
	c.cmd = p.cmd;
	c.path = p.path;
	c.flags = flags_new(tables);
	status = finish(run(&c, &p, &e), &e);
	flags_free(c.flags);
	strv_free(&c.args);
	free(tables);
	parsed_free(&p);
	return status;
}
