/* complete - see complete.h. */
#include "complete.h"

#include <stdlib.h>
#include <string.h>

#include "complete_names.h"
#include "resolve.h"

enum { DIRECTIVE_NO_BLANK = 2, DIRECTIVE_NO_FILES = 4 };

/* One question: the words and what was found. */
struct question {
	struct parsed p;      /* of the words before the unfinished one */
	struct flags *flags;
	const char *program;
	const char *word;     /* the unfinished one */
	size_t skip;          /* bytes of it before the value: those of "--tty=" */
	struct strv found;    /* "NAME\tDESCRIPTION" */
	int directive;
};

static void offer(struct question *qn, const char *name, const char *text)
{
	const char *typed = qn->word + qn->skip;

	if (strncmp(name, typed, strlen(typed)) != 0)
		return;
	strv_addf(&qn->found, "%.*s%s%s%s", (int)qn->skip, qn->word, name, text && *text ? "\t" : "", text ? text : "");
}

static void offer_all(struct question *qn, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++)
		offer(qn, names->v[i], NULL);
}

/* --- commands and flags --- */

static void offer_commands(struct question *qn, const struct command *const *table)
{
	for (size_t i = 0; table[i]; i++)
		if (!table[i]->hidden && !table[i]->deprecated)
			offer(qn, table[i]->name, table[i]->summary);
}

static void offer_plugins(struct question *qn)
{
	struct strv names = { 0 };

	complete_plugins(qn->program, &names);
	offer_all(qn, &names);
	strv_free(&names);
}

static void offer_flags(struct question *qn)
{
	const struct flag_spec *const *tables = flags_tables(qn->flags);

	for (size_t t = 0; tables[t]; t++)
		for (const struct flag_spec *s = tables[t]; s->name; s++) {
			char *name = xasprintf("--%s", s->name);

			if (!s->hidden)
				offer(qn, name, s->help);
			free(name);
		}
}

/* --- values --- */

static void offer_words(struct question *qn, const char *words)
{
	for (const char *p = words; p && *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		char *word = xstrndup(p, strcspn(p, " "));

		offer(qn, word, NULL);
		free(word);
	}
}

static void offer_names(struct question *qn, enum complete kind, bool is_flag)
{
	struct strv names = { 0 };

	switch (kind) {
	case COMPLETE_INSTANCE:
		complete_instances(&names);
		break;
	case COMPLETE_TEMPLATE:
		complete_templates(qn->word + qn->skip, &names);
		break;
	case COMPLETE_DISK:
		complete_disks(&names);
		break;
	case COMPLETE_NETWORK:
		complete_networks(is_flag ? "lima:" : "", &names);
		break;
	case COMPLETE_PATH:
		complete_paths(&names);
		qn->directive |= DIRECTIVE_NO_BLANK;
		break;
	default:
		break;
	}
	offer_all(qn, &names);
	strv_free(&names);
}

static void offer_values(struct question *qn, enum complete kind, const char *words, bool is_flag)
{
	if (kind == COMPLETE_FILE)
		qn->directive &= ~DIRECTIVE_NO_FILES;
	else if (kind == COMPLETE_WORDS)
		offer_words(qn, words);
	else if (kind == COMPLETE_COMMAND)
		offer_commands(qn, command_table);
	else
		offer_names(qn, kind, is_flag);
	/* A template may be a file too. */
	if (kind == COMPLETE_TEMPLATE && !qn->found.n)
		qn->directive &= ~DIRECTIVE_NO_FILES;
}

/* --- what is asked for --- */

/* The flag that the word before waits with for its value; NULL: none. */
static const struct flag_spec *waiting(const struct question *qn)
{
	const struct strv *rest = &qn->p.rest;
	const struct flag_spec *s = NULL;
	const char *last;
	size_t n;

	if (!rest->n)
		return NULL;
	last = rest->v[rest->n - 1];
	n = strlen(last);
	if (n < 2 || last[0] != '-' || strchr(last, '='))
		return NULL;
	if (last[1] == '-')
		s = flags_find(qn->flags, last + 2, n - 2);
	else
		s = flags_letter(qn->flags, last[n - 1]);
	return s && s->type != FLAG_BOOL ? s : NULL;
}

static void offer_arguments(struct question *qn)
{
	const struct command *cmd = qn->p.cmd;
	struct strv args = { 0 };
	struct err ignored = { 0 };

	if (flags_parse(qn->flags, qn->p.rest.v, qn->p.rest.n, cmd->stop_at_first, &args, &ignored) == 0 &&
	    args.n < (size_t)cmd->max_args)
		offer_values(qn, cmd->complete, NULL, false);
	/* What was given is not offered again. */
	for (size_t i = 0; i < qn->found.n; i++)
		for (size_t k = 0; k < args.n; k++)
			if (!strcmp(qn->found.v[i], args.v[k]))
				qn->found.v[i][0] = '\0';
	strv_free(&args);
}

static bool ended(const struct question *qn)
{
	for (size_t i = 0; i < qn->p.rest.n; i++)
		if (!strcmp(qn->p.rest.v[i], "--"))
			return true;
	return false;
}

static void answer(struct question *qn)
{
	const char *equals = strchr(qn->word, '=');
	const struct flag_spec *s = waiting(qn);

	if (!s && !ended(qn) && !strncmp(qn->word, "--", 2) && equals) {
		qn->skip = (size_t)(equals + 1 - qn->word);
		s = flags_find(qn->flags, qn->word + 2, (size_t)(equals - qn->word - 2));
	}
	if (s)
		s->type == FLAG_BOOL ? offer_values(qn, COMPLETE_WORDS, "true false", true)
				     : offer_values(qn, s->complete, s->words, true);
	else if (!qn->skip && !ended(qn) && qn->word[0] == '-')
		offer_flags(qn);
	else if (!qn->p.cmd && !qn->p.word) {
		offer_commands(qn, command_table);
		offer_plugins(qn);
	} else if (qn->p.cmd && qn->p.cmd->sub)
		offer_commands(qn, qn->p.cmd->sub);
	else if (qn->p.cmd && !qn->skip)
		offer_arguments(qn);
}

int complete_main(const char *program, bool descriptions, int argc, char **argv)
{
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;
	struct question qn = { .program = program, .word = argc > 0 ? argv[n] : "", .directive = DIRECTIVE_NO_FILES };
	const struct flag_spec **tables;

	parsed_resolve(argv, n, &qn.p);
	tables = parsed_tables(qn.p.cmd);
	qn.flags = flags_new(tables);
	answer(&qn);
	for (size_t i = 0; i < qn.found.n; i++)
		if (*qn.found.v[i])
			printf("%.*s\n", (int)(descriptions ? strlen(qn.found.v[i]) : strcspn(qn.found.v[i], "\t")), qn.found.v[i]);
	printf(":%d\n", qn.directive);
	strv_free(&qn.found);
	flags_free(qn.flags);
	free(tables);
	parsed_free(&qn.p);
	return fflush(stdout) ? EXIT_IOERR : 0;
}
