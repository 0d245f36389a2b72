/* logfile - standard output and error of the host agent while they are DIR/ha.stdout.log and DIR/ha.stderr.log: bounded.
 *
 * A file that would grow beyond LOGFILE_MAX, or that the system does not let grow (RLIMIT_FSIZE), becomes ha.stdout.old.log (or
 * ha.stderr.old.log) in place of the one before, and a new one begins. At no time there is no file by the usual name, and nothing
 * is written to one that has become the old one: who follows them reads that to its end and goes on with the new one from its
 * start. The files are found in the working directory; a terminal, a pipe or any other file is left as it is.
 */
#ifndef HOSTAGENT_LOGFILE_H
#define HOSTAGENT_LOGFILE_H

#include <stddef.h>

#define LOGFILE_MAX (8u << 20)

/* Writes a whole line to descriptor 1 or 2. -1 with errno: it is not written, or not all of it. */
int logfile_write(int fd, const char *line, size_t n);

#endif
