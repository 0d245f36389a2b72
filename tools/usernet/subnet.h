/* subnet - the addresses of a network: +2 the gateway, +3 the name server, guests from +5 on. As in QEMU's own user network, so
 * that a guest finds the same in both. */
#ifndef USERNET_SUBNET_H
#define USERNET_SUBNET_H

#include "err.h"
#include "frame.h"

enum { SUBNET_GATEWAY = 2, SUBNET_DNS = 3, SUBNET_FIRST = 5 };
#define SUBNET_PREFIX_MIN 8u
#define SUBNET_PREFIX_MAX 28u
#define SUBNET_GUESTS_MAX 1024u /* addresses that are given out, whatever the size of the network */

struct subnet {
	uint32_t net, mask, gateway, dns, broadcast; /* addresses */
	uint32_t first;                              /* of the guests */
	unsigned guests;                             /* how many there can be */
	unsigned mtu;
	struct mac gateway_mac, dns_mac;             /* as libslirp makes them: 52:55 and the address */
};

/* From "192.168.104.0/24"; an address within it will do, too. */
int subnet_parse(const char *text, unsigned mtu, struct subnet *s, struct err *e);
bool subnet_has(const struct subnet *s, uint32_t ip);
/* The index of a guest's address, or -1 when it is none that is given out. */
int subnet_index(const struct subnet *s, uint32_t ip);

#endif
