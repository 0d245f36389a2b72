/* resolve - which command the words of a command line name, wherever flags stand between them. */
#ifndef LIMACTL_RESOLVE_H
#define LIMACTL_RESOLVE_H

#include "command.h"

struct parsed {
	const struct command *cmd; /* NULL: limactl itself */
	char *path;                /* "limactl disk create" */
	struct strv rest;          /* the words without the names of the commands */
	char *word;                /* with cmd = NULL: what is no command; NULL: none */
	size_t word_at;            /* and where it stands in `rest` */
};

/* Looks at argv[0..n-1] (without the program's name). parsed_free afterwards. */
void parsed_resolve(char *const *argv, size_t n, struct parsed *p);
void parsed_free(struct parsed *p);
/* The tables of a command (NULL: limactl itself) and the global ones; NULL-ended, the caller frees the list. */
const struct flag_spec **parsed_tables(const struct command *cmd);

#endif
