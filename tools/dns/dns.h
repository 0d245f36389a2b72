/* dns - answers DNS queries as this host would resolve them, and with names of the instance's own.
 *
 * One query message in, one answer message out, whatever they travel on: hostagent/dns/dns_guest.c has the channel to the guest
 * agent, dns_serve.c plain sockets, usernet/names.c the frames of a network. Nothing blocks.
 *
 *   A, AAAA    aliases followed; an address of a static host; else the hosts file; else the name servers, with the search
 *              list and ndots of resolv.conf. AAAA is answered with "no such record" unless ipv6 is wanted
 *   CNAME      of an alias: the name at its end, or that name's canonical one
 *   PTR        of the address of a static host or one in the hosts file: that name
 *   all else   the message itself goes to the name servers, and what they say comes back unchanged
 *
 * A static host has no records of a family that it was given no address of, and a name that is static is never said not
 * to exist. Our own answers have a TTL of 5 s and the name of the question. When no name server answers: SERVFAIL.
 * Sources of the C library other than files and DNS (nsswitch.conf) are not asked: they would have to be loaded into
 * this process and block it; systemd-resolved, mDNS among it, is a name server like others.
 */
#ifndef DNS_H
#define DNS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct dns;
struct dns_job;

enum dns_transport { DNS_TCP = 6, DNS_UDP = 17 };

/* `resolv_conf` and `hosts` are paths that stay valid; NULL: those of the system, or of the environment variables
 * LIMA_RESOLV_CONF and LIMA_HOSTS. */
struct dns *dns_new(struct event_base *base, bool ipv6, const char *resolv_conf, const char *hosts);
/* Adds a static host, or replaces it: `value` is an IP address, or the name it is an alias of. -1 when one of them is
 * not possible. */
int dns_host(struct dns *d, const char *name, const char *value, struct err *e);
void dns_free(struct dns *d);

/* The answer, and what it was given for; `n` is 0 when there is none (the query was not one). Valid during the call. */
typedef void dns_answer_fn(void *arg, const uint8_t *reply, size_t n);

/* Answers a query. `fn` is called once: before this returns, which is then with NULL, or later. */
struct dns_job *dns_answer(struct dns *d, const uint8_t *query, size_t n, enum dns_transport transport,
			   dns_answer_fn *fn, void *arg);
/* Forgets a query; `fn` is not called. */
void dns_cancel(struct dns_job *j);

#endif
