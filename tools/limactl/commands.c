/* commands - the table of all commands of limactl. */
#include <stdlib.h>
#include <string.h>

#include "command.h"

extern const struct command cmd_autostart, cmd_clone, cmd_completion, cmd_copy, cmd_create, cmd_debug, cmd_delete, cmd_disk, cmd_edit,
	cmd_factory_reset, cmd_generate_doc, cmd_generate_jsonschema, cmd_guest_install, cmd_help, cmd_hostagent, cmd_info, cmd_list,
	cmd_network, cmd_protect, cmd_prune, cmd_rename, cmd_restart, cmd_screenshot, cmd_shell, cmd_show_ssh, cmd_snapshot, cmd_start,
	cmd_start_at_login, cmd_stop, cmd_sudoers, cmd_template, cmd_tunnel, cmd_unprotect, cmd_usernet, cmd_validate, cmd_watch,
	cmd_yq_restrictions;

const struct command *const command_table[] = {
	/* basic, in the order of a machine's life */
	&cmd_create,
	&cmd_start,
	&cmd_stop,
	&cmd_restart,
	&cmd_shell,
	&cmd_list,
	&cmd_delete,
	&cmd_edit,
	/* advanced, by name */
	&cmd_autostart,
	&cmd_clone,
	&cmd_copy,
	&cmd_disk,
	&cmd_factory_reset,
	&cmd_info,
	&cmd_network,
	&cmd_protect,
	&cmd_prune,
	&cmd_rename,
	&cmd_screenshot,
	&cmd_show_ssh,
	&cmd_snapshot,
	&cmd_start_at_login,
	&cmd_sudoers,
	&cmd_template,
	&cmd_tunnel,
	&cmd_unprotect,
	&cmd_validate,
	&cmd_watch,
	/* the rest */
	&cmd_completion,
	&cmd_help,
	&cmd_yq_restrictions,
	&cmd_debug,
	&cmd_generate_doc,
	&cmd_generate_jsonschema,
	&cmd_guest_install,
	&cmd_hostagent,
	&cmd_usernet,
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
