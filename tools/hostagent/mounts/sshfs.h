/* sshfs - one reverse-sshfs mount; used by mounts.c. */
#ifndef HOSTAGENT_SSHFS_H
#define HOSTAGENT_SSHFS_H

#include <stdbool.h>

#include "buf.h"

struct mount;

void sshfs_start(struct mount *m);
/* Asks it to end; mounts_one_ended follows, perhaps at once. */
void sshfs_stop(struct mount *m);
/* Ends it now, silently. */
void sshfs_kill(struct mount *m);
bool sshfs_alive(const struct mount *m);

/* Appends a word quoted for a shell (sh, and others that know single quotes). */
void shell_quote(struct buf *out, const char *word);
/* The mount point as it stands in /proc/mounts: blank, tabulator, newline and backslash in octal. */
void mounts_escape(struct buf *out, const char *path);

#endif
