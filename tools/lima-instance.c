/* lima-instance - the verbs on one machine: what `make start` and its sisters run.
 *
 * Settings come from options, or with --env from the environment variables that the Makefile exports under the names of
 * its knobs, so that no text of the user passes through a shell.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "instance/instance.h"
#include "instance/settings.h"
#include "num.h"

#define TIMEOUT_DEFAULT 600
#define TIMEOUT_MAX 604800

static const struct verb {
	const char *name;
	int (*run)(const struct request *rq, struct err *e);
	const char *summary;
} verbs[] = {
	{ "create", verb_create, "make the instance from a template; needs the network unless all is cached" },
	{ "start", verb_start, "create it if needed, start it, wait until it is usable" },
	{ "stop", verb_stop, "shut it down; --force kills it" },
	{ "restart", verb_restart, "stop and start" },
	{ "shell", verb_shell, "run a command or a shell in it" },
	{ "list", verb_list, "list all instances" },
	{ "status", verb_status, "what it does, what is wrong, where its logs are" },
	{ "logs", verb_logs, "the ends of its logs" },
	{ "validate", verb_validate, "check a template" },
	{ "plan", verb_plan, "what the edited lima.yaml, or these settings, would change, and what that costs" },
	{ "diff", verb_plan, "the same" },
	{ "delete", verb_delete, "remove it with its disk; --force also when it runs or is protected" },
	{ "protect", verb_protect, "refuse to delete it from now on" },
	{ "unprotect", verb_unprotect, "allow deleting it again" },
	{ "networks", verb_networks, "start the networks that running instances need, end those that none does" },
	{ "prune", verb_prune, "remove from the cache what no instance refers to; --force: everything" },
};

static const struct option own_options[] = {
	{ "env", no_argument, NULL, 'e' },     { "template", required_argument, NULL, 't' },
	{ "force", no_argument, NULL, 'f' },   { "quiet", no_argument, NULL, 'q' },
	{ "json", no_argument, NULL, 'j' },    { "timeout", required_argument, NULL, 'w' },
	{ "confirm", no_argument, NULL, 'y' }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
};
#define OWN_OPTIONS (sizeof(own_options) / sizeof(*own_options))
/* Options of the table of settings are numbered from here. */
#define FIRST_SETTING 256

/* Ours and those of the table of settings; needed to the end. */
static const struct option *all_options(void)
{
	static struct option *all;
	size_t n = 0;

	while (setting_table[n].flag)
		n++;
	all = xcalloc(OWN_OPTIONS + n + 1, sizeof(*all));
	memcpy(all, own_options, sizeof(own_options));
	for (size_t i = 0; i < n; i++)
		all[OWN_OPTIONS + i] = (struct option){ setting_table[i].flag,
							setting_table[i].alone ? optional_argument : required_argument, NULL,
							FIRST_SETTING + (int)i };
	return all;
}

static void print_help(void)
{
	puts("usage: lima-instance VERB [OPTION]... [NAME [-- COMMAND...]]\n"
	     "\n"
	     "NAME is $LIMA_INSTANCE or 'default' when it is left out.\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);
	puts("\n"
	     "  --template T     what a new instance is made from; plan: compare with this\n"
	     "  --set EXPR, --cpus N, --memory SIZE, --disk SIZE, --mount DIR[:w], --mount-type T, --network lima:N, ...\n"
	     "                   changes to its lima.yaml (create, start, plan); all are in lima-render --help\n"
	     "  --confirm        a change that needs a new disk may set the old one aside (create, start)\n"
	     "  --timeout S      how long start waits, in seconds (600)\n"
	     "  --force  --quiet  --json\n"
	     "  --env            take all of this from INSTANCE, TEMPLATE, CMD, FORCE, TIMEOUT, CONFIRM=yes, CPUS, MEMORY,\n"
	     "                   MOUNT_TYPE, ...");
}

static void set_timeout(struct request *rq, const char *text)
{
	struct err e = { 0 };
	uint64_t n;

	if (num_parse(text, 1, TIMEOUT_MAX, "TIMEOUT", &n, &e) < 0)
		usage_die("%s", e.msg);
	rq->timeout_s = (int)n;
}

static void from_env(struct request *rq)
{
	const char *force = getenv("FORCE"), *timeout = getenv("TIMEOUT"), *confirm = getenv("CONFIRM");

	rq->name = getenv("INSTANCE");
	rq->template = getenv("TEMPLATE");
	settings_from_env(&rq->settings);
	rq->command = getenv("CMD");
	rq->confirm = confirm && !strcmp(confirm, "yes");
	rq->force = force && *force && strcmp(force, "0");
	if (timeout && *timeout)
		set_timeout(rq, timeout);
}

static void own_option(struct request *rq, int c)
{
	switch (c) {
	case 'e': from_env(rq); break;
	case 't': rq->template = optarg; break;
	case 'w': set_timeout(rq, optarg); break;
	case 'f': rq->force = true; break;
	case 'q': rq->quiet = true; break;
	case 'j': rq->json = true; break;
	case 'y': rq->confirm = true; break;
	case 'h': print_help(); exit(fflush(stdout) ? EXIT_IOERR : 0);
	case 'v': puts("lima-instance " LIMA_VERSION); exit(fflush(stdout) ? EXIT_IOERR : 0);
	default: usage_die("wrong option");
	}
}

static void parse(int argc, char **argv, struct request *rq)
{
	const struct option *options = all_options();
	int c;

	/* '+': what follows the name belongs to the command. */
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c < FIRST_SETTING)
			own_option(rq, c);
		else
			strv_addf(&rq->settings, "--%s%s%s", setting_table[c - FIRST_SETTING].flag, optarg ? "=" : "",
				  optarg ? optarg : "");
	}
	if (optind < argc)
		rq->name = argv[optind++];
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	rq->args = argv + optind;
}

int main(int argc, char **argv)
{
	struct request rq = { .timeout_s = TIMEOUT_DEFAULT };
	const struct verb *verb = NULL;
	struct err e = { 0 };
	const char *instance = getenv("LIMA_INSTANCE");
	int status;

	err_program(argv[0]);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to report */
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			verb = &verbs[i];
	if (verb) {
		argc--;
		argv++;
	}
	parse(argc, argv, &rq);
	if (!verb)
		usage_die("expected a verb such as 'start'");
	if (!rq.name)
		rq.name = instance && *instance ? instance : "default";
	say_quiet = rq.quiet;
	status = verb->run(&rq, &e) < 0 ? err_report(&e) : 0;
	strv_free(&rq.settings);
	return status;
}
