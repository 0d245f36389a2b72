/* spawn - child processes with an explicit argv and explicit descriptors; never a shell.
 *
 * Every descriptor of ours is close-on-exec; a child gets the three standard ones and what `pass` lists. Signals
 * are unblocked and set to their defaults in the child.
 */
#ifndef LIMA_SPAWN_H
#define LIMA_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

struct spawn {
	char *const *argv;      /* argv[0] is looked up in PATH when it has no slash */
	const char *cwd;        /* NULL = ours */
	int in, out, err;       /* descriptors for 0, 1, 2; SPAWN_INHERIT or SPAWN_NULL */
	const int *pass;        /* descriptors the child gets as 3, 4, ... */
	size_t npass;
	const char *const *env; /* NULL-terminated "K=V" to add or replace; NULL = none */
	bool new_session;       /* setsid, for daemons */
	bool new_group;         /* own process group: a ^C on the terminal does not reach it */
	bool die_with_parent;   /* SIGTERM when our process ends, however it ends (where the kernel can: Linux) */
};
#define SPAWN_INHERIT (-1)
#define SPAWN_NULL (-2)

/* Starts the child; *ret_pid is its pid. A program that cannot be executed is reported here (EXIT_UNAVAIL), not as
 * an exit status 127. */
int spawn_start(const struct spawn *s, pid_t *ret_pid, struct err *e);

/* Waits for the child. Returns its exit status, or 128 + the number of the signal that ended it. */
int spawn_wait(pid_t pid);

/* Runs argv to its end, standard input from /dev/null. *ret_status as spawn_wait. `out` and `errout`, when not
 * NULL, collect the two streams (each at most 1 MiB, what follows is read and dropped); NULL leaves that stream ours. */
int spawn_run(char *const *argv, struct buf *out, struct buf *errout, int *ret_status, struct err *e);

/* The absolute path of a program, looked up in PATH; NULL when there is none. The caller frees it. */
char *program_find(const char *name);

#endif
