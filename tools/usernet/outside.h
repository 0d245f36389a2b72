/* outside - the way out of a network: libslirp, the stack that QEMU's own user network is made of.
 *
 * Connections of guests become connections of this process. The gateway's address stands for the loopback interface of the
 * host; ports of the host are forwarded to guests. libslirp asks for its descriptors to be watched anew in every round, which
 * is a list as long as its connections; it is not asked in rounds in which it had nothing to do.
 */
#ifndef USERNET_OUTSIDE_H
#define USERNET_OUTSIDE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "subnet.h"

#define OUTSIDE_SOCKETS_MAX 4096u /* with so many no more are made */

struct outside;

/* `send` takes the frames to the guests. */
struct outside *outside_new(struct event_base *base, const struct subnet *s,
			    void (*send)(void *arg, const uint8_t *p, size_t n), void *arg, struct err *e);
void outside_free(struct outside *o);

/* A frame of a guest for the gateway. */
void outside_input(struct outside *o, const uint8_t *p, size_t n);
/* Whether there may be further connections. */
bool outside_has_room(const struct outside *o);
unsigned outside_sockets(const struct outside *o);

/* Before and after each round of the event loop. */
void outside_prepare(struct outside *o);
void outside_finish(struct outside *o);

/* Forwards a port of the host, 0 for any, to a guest; *port is the one it became. -1 with EXIT_UNAVAIL and errno's text when it
 * cannot be had. */
int outside_expose(struct outside *o, bool udp, uint32_t host, uint16_t *port, uint32_t guest, uint16_t guest_port,
		   struct err *e);
void outside_unexpose(struct outside *o, bool udp, uint32_t host, uint16_t port);
/* Connects guests that come to this address and TCP port with a unix socket. */
int outside_serve(struct outside *o, uint32_t ip, uint16_t port, const char *path, struct err *e);

#endif
