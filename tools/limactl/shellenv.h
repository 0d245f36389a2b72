/* shellenv - which variables of the host `limactl shell --preserve-env` hands on to the guest.
 *
 * A pattern is a name in which '*' stands for any run of characters; it must match the whole name. A variable that matches
 * $LIMA_SHELLENV_ALLOW is passed; else one that matches the block list is held back; else it is passed. The block list is the
 * built-in one, $LIMA_SHELLENV_BLOCK, or with a '+' before it both.
 * Source: spec/cli.md section 3.
 */
#ifndef LIMACTL_SHELLENV_H
#define LIMACTL_SHELLENV_H

#include "buf.h"
#include "err.h"

/* The built-in block list, in the order of `limactl info`; NULL-ended. */
extern const char *const shellenv_block[];

/* Adds those of `environment` ("K=V", NULL-ended) that may pass, in order. `block` and `allow` are the values of the two variables,
 * NULL = not set. EXIT_NO for a pattern with another character than [A-Za-z0-9_*]. */
int shellenv_filter(char *const *environment, const char *block, const char *allow, struct strv *out, struct err *e);

#endif
