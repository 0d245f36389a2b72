/* inspect - one instance as data: what list prints, templates and expressions see, and other commands decide by.
 *
 * The map has these keys, in this order; those with ? are left out when zero or empty:
 *   name hostname status dir vmType arch cpus? memory? disk? (bytes) message? additionalDisks? network? sshLocalPort? sshConfigFile?
 *   hostAgentPID? driverPID? errors? config? sshAddress? protected limaVersion param? autoStartedIdentifier? HostOS HostArch
 *   LimaHome IdentityFile
 * Source: spec/cli.md sections 6 and 9.1. No process is started.
 */
#ifndef LIMACTL_INSPECT_H
#define LIMACTL_INSPECT_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "instance/instance.h"
#include "tree.h"

struct inspection {
	char *name, *dir;
	const char *status;   /* "Running", "Stopped", "Broken", or "" when lima.yaml cannot be used */
	bool exists;          /* there is a lima.yaml */
	struct strv errors;   /* one line each */
	struct node *data;    /* the map */
	struct node *config;  /* the resolved document with nothing left out; NULL when lima.yaml cannot be used */
	int ssh_port;         /* 0: not known */
	struct state_info state;
};

/* Looks at one. What is wrong with the instance becomes its `errors`; -1 only for a name that none can have, and for a LIMA_HOME
 * that cannot be used. inspect_free afterwards. */
int inspect(const char *name, struct inspection *i, struct err *e);
/* The same, but a missing lima.yaml is an error (EXIT_NO) in the words of the system. */
int inspect_existing(const char *name, struct inspection *i, struct err *e);
void inspect_free(struct inspection *i);
/* Errors in the form of the log's field: "[text text]". The caller frees it. */
char *inspect_errors(const struct inspection *i);

/* The directories in LIMA_HOME that are instances by their name, in byte order. A missing LIMA_HOME has none. */
int inspect_names(struct strv *names, struct err *e);

/* config.c: the resolved document as `config` and `defaultTemplate` show it. The caller frees it. */
struct node *config_shown(const struct node *resolved);

#endif
