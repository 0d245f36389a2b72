/* dns_guest - the DNS queries of the guest, which come as frames over the channel to its agent (wire.h).
 *
 * The guest is not trusted: it can have so many queries under way and send so many a second, and what is beyond that is
 * passed over, as a lost datagram would be. Names are never logged.
 */
#ifndef HOSTAGENT_DNS_GUEST_H
#define HOSTAGENT_DNS_GUEST_H

#include <event2/event.h>
#include <stdint.h>

#include "err.h"
#include "kv.h"
#include "wire.h"

#define DNS_GUEST_JOBS 64
#define DNS_GUEST_RATE 1000 /* queries a second, and at once */

struct dns_guest;

/* Sends a frame of the type DNS; -1 when that is not possible now. */
typedef int dns_send_fn(void *arg, uint32_t stream, const void *data, uint32_t n);

/* From agent.conf, keys hostResolver.*. NULL, without an error, when the instance does not want it. Entries of
 * hostResolver.hosts that are no names are reported in the log and left out. */
struct dns_guest *dns_guest_new(struct event_base *base, const struct kv *conf, dns_send_fn *send, void *arg);
void dns_guest_free(struct dns_guest *g);
/* The address that the guest agent is to take over, for HELLO; "" for NULL. */
const char *dns_guest_address(const struct dns_guest *g);
/* A frame of the type DNS. */
void dns_guest_frame(struct dns_guest *g, const struct wire_frame *f);
/* The session has ended: nobody waits for answers. */
void dns_guest_gone(struct dns_guest *g);

struct dns_counts {
	uint64_t queries, dropped; /* taken; passed over because of the limits */
	unsigned waiting;
};
struct dns_counts dns_guest_counts(const struct dns_guest *g);

#endif
