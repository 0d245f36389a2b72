/* commands - the table of all commands of limactl. */
#include <stdlib.h>
#include <string.h>

#include "command.h"

const struct command *const command_table[] = {
	/* basic */
	/* advanced */
	/* the rest */
	NULL,
};

/* Whether a blank separated list has the word. */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == n && !strncmp(p, word, n))
			return true;
	return false;
}

const struct command *command_find(const struct command *const *table, const char *name)
{
	for (size_t i = 0; table && table[i]; i++)
		if (!strcmp(table[i]->name, name) || (*name && listed(table[i]->aliases, name)))
			return table[i];
	return NULL;
}

char *command_usage(const struct command *cmd, const char *path)
{
	const char *use = cmd->use ? cmd->use : "";

	return xasprintf("%s%s%s%s", path, *use ? " " : "", use, strstr(use, "[flags]") ? "" : " [flags]");
}
