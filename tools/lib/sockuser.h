/* sockuser - whose socket is at the other end of a connection of this machine, by sock_diag(7). Linux only.
 *
 * The answer is about the moment of the question. A socket that nobody has open any more is nobody's: its program may have ended, or
 * closed it before the question.
 */
#ifndef LIMA_SOCKUSER_H
#define LIMA_SOCKUSER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The user whose socket has the address `peer` and talks to `ours` (both AF_INET or both AF_INET6), by IPPROTO_TCP or IPPROTO_UDP.
 * False with errno: nobody's (ENOENT), or the kernel does not tell. */
bool socket_user(int protocol, const struct sockaddr *peer, const struct sockaddr *ours, uid_t *uid);

#endif
