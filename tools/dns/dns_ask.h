/* dns_ask - sends one message to the host's name servers and brings back the answer.
 *
 * In the order of resolv.conf, by UDP, each with its time-out; a truncated answer is fetched by TCP when it is wanted
 * whole; when nobody has answered by UDP, all are tried by TCP. A server that did not answer is asked last for a
 * minute. SERVFAIL, NOTIMP and REFUSED of one server send the question to the next, and are the answer when none had a
 * better one. Every question has a socket, a port and an id of its own, so that answers cannot be guessed.
 */
#ifndef DNS_ASK_H
#define DNS_ASK_H

#include <event2/event.h>

#include "dns_conf.h"

#define DNS_ASK_MAX_MS 20000 /* then it is given up */

struct dns_servers {
	struct event_base *base;
	struct dns_conf conf;
	unsigned generation, next;               /* of conf; for `rotate` */
	int64_t silent_until[DNS_SERVERS_MAX];   /* mono_ms */
};

struct dns_ask;
/* `reply` has the id of the query; n is 0 when nobody answered. */
typedef void dns_ask_fn(void *arg, const uint8_t *reply, size_t n);

/* Asks. The message is copied. `whole`: a truncated answer will not do. `fn` is called once, later, and the ask is gone
 * then. */
struct dns_ask *dns_ask(struct dns_servers *s, const uint8_t *query, size_t n, bool whole, dns_ask_fn *fn, void *arg);
/* Forgets it; `fn` is not called. */
void dns_ask_cancel(struct dns_ask *k);

#endif
