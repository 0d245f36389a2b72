/* dns_tcp - DNS over stream sockets (RFC 1035, 4.2.2): each message behind its length. */
#ifndef DNS_TCP_H
#define DNS_TCP_H

#include <event2/listener.h>

#include "dns.h"

#define DNS_TCP_CONNECTIONS 64 /* more are closed at once */
#define DNS_TCP_IDLE_S 30      /* then a connection is closed */

/* What answers: dns_answer, or something like it. */
typedef struct dns_job *dns_resolve_fn(void *arg, const uint8_t *query, size_t n, enum dns_transport transport,
				       dns_answer_fn *fn, void *fn_arg);

struct dns_tcp;

/* Serves the connections of a listener, which stays its owner's; it must not have a callback of its own. */
struct dns_tcp *dns_tcp_new(struct event_base *base, struct evconnlistener *l, dns_resolve_fn *resolve, void *arg);
/* Closes the connections. The listener accepts no more. */
void dns_tcp_free(struct dns_tcp *t);

#endif
