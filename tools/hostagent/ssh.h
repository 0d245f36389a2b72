/* ssh - ssh.config of the machine on disk, and ssh commands as jobs. */
#ifndef HOSTAGENT_SSH_H
#define HOSTAGENT_SSH_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

struct agent;

#define SSH_CONNECT_TIMEOUT_S 10

/* Writes DIR/ssh.config for the port that is known now. */
int ssh_write_config(struct agent *a, struct err *e);
/* Begins an argv: ssh with our configuration and the host name; the remote command is to be added. Without `mux` the
 * shared connection is neither used nor made. */
void ssh_argv(const struct agent *a, bool mux, struct strv *argv);
/* A request to the shared connection: "exit", or "forward" and "cancel" with `flag` -L or -R and its argument (else
 * NULL). */
void ssh_control_argv(const struct agent *a, const char *request, const char *flag, const char *what,
		      struct strv *argv);

#endif
