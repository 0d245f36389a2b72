/* socket - unix sockets of the instance, by their short names in the working directory. */
#ifndef HOSTAGENT_SOCKET_H
#define HOSTAGENT_SOCKET_H

#include "err.h"

/* Makes a listening socket of mode 0600 in the place of whatever socket file is there; anything else there is an
 * error. */
int socket_listen(const char *name, struct err *e);
/* Connects; where the listener's queue is full, waits for at most wait_ms (0: not at all). */
int socket_connect(const char *name, int wait_ms, struct err *e);

#endif
