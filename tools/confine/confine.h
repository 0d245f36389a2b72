/* confine - a process that sees one folder of the file system and nothing else, by a mount namespace of its own. What is
 * here is Linux only; elsewhere, and where the kernel or its administrator forbids it, the answer is EXIT_UNAVAIL.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

struct confine {
	const char *dir;     /* absolute; stays under this name */
	bool read_only;      /* it cannot be changed by any means */
	bool keep_root;      /* everything else stays visible, too */
	struct strv *files;  /* what the program needs: itself, its libraries; absolute paths (not with keep_root) */
};

/* Adds the absolute path of `program` and those of its libraries, asked of ldd(1). A static program has none. */
int confine_needs(const char *program, struct strv *files, struct err *e);

/* Enters the confinement; the working directory becomes `dir`. When it fails, the process is in an unknown state and
 * must end. EXIT_NO: there is no such folder, which says nothing about the system. An unprivileged process keeps its numbers, but sees the files of others as nobody's. A privileged one
 * keeps only the rights to read, write and own the files of others. */
int confine_enter(const struct confine *c, struct err *e);

#endif
