/* resolve - see resolve.h. */
#include "resolve.h"

#include <stdlib.h>
#include <string.h>

/* Whether a word before the command is a flag that takes the next one. What is unknown here may be the command's, and is taken for
 * one with a value. */
static bool takes_next(const char *word)
{
	static const struct flag_spec *const tables[] = { global_flags, root_flags, NULL };
	const struct flag_spec *s;
	struct flags *f;

	if (word[0] != '-' || !word[1] || strchr(word, '='))
		return false;
	if (word[1] != '-' && word[2])
		return false;
	f = flags_new(tables);
	s = word[1] == '-' ? flags_find(f, word + 2, strlen(word + 2)) : flags_letter(f, word[1]);
	flags_free(f);
	return !s || s->type != FLAG_BOOL;
}

/* The index of the first word that is no flag; n when there is none. */
static size_t first_word(char *const *argv, size_t n)
{
	for (size_t i = 0; i < n && strcmp(argv[i], "--") != 0; i++) {
		if (takes_next(argv[i]))
			i++;
		else if (argv[i][0] != '-' && argv[i][0])
			return i;
	}
	return n;
}

static void strv_remove(struct strv *s, size_t at)
{
	free(s->v[at]);
	memmove(s->v + at, s->v + at + 1, (s->n - at) * sizeof(*s->v));
	s->n--;
}

void parsed_resolve(char *const *argv, size_t n, struct parsed *p)
{
	const struct command *const *table = command_table;

	*p = (struct parsed){ .path = xstrdup("limactl") };
	for (size_t i = 0; i < n; i++)
		strv_add(&p->rest, argv[i]);
	while (table) {
		size_t at = first_word(p->rest.v, p->rest.n);
		const struct command *cmd = at < p->rest.n ? command_find(table, p->rest.v[at]) : NULL;
		char *path;

		if (!cmd) {
			if (!p->cmd && at < p->rest.n)
				p->word = xstrdup(p->rest.v[at]);
			p->word_at = at;
			return;
		}
		path = xasprintf("%s %s", p->path, cmd->name);
		free(p->path);
		p->path = path;
		p->cmd = cmd;
		strv_remove(&p->rest, at);
		table = cmd->sub;
	}
}

void parsed_free(struct parsed *p)
{
	free(p->path);
	free(p->word);
	strv_free(&p->rest);
}

const struct flag_spec **parsed_tables(const struct command *cmd)
{
	size_t n = 0;
	const struct flag_spec **list;

	while (cmd && cmd->flags && cmd->flags[n])
		n++;
	list = xcalloc(n + 3, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = cmd->flags[i];
	list[n] = global_flags;
	if (!cmd)
		list[n + 1] = root_flags;
	return list;
}
