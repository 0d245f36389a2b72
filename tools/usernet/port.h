/* port - the two kinds of sockets that machines come by.
 *
 *   stream   a unix stream: each frame behind its length (switch.h), what QEMU's `-netdev stream` speaks
 *   dgram    a unix datagram socket, one frame in a datagram, handed over by SCM_RIGHTS
 */
#ifndef USERNET_PORT_H
#define USERNET_PORT_H

#include "err.h"
#include "switch.h"

struct port_listener;

/* Accepts streams on a listening socket, which it takes over. */
struct port_listener *stream_listen(struct net_switch *sw, int fd);
/* Accepts connections that bring datagram sockets. */
struct port_listener *dgram_listen(struct net_switch *sw, int fd);
void port_listener_free(struct port_listener *l);

/* Makes a port of a connected socket. -1 when it is not of that kind, or there are too many ports; it is closed then. */
int stream_port(struct net_switch *sw, int fd);
int dgram_port(struct net_switch *sw, int fd);

#endif
