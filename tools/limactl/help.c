/* help - the pages of commands, made from their tables. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "plugin.h"

#define SUGGEST_DISTANCE 2

static const struct {
	const char *name, *heading;
} groups[] = {
	[GROUP_BASIC] = { "basic", "Basic Commands:" },
	[GROUP_ADVANCED] = { "advanced", "Advanced Commands:" },
	[GROUP_PLUGINS] = { "plugins", "Plugins:" },
	[GROUP_NONE] = { "none", "Additional Commands:" },
};

/* --- flags --- */

static const char *const type_names[] = {
	[FLAG_BOOL] = "",
	[FLAG_STRING] = "string",
	[FLAG_INT] = "int",
	[FLAG_UINT16] = "uint16",
	[FLAG_FLOAT] = "float32",
	[FLAG_DURATION] = "duration",
	[FLAG_SLICE] = "strings",
	[FLAG_IPS] = "ipSlice",
	[FLAG_ARRAY] = "stringArray",
};

static char *flag_head(const struct flag_spec *s)
{
	const char *arg = s->arg ? s->arg : type_names[s->type];

	return s->letter ? xasprintf("  -%c, --%s %s", s->letter, s->name, arg) : xasprintf("      --%s %s", s->name, arg);
}

static size_t widest(const struct flag_spec *const *tables)
{
	size_t most = 0;

	for (; *tables; tables++)
		for (const struct flag_spec *s = *tables; s->name; s++) {
			char *head = flag_head(s);

			if (!s->hidden && strlen(head) > most)
				most = strlen(head);
			free(head);
		}
	return most;
}

static void print_table(FILE *out, const struct flag_spec *table, size_t width)
{
	for (const struct flag_spec *s = table; s->name; s++) {
		char *head = s->hidden ? NULL : flag_head(s);

		if (!head)
			continue;
		fprintf(out, "%-*s  %s", (int)width, head, s->help ? s->help : "");
		if (s->value && *s->value)
			fprintf(out, s->type == FLAG_STRING ? " (default \"%s\")" : " (default %s)", s->value);
		fputs(s->required ? " (required)\n" : "\n", out);
		free(head);
	}
}

static void print_flags(FILE *out, const struct command *cmd)
{
	const struct flag_spec *const global[] = { global_flags, cmd ? NULL : root_flags, NULL };
	const struct flag_spec *const none[] = { NULL };
	const struct flag_spec *const *tables = cmd && cmd->flags ? cmd->flags : none;
	size_t width = widest(global), own = widest(tables);

	if (own > width)
		width = own;
	for (size_t i = 0; tables[i]; i++) {
		if (i == 0)
			fputs("\nFlags:\n", out);
		else if (i == 1 && cmd->shared)
			fprintf(out, "\n%s\n", cmd->shared);
		print_table(out, tables[i], width);
	}
	fputs("\nGlobal Flags:\n", out);
	for (size_t i = 0; global[i]; i++)
		print_table(out, global[i], width);
}

/* --- commands --- */

static void print_row(FILE *out, const char *name, const char *text)
{
	fprintf(out, "  %-19s %s\n", name, text ? text : "");
}

static void print_group(FILE *out, const struct command *const *table, enum group group, bool all)
{
	bool any = false;

	for (size_t i = 0; table[i]; i++) {
		if (table[i]->hidden || table[i]->deprecated || (!all && table[i]->group != group))
			continue;
		if (!any)
			fprintf(out, "\n%s\n", all ? "Commands:" : groups[group].heading);
		any = true;
		print_row(out, table[i]->name, table[i]->summary);
	}
}

static void print_plugins(FILE *out)
{
	struct plugins list;
	bool any = false;

	plugins_list(err_program_name(), &list);
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i].hidden || command_find(command_table, list.v[i].name))
			continue;
		if (!any)
			fprintf(out, "\n%s\n", groups[GROUP_PLUGINS].heading);
		any = true;
		print_row(out, list.v[i].name, list.v[i].summary);
	}
	plugins_free(&list);
}

static void print_root(FILE *out)
{
	fputs("limactl: Linux machines on this host, described by a lima.yaml\n"
	      "\n"
	      "Usage:\n"
	      "  limactl [command]\n"
	      "\n"
	      "Examples:\n"
	      "  limactl start                     make and start the instance \"default\"\n"
	      "  limactl shell default uname -a    run a command in it (or: lima uname -a)\n"
	      "  limactl create --name=x template:docker\n"
	      "  limactl list\n"
	      "  limactl stop; limactl delete default\n",
	      out);
	for (enum group g = GROUP_BASIC; g <= GROUP_NONE; g++) {
		if (g == GROUP_PLUGINS)
			print_plugins(out);
		else
			print_group(out, command_table, g, false);
	}
	print_flags(out, NULL);
	fputs("\nUse \"limactl [command] --help\" for more about a command.\n", out);
}

void help_print(FILE *out, const struct command *cmd, const char *path)
{
	char *usage;

	if (!cmd) {
		print_root(out);
		return;
	}
	fprintf(out, "%s\n", cmd->summary);
	if (cmd->text)
		fprintf(out, cmd->text[strlen(cmd->text) - 1] == '\n' ? "\n%s" : "\n%s\n", cmd->text);
	if (cmd->run || cmd->sub) {
		usage = cmd->sub ? xasprintf("%s [command]", path) : command_usage(cmd, path);
		fprintf(out, "\nUsage:\n  %s\n", usage);
		free(usage);
	}
	if (cmd->aliases) {
		fprintf(out, "\nAliases:\n  %s", cmd->name);
		for (const char *p = cmd->aliases; *p; p += strcspn(p, " "), p += strspn(p, " "))
			fprintf(out, ", %.*s", (int)strcspn(p, " "), p);
		fputc('\n', out);
	}
	if (cmd->sub)
		print_group(out, cmd->sub, GROUP_NONE, true);
	print_flags(out, cmd);
	if (cmd->sub)
		fprintf(out, "\nUse \"%s [command] --help\" for more about a command.\n", path);
}

/* --- what a wrong word may have meant --- */

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance without regard to case. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(b), *row = xcalloc(n + 1, sizeof(*row)), result;

	for (size_t i = 0; i <= n; i++)
		row[i] = i;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t up = row[k], change = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[k - 1]);

			row[k] = least(up + 1, row[k - 1] + 1, corner + change);
			corner = up;
		}
	}
	result = row[n];
	free(row);
	return result;
}

void help_suggest(const char *word, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; command_table[i]; i++) {
		const struct command *c = command_table[i];
		bool near = distance(word, c->name) <= SUGGEST_DISTANCE || !strncasecmp(c->name, word, strlen(word)) ||
			    (c->suggest && !strcmp(c->suggest, word));

		if (!near || c->hidden || c->deprecated || (!c->run && !c->sub) || !strcmp(c->name, "help"))
			continue;
		buf_addf(out, "%s\t%s\n", any ? "" : "\n\nDid you mean this?\n", c->name);
		any = true;
	}
}
