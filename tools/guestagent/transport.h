/* transport - the ways to the host: a virtio port that is found by its name, vsock, a unix socket. */
#ifndef GUESTAGENT_TRANSPORT_H
#define GUESTAGENT_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

void transport_init(void);
/* Opens the port of that name, now or when it appears. A name that begins with '/' is a device's path. */
int transport_virtio(const char *name, struct err *e);
/* Listens on a vsock port, for the host (CID 2) only. */
int transport_vsock(uint32_t port, struct err *e);
/* Listens on a unix socket, mode 0600, for `owner` and root only. */
int transport_unix(const char *path, uid_t owner, struct err *e);
/* Reads, answers and writes on all of them. Returns whether there is more work to do. */
bool transport_run(void);

#endif
