/* intr - ^C and kill: remembered by a handler, answered where temporary files can be removed. */
#ifndef LIMA_FETCH_INTR_H
#define LIMA_FETCH_INTR_H

#include "err.h"

/* From now on SIGINT, SIGTERM and SIGHUP are only remembered (system calls that wait return EINTR), and SIGPIPE and
 * SIGXFSZ are ignored, so that they show as errors of write(2). */
void intr_install(void);
/* A descriptor that becomes readable when such a signal came; -1 before intr_install. */
int intr_fd(void);
/* 0, or -1 and *e when one came. */
int intr_check(struct err *e);
/* Ends the process by the signal that came; returns when there was none. The last act of main. */
void intr_exit(void);

#endif
