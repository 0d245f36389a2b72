/* limactl generate-doc: a page for each command, from the same tables as its help. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "file.h"

static const struct flag_spec flags[] = {
	{ .name = "type", .type = FLAG_STRING, .value = "man", .help = "man, docsy (Markdown)", .words = "man docsy",
	  .complete = COMPLETE_WORDS },
	{ .name = "output", .type = FLAG_STRING, .help = "a directory that the pages must not name",
	  .complete = COMPLETE_FILE },
	{ .name = "prefix", .type = FLAG_STRING, .help = "what they name instead of it", .complete = COMPLETE_FILE },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

/* One run. */
struct doc {
	const char *dir, *from, *to; /* `from` becomes `to` in all texts; NULL: nothing does */
	bool man;
};

/* --- mdoc --- */

/* Text for a page: what would be a request or an escape is neither. */
static void add_text(struct buf *out, const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			buf_adds(out, "\\&");
		if (*s == '\\')
			buf_adds(out, "\\e");
		else if (*s == '-')
			buf_adds(out, "\\-");
		else
			buf_addc(out, *s);
		start = *s == '\n';
	}
}

static void add_man_flags(struct buf *out, const char *heading, const struct flag_spec *const *list)
{
	buf_addf(out, ".Sh %s\n.Bl -tag -width Ds\n", heading);
	for (; list && *list; list++)
		for (const struct flag_spec *s = *list; s->name; s++) {
			if (s->hidden)
				continue;
			buf_adds(out, ".It ");
			if (s->letter)
				buf_addf(out, "Fl %c , ", s->letter);
			buf_addf(out, "Fl \\-%s", s->name);
			if (s->type != FLAG_BOOL)
				buf_addf(out, " Ns = Ns Ar %s", s->arg ? s->arg : "value");
			buf_addc(out, '\n');
			add_text(out, s->help ? s->help : "");
			if (s->value && *s->value)
				buf_addf(out, " (default %s)", s->value);
			buf_addc(out, '\n');
		}
	buf_adds(out, ".El\n");
}

static void add_man_commands(struct buf *out, const char *name, const struct command *const *table)
{
	buf_adds(out, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; table[i]; i++)
		if (!table[i]->hidden) {
			buf_addf(out, ".It Xr %s-%s 1\n", name, table[i]->name);
			add_text(out, table[i]->summary);
			buf_addc(out, '\n');
		}
	buf_adds(out, ".El\n");
}

static void man_page(const struct command *cmd, const char *name, const char *path, struct buf *out)
{
	const struct flag_spec *const global[] = { global_flags, cmd ? NULL : root_flags, NULL };
	char *usage = cmd && cmd->run ? command_usage(cmd, path) : xasprintf("%s [command]", path);

	buf_addf(out, ".Dd November 21, 2026\n.Dt %s 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd ", name, name);
	add_text(out, cmd ? cmd->summary : "Linux machines on this host");
	buf_adds(out, "\n.Sh SYNOPSIS\n.Bd -literal -compact\n");
	add_text(out, usage);
	buf_adds(out, "\n.Ed\n");
	if (cmd && cmd->text) {
		buf_adds(out, ".Sh DESCRIPTION\n.Bd -literal -compact\n");
		add_text(out, cmd->text);
		buf_adds(out, "\n.Ed\n");
	}
	if (!cmd || cmd->sub)
		add_man_commands(out, name, cmd ? cmd->sub : command_table);
	if (cmd && cmd->flags)
		add_man_flags(out, "OPTIONS", cmd->flags);
	add_man_flags(out, "GLOBAL OPTIONS", global);
	buf_addf(out, ".Sh SEE ALSO\n.Xr %s 1\n", cmd ? "limactl" : "lima");
	free(usage);
}

/* --- Markdown --- */

static void add_markdown_flags(struct buf *out, const char *heading, const struct flag_spec *const *list)
{
	buf_addf(out, "\n### %s\n\n```\n", heading);
	for (; list && *list; list++)
		for (const struct flag_spec *s = *list; s->name; s++)
			if (!s->hidden)
				buf_addf(out, s->letter ? "  -%c, --%s  %s\n" : "   %c  --%s  %s\n", s->letter ? s->letter : ' ',
					 s->name, s->help ? s->help : "");
	buf_adds(out, "```\n");
}

static void markdown_page(const struct command *cmd, const char *name, const char *path, struct buf *out)
{
	const struct flag_spec *const global[] = { global_flags, cmd ? NULL : root_flags, NULL };
	const struct command *const *table = cmd ? cmd->sub : command_table;
	char *usage = cmd && cmd->run ? command_usage(cmd, path) : xasprintf("%s [command]", path);

	buf_addf(out, "---\ntitle: %s\nweight: 3\n---\n\n%s\n\n```\n%s\n```\n", path,
		 cmd ? cmd->summary : "Linux machines on this host", usage);
	if (cmd && cmd->text)
		buf_addf(out, "\n### Description\n\n```\n%s\n```\n", cmd->text);
	for (size_t i = 0; table && table[i]; i++) {
		if (table[i]->hidden)
			continue;
		buf_addf(out, "%s* [%s %s](../%s_%s) - %s\n", i ? "" : "\n### Commands\n\n", path, table[i]->name, name,
			 table[i]->name, table[i]->summary);
	}
	if (cmd && cmd->flags)
		add_markdown_flags(out, "Options", cmd->flags);
	add_markdown_flags(out, "Options inherited from parent commands", global);
	free(usage);
}

/* --- files --- */

static void replace_all(struct buf *text, const char *from, const char *to)
{
	struct buf out = { 0 };
	const char *p = buf_str(text), *hit;

	for (; (hit = strstr(p, from)); p = hit + strlen(from)) {
		buf_add(&out, p, (size_t)(hit - p));
		buf_adds(&out, to);
	}
	buf_adds(&out, p);
	buf_free(text);
	*text = out;
}

static int write_page(const struct doc *d, const struct command *cmd, const char *path, struct err *e)
{
	struct buf text = { 0 };
	char *name = xstrdup(path), *file;
	int r;

	for (char *p = name; *p; p++)
		if (*p == ' ')
			*p = d->man ? '-' : '_';
	(d->man ? man_page : markdown_page)(cmd, name, path, &text);
	if (d->from)
		replace_all(&text, d->from, d->to);
	file = xasprintf("%s/%s.%s", d->dir, name, d->man ? "1" : "md");
	r = file_write(file, buf_str(&text), text.len, 0644, e);
	buf_free(&text);
	free(file);
	free(name);
	return r;
}

static int write_table(const struct doc *d, const struct command *const *table, const char *parent, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && table && table[i]; i++) {
		char *path = xasprintf("%s %s", parent, table[i]->name);

		if (!table[i]->hidden)
			r = write_page(d, table[i], path, e);
		if (r == 0 && !table[i]->hidden)
			r = write_table(d, table[i]->sub, path, e);
		free(path);
	}
	return r;
}

/* lima is no command of ours: its page is short. */
static int write_lima(const struct doc *d, struct err *e)
{
	static const char text[] =
		".Dd November 21, 2026\n.Dt LIMA 1\n.Os\n.Sh NAME\n.Nm lima\n.Nd an alias for limactl shell $LIMA_INSTANCE\n"
		".Sh SYNOPSIS\n.Nm\n.Op Ar command ...\n.Sh ENVIRONMENT\n.Bl -tag -width LIMA_INSTANCE\n"
		".It Ev LIMA_INSTANCE\nThe instance, default otherwise.\n.It Ev LIMA_SHELL\nThe shell in it.\n"
		".It Ev LIMA_WORKDIR\nWhere it starts.\n.It Ev LIMACTL\nThe program to use.\n.El\n.Sh SEE ALSO\n.Xr limactl 1\n";
	char *file = path_join(d->dir, "lima.1");
	int r = d->man ? file_write(file, text, sizeof(text) - 1, 0644, e) : 0;

	free(file);
	return r;
}

static int run(struct ctl *c, struct err *e)
{
	const char *type = flag_string(c->flags, "type"), *output = flag_string(c->flags, "output");
	struct doc d = { .dir = c->args.v[0], .man = !strcmp(type, "man"), .from = *output ? output : NULL,
			 .to = flag_string(c->flags, "prefix") };

	if (!d.man && strcmp(type, "docsy") != 0)
		return err_set(e, EXIT_NO, "unknown type %s, must be man or docsy", q(type));
	if (dir_make(d.dir, 0755, e) < 0 || write_page(&d, NULL, "limactl", e) < 0 || write_lima(&d, e) < 0)
		return -1;
	return write_table(&d, command_table, "limactl", e);
}

const struct command cmd_generate_doc = {
	.name = "generate-doc",
	.group = GROUP_NONE,
	.use = "DIR",
	.summary = "Write a page for each command",
	.min_args = 1,
	.max_args = 1,
	.flags = tables,
	.complete = COMPLETE_FILE,
	.hidden = true,
	.run = run,
};
