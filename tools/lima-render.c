/* lima-render - the compiler of lima.yaml: from templates to the self-contained source, from that to every derived
 * file.
 *
 * Touches no network and starts no process except ssh-keygen, once, for keys that are missing (and, for templates
 * from the web, what lima-fetch does). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "err.h"
#include "render/edit.h"
#include "render/out_cmd.h"

static const char usage[] =
	"usage: lima-render [EDIT...] [TEMPLATE]          print the self-contained lima.yaml\n"
	"       lima-render --json [EDIT...] TEMPLATE|DIR print the resolved document, everything filled in\n"
	"       lima-render --check [EDIT...] TEMPLATE... find all that is wrong, write nothing\n"
	"       lima-render --instance DIR                write every derived file of the instance in DIR\n"
	"       lima-render --plan DIR [--template T] [EDIT...]  tell what a start would change\n"
	"       lima-render --schema | --list-templates | --help | --version\n"
	"TEMPLATE is a name from --list-templates (default: default), a file, a URL, - for standard input, or an\n"
	"image.\n"
	"Edits, applied in this order whatever the order on the command line:\n";

enum { OPT_JSON = 256, OPT_CHECK, OPT_INSTANCE, OPT_PLAN, OPT_TEMPLATE, OPT_SCHEMA, OPT_LIST, OPT_VERSION, OPT_EDIT };

static const struct option own[] = {
	{ "json", no_argument, NULL, OPT_JSON },           { "check", no_argument, NULL, OPT_CHECK },
	{ "instance", required_argument, NULL, OPT_INSTANCE }, { "plan", required_argument, NULL, OPT_PLAN },
	{ "template", required_argument, NULL, OPT_TEMPLATE }, { "schema", no_argument, NULL, OPT_SCHEMA },
	{ "list-templates", no_argument, NULL, OPT_LIST }, { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
};
#define OWN (sizeof(own) / sizeof(*own))

struct request {
	int command; /* one of OPT_*; 0 = print lima.yaml */
	const char *dir, *template;
	struct edits edits;
};

static int help(void)
{
	fputs(usage, stdout);
	for (const struct edit_flag *f = edit_table(); f->flag; f++) {
		bool flag = f->type == EDIT_BOOL;
		int n = printf("  --%s%s%s%s", f->flag, flag ? "[=BOOL]" : " ", flag ? "" : f->arg, flag ? "" : "");

		printf("%*s %s%s\n", n < 34 ? 34 - n : 0, "", f->help, f->create_only ? " (new instances)" : "");
	}
	return fflush(stdout) ? EXIT_IOERR : 0;
}

/* Our options and one for each edit, as getopt_long wants them. */
static struct option *all_options(void)
{
	const struct edit_flag *table = edit_table();
	struct option *list;
	size_t n = 0;

	while (table[n].flag)
		n++;
	list = xcalloc(OWN + n + 1, sizeof(*list));
	memcpy(list, own, sizeof(own));
	for (size_t i = 0; i < n; i++) {
		int arg = table[i].type == EDIT_BOOL ? optional_argument : required_argument;

		list[OWN + i] = (struct option){ table[i].flag, arg, NULL, OPT_EDIT + (int)i };
	}
	return list;
}

static void set_command(struct request *rq, int command, const char *dir)
{
	if (rq->command)
		usage_die("--json, --check, --instance, --plan, --schema and --list-templates exclude each other");
	rq->command = command;
	rq->dir = dir;
}

static void add_edit(struct request *rq, int index, const char *value)
{
	struct edits *l = &rq->edits;

	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	l->v[l->n++] = (struct edit){ edit_table()[index].flag, value };
}

static void parse(int argc, char **argv, struct request *rq)
{
	struct option *options = all_options();
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			exit(help());
		else if (c == OPT_VERSION)
			exit(puts("lima-render " LIMA_VERSION) < 0 ? EXIT_IOERR : 0);
		else if (c == OPT_TEMPLATE)
			rq->template = optarg;
		else if (c >= OPT_EDIT)
			add_edit(rq, c - OPT_EDIT, optarg);
		else if (c >= OPT_JSON)
			set_command(rq, c, optarg);
		else
			usage_die("wrong option");
	}
	free(options);
	if (rq->template && rq->command != OPT_PLAN)
		usage_die("--template belongs to --plan");
	if (rq->edits.n && (rq->command == OPT_INSTANCE || rq->command == OPT_SCHEMA || rq->command == OPT_LIST))
		usage_die("edits change a template; they cannot be used here");
}

static int run(const struct request *rq, int argc, char **argv)
{
	static const struct {
		int command, least, most;
	} takes[] = { { 0, 0, 1 }, { OPT_JSON, 1, 1 }, { OPT_CHECK, 1, 10000 } };
	int least = 0, most = 0;

	for (size_t i = 0; i < sizeof(takes) / sizeof(*takes); i++)
		if (takes[i].command == rq->command) {
			least = takes[i].least;
			most = takes[i].most;
		}
	if (argc < least)
		usage_die("a template is expected");
	if (argc > most)
		usage_die("unexpected argument '%s'", argv[most]);
	switch (rq->command) {
	case OPT_JSON:
		return cmd_json(argv[0], &rq->edits);
	case OPT_CHECK:
		return cmd_check(argv, (size_t)argc, &rq->edits);
	case OPT_INSTANCE:
		return cmd_instance(rq->dir);
	case OPT_PLAN:
		return cmd_plan(rq->dir, rq->template, &rq->edits);
	case OPT_SCHEMA:
		return cmd_schema();
	case OPT_LIST:
		return cmd_list_templates();
	default:
		return cmd_embed(argc ? argv[0] : "default", &rq->edits);
	}
}

int main(int argc, char **argv)
{
	struct request rq = { 0 };
	int status;

	err_program(argv[0]);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to report */
	umask(077); /* modes that are wider are set explicitly */
	parse(argc, argv, &rq);
	status = run(&rq, argc - optind, argv + optind);
	free(rq.edits.v);
	return status;
}
