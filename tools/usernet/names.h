/* names - the name server of a network: its zones, and what this host can resolve (dns/dns.h). */
#ifndef USERNET_NAMES_H
#define USERNET_NAMES_H

#include "dns/dns.h"
#include "dns/dns_conf.h"
#include "zones.h"

struct names {
	struct dns *dns;
	struct zones zones;
	struct dns_conf conf; /* of the host, for its search list */
};

void names_init(struct names *n, struct event_base *base);
void names_free(struct names *n);

/* Answers a query as dns_answer does: `fn` is called once, before this returns (which is then with NULL) or later. */
struct dns_job *names_answer(struct names *n, const uint8_t *query, size_t len, enum dns_transport transport,
			     dns_answer_fn *fn, void *arg);

/* The settings of the host's resolver as they are now. */
const struct dns_conf *names_conf(struct names *n);

#endif
