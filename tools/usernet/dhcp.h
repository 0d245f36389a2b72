/* dhcp - a DHCP server for one network (RFC 2131, 2132, 3397): one message in, one answer out.
 *
 * A client is who its MAC address says: the one in the message must be that of the frame. Everything is answered with mask,
 * router, name server, MTU, broadcast address, and the host's search list as far as it fits.
 */
#ifndef USERNET_DHCP_H
#define USERNET_DHCP_H

#include "buf.h"
#include "dns/dns_conf.h"
#include "leases.h"

enum { DHCP_SERVER_PORT = 67, DHCP_CLIENT_PORT = 68 };
#define DHCP_MESSAGE_MAX 548u /* what every client takes */

struct dhcp_reply {
	struct buf message; /* empty: none */
	uint32_t to;        /* the address it goes to; all ones: everybody */
};

/* Answers a message of n bytes that came from `src`. `search` may be NULL. buf_free the message. */
struct dhcp_reply dhcp_answer(struct leases *l, const struct dns_conf *search, const struct mac *src, const uint8_t *p,
			      size_t n, int64_t now);

#endif
