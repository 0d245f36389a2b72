/* command - what a subcommand of limactl is, and what one run of it knows.
 *
 * Each command is one `const struct command` in a file of its own (cmd_NAME.c), listed in commands.c. Help, usage, completion, and
 * the documentation are made from these tables.
 */
#ifndef LIMACTL_COMMAND_H
#define LIMACTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "buf.h"
#include "err.h"
#include "flags.h"
#include "log.h"

/* One run. */
struct ctl {
	const struct command *cmd;
	char *path;          /* "limactl disk create", for messages */
	struct flags *flags; /* the command's and the global ones */
	struct strv args;    /* the positional ones */
	bool tty;            /* --tty: menus and editors are wanted */
	bool debug;
	const char *program; /* argv[0] */
};

/* The groups of the help page, in its order. */
enum group { GROUP_BASIC, GROUP_ADVANCED, GROUP_PLUGINS, GROUP_NONE };

#define ARGS_ANY 1000000

struct command {
	const char *name;
	const char *aliases; /* blank separated; NULL: none */
	enum group group;
	const char *use;     /* the arguments in the usage line: "[flags] INST [COMMAND...]" */
	const char *summary; /* one line */
	const char *text;    /* more, and examples; NULL: none */
	int min_args, max_args;
	const struct flag_spec *const *flags;    /* NULL-ended list of tables; NULL: none */
	const struct command *const *sub;        /* NULL-ended; a group of commands has no `run` */
	enum complete complete;                  /* of the positional arguments */
	const char *suggest; /* a word that people try instead of its name; NULL: none */
	const char *shared;  /* help: the heading of the flags in the second table and behind; NULL: all under one heading */
	bool hidden;
	bool stop_at_first;  /* flags end at the first positional argument (shell, tunnel) */
	bool own_log;        /* global logging flags have no effect (snapshot, tunnel); warns that it is experimental */
	bool bare_count;     /* a wrong number of arguments is told by the bare reason */
	const char *deprecated; /* what to use instead; printed before it runs */
	/* The exit status, or -1 and *e: then it is logged as fatal and the status is 1. Output that the user asked for
	 * goes to standard output, everything else through log.h. */
	int (*run)(struct ctl *c, struct err *e);
};

/* The table of all, in the order of the help page (commands.c). */
extern const struct command *const command_table[];
/* By name or alias in a NULL-ended table, which may be NULL. */
const struct command *command_find(const struct command *const *table, const char *name);
/* "DISK --size SIZE [flags]" behind the path. The caller frees it. */
char *command_usage(const struct command *cmd, const char *path);

/* Flags of every command, and those of limactl alone (dispatch.c). */
extern const struct flag_spec global_flags[], root_flags[];
/* The whole program; the exit status. */
int limactl_main(int argc, char **argv);
/* The one line of warning for commands that create or start as root. */
void warn_root(void);

/* help.c: the page of a command, NULL = of limactl itself. */
void help_print(FILE *out, const struct command *cmd, const char *path);
/* The names a wrong word may have been meant for, "\n\nDid you mean this?\n\tshell\n"; nothing when there are none. */
void help_suggest(const char *word, struct buf *out);

/* Flags that change a template: for create and start alone (C), for these and edit, clone, rename, restart (E);
 * spec/cli.md section 7 (flags_edit.c). */
extern const struct flag_spec flags_set_e[], flags_set_c[];
/* Adds those that were given as options of lima-render, "--cpus=2", to *settings; warns of those that an existing instance
 * does not take, and of experimental ones. EXIT_NO with "error while processing flag `F`: REASON". */
int flags_edit_settings(const struct ctl *c, bool existing, struct strv *settings, struct err *e);
/* Gives an error of lima-render or render/edit.h about one of these, "--FLAG VALUE: REASON", that form too; leaves others alone. */
void flags_edit_error(struct err *e);

#endif
