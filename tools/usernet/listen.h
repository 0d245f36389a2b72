/* listen - unix sockets to listen on, and what accepts on them. */
#ifndef USERNET_LISTEN_H
#define USERNET_LISTEN_H

#include <event2/event.h>

#include "err.h"

/* Makes a listening socket of mode 0600 that does not block, in the place of a socket file that is there; anything else there
 * is an error, and so is a path that is too long for a socket. */
int unix_listen(const char *path, struct err *e);

struct evconnlistener;
struct port_listener;
/* Calls fn with each connection, whose descriptor it takes over. It pauses when there are no descriptors left. */
struct port_listener *port_listener_new(struct event_base *base, int fd, void (*fn)(void *arg, int fd), void *arg);
/* The same pause for a listener that somebody else accepts on: evhttp. */
struct port_listener *port_listener_wrap(struct event_base *base, struct evconnlistener *l);

#endif
