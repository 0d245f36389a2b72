/* unixsock - unix stream sockets by their path (unix(7)). A path of over 107 bytes is an error (EXIT_USAGE). */
#ifndef LIMA_UNIXSOCK_H
#define LIMA_UNIXSOCK_H

#include "err.h"

/* Makes a listening socket of mode 0600 in the place of whatever socket file is there; anything else there is an error. */
int unixsock_listen(const char *path, struct err *e);
/* Connects; where the listener's queue is full, waits for at most wait_ms (0: not at all, and the socket does not block). errno
 * has the reason of a failure. */
int unixsock_connect(const char *path, int wait_ms, struct err *e);

#endif
