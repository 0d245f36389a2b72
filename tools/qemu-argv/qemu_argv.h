/* qemu_argv - the QEMU command line of an instance. */
#ifndef LIMA_QEMU_ARGV_H
#define LIMA_QEMU_ARGV_H

#include "buf.h"
#include "err.h"

#define FD_NONE (-1)

struct qemu_argv_opts {
	/* The instance directory; names in the result begin with it, unless it is ".". */
	const char *dir;
	/* Listening sockets that QEMU inherits instead of making qmp.sock and ga.sock; or FD_NONE. */
	int qmp_fd, agent_fd;
};

/* Appends the program and its arguments to `argv`, and things the user should know to `notes`. Starts nothing, reads
 * only files below `dir`. */
int qemu_argv_build(const struct qemu_argv_opts *opts, struct strv *argv, struct strv *notes, struct err *e);

#endif
