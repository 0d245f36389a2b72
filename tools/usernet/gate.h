/* gate - what becomes of each frame that a guest sends: the rules of the network, and the services in it.
 *
 *   refused   what poses as the gateway or as a guest with a lease, IPv6, answers of a guest's DHCP server, and to the
 *             outside what is not from an address of this network or is meant for nowhere (link-local, loopback, multicast)
 *   ours      DHCP; names by UDP and TCP at the gateway and the name server; ping of the name server
 *   outside   what else is for the gateway's MAC address
 *   switched  the rest
 */
#ifndef USERNET_GATE_H
#define USERNET_GATE_H

#include "knock.h"
#include "leases.h"
#include "names.h"
#include "outside.h"
#include "switch.h"

#define GATE_QUESTIONS_MAX 64u /* DNS queries under way of one port; more are passed over, as lost datagrams are */

struct question;

struct gate {
	const struct subnet *subnet;
	struct leases *leases;
	struct names *names;
	struct outside *outside;
	struct net_switch *sw;
	struct knocks *knocks;
	struct question *questions;
	uint64_t queries, refused_queries;
};

/* An inspect_fn, of a struct gate. */
enum verdict gate_inspect(void *arg, struct port *from, const struct frame *f, const uint8_t *p, size_t n);
/* Forgets the queries that are under way. */
void gate_free(struct gate *g);

#endif
