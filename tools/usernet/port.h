/* port - the two kinds of sockets that machines come by.
 *
 *   stream   a unix stream: each frame behind its length (switch.h), what QEMU's `-netdev stream` speaks
 *   dgram    a unix datagram socket, one frame in a datagram, handed over by SCM_RIGHTS
 */
#ifndef USERNET_PORT_H
#define USERNET_PORT_H

#include <event2/listener.h>

#include "switch.h"

/* Callbacks of a listener whose argument is the switch. A connection on the second one brings a datagram socket. */
void stream_on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *sw);
void dgram_on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *sw);

/* Makes a port of a connected socket. -1 when it is not of that kind, or there are too many ports; it is closed then. */
int stream_port(struct net_switch *sw, int fd);
int dgram_port(struct net_switch *sw, int fd);

#endif
