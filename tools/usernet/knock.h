/* knock - whether somebody listens at a TCP port of a guest: a SYN from the name server's address, and what comes back.
 *
 * Not a connection through a forwarded port: libslirp accepts that before it knows whether the guest does. Nobody tells when a
 * guest begins to listen, so that it is tried again from time to time; and a half-open connection is reset, so that the server
 * in the guest never sees it.
 */
#ifndef USERNET_KNOCK_H
#define USERNET_KNOCK_H

#include "leases.h"
#include "switch.h"

#define KNOCKS_MAX 64u
#define KNOCK_EVERY_MS 500

struct knock;

struct knocks {
	struct event_base *base;
	const struct subnet *subnet;
	const struct leases *leases;
	struct net_switch *sw;
	struct knock *list;
	unsigned count;
	uint16_t last_port; /* each has one of its own */
};

typedef void knock_fn(void *arg, bool open);

/* Tries until the port is open or the time is over; then `fn` is called, once, not before this returns. False: there are too
 * many already. */
bool knock_begin(struct knocks *k, uint32_t ip, uint16_t port, unsigned timeout_s, knock_fn *fn, void *arg);
/* A TCP frame for the name server's address: true when it is the answer to a knock. */
bool knock_frame(struct knocks *k, const struct frame *f);
/* Ends all: as not open. */
void knocks_free(struct knocks *k);

#endif
