/* plugin - programs called limactl-NAME, which become `limactl NAME`. Source: spec/cli.md section 11.
 *
 * They are looked for beside the program that was called, beside the file that this is a link to, in PATH, and in libexec/lima and
 * lib/lima of the installation; the first of each name counts.
 */
#ifndef LIMACTL_PLUGIN_H
#define LIMACTL_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

struct plugin {
	char *name, *path;
	char *summary; /* the text of a script between <limactl-desc> and </limactl-desc>; may be empty */
	bool hidden;   /* url-NAME: it resolves locators */
};
struct plugins {
	struct plugin *v; /* by name */
	size_t n;
};

/* The directories, in order. */
void plugin_dirs(const char *argv0, struct strv *dirs);
/* The path of one, NULL when there is none. The caller frees it. Looks at nothing else. */
char *plugin_find(const char *argv0, const char *name);
/* All of them; plugins_free afterwards. */
void plugins_list(const char *argv0, struct plugins *list);
void plugins_free(struct plugins *list);
/* Runs one with `args` (NULL-terminated) and waits: its exit status, 255 when a signal ended it. */
int plugin_run(const char *argv0, const char *path, char *const *args, struct err *e);

#endif
