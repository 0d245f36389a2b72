/* forward_listen - the sockets that listen on the host. */
#ifndef HOSTAGENT_FORWARD_LISTEN_H
#define HOSTAGENT_FORWARD_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "forward_rules.h"

/* A bound (TCP: listening), non-blocking socket. -1: *e says why, with the process that has the port if that can be
 * seen; *retry tells whether it may work later. */
int forward_listen_ip(uint8_t proto, const struct ip *ip, uint16_t port, bool *retry, struct err *e);
/* A unix socket of mode 0600. A socket that nobody listens on any more is replaced, anything else is left alone.
 * Missing directories are made (0700). */
int forward_listen_path(const char *path, bool *retry, struct err *e);
/* Whether binding the port takes a privilege, even if we have it. */
bool forward_port_privileged(uint16_t port);

#endif
