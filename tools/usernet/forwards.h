/* forwards - the ports of the host that lead to guests. */
#ifndef USERNET_FORWARDS_H
#define USERNET_FORWARDS_H

#include "outside.h"

#define FORWARDS_MAX 1024u

struct forward {
	bool udp;
	uint32_t host, guest;
	uint16_t host_port, guest_port;
};
struct forwards {
	struct outside *outside;
	const struct subnet *subnet;
	struct forward *v;
	size_t n;
};

/* "127.0.0.1:60022" (":60022": every address of the host) and "192.168.104.5:22", "tcp" or "udp" (NULL: tcp).
 * EXIT_BADDATA: something of it is none of these. */
int forward_parse(const struct forwards *f, const char *local, const char *remote, const char *protocol,
		  struct forward *out, struct err *e);
/* Begins it; port 0 becomes the one that was free. EXIT_UNAVAIL: it cannot be had. */
int forwards_add(struct forwards *f, struct forward *new, struct err *e);
/* Ends the one with that host address, port and protocol; false when there is none. */
bool forwards_remove(struct forwards *f, const struct forward *like);
void forwards_free(struct forwards *f);

/* "127.0.0.1:60022" */
#define ENDPOINT_TEXT 24u
void endpoint_format(uint32_t ip, uint16_t port, char out[ENDPOINT_TEXT]);

#endif
