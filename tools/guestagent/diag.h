/* diag - asks the kernel which sockets are listening. */
#ifndef GUESTAGENT_DIAG_H
#define GUESTAGENT_DIAG_H

#include <stddef.h>
#include <stdint.h>

#define DIAG_MAX 4096 /* listeners beyond that many are not seen */

/* Compared and sorted as bytes, so it has no padding. */
struct listener {
	uint8_t proto, family; /* as in struct wire_addr */
	uint16_t port;
	uint8_t ip[16];
};
struct listeners {
	struct listener *v;
	size_t n, cap;
};

/* Puts into *out, sorted and each once, the TCP sockets in LISTEN and the UDP sockets that are not connected. An IPv4
 * address in IPv6 form counts as IPv4. Returns -1 with errno, and *out undefined. */
int diag_listeners(struct listeners *out);

#endif
