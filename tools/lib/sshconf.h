/* sshconf - the text of DIR/ssh.config, the one description of how to reach the machine: the host agent, `make shell`
 * and a user's own `ssh -F DIR/ssh.config HOSTNAME` all use it. */
#ifndef LIMA_SSHCONF_H
#define LIMA_SSHCONF_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "kv.h"

/* How fast the guest's CPU does AES. Emulated ones have no such instructions, whatever the host's CPU can do. */
enum ssh_aes { SSH_AES_SLOW, SSH_AES_FAST };

/* conf: agent.conf. dir: the instance directory, absolute. port: where the guest's sshd is reached. Private keys
 * that ssh_config cannot name are left out, with the number of them in *left_out. Errors: EXIT_BADDATA for a value
 * that cannot be written (a newline, a quote). */
int sshconf_text(const struct kv *conf, const char *dir, int port, enum ssh_aes aes, struct buf *out, size_t *left_out,
		 struct err *e);

/* Whether the CPU of this host has AES instructions (by the flags in `cpuinfo`, normally /proc/cpuinfo). */
bool cpu_has_aes(const char *cpuinfo);

#endif
