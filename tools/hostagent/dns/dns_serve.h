/* dns_serve - the resolver of dns.h on plain sockets of the loopback interface, until the process is killed: what
 * `lima-hostagent --dns` does. */
#ifndef HOSTAGENT_DNS_SERVE_H
#define HOSTAGENT_DNS_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

#define DNS_SERVE_JOBS 256 /* queries under way; more are passed over */
#define DNS_SERVE_GATEWAY "192.168.5.2" /* host.lima.internal */

struct dns_serve_options {
	uint16_t udp_port, tcp_port; /* 0: a free one */
	bool tcp, ipv6;
	struct strv hosts; /* "NAME=VALUE" */
};

/* Serves on 127.0.0.1, and prints "udp ADDRESS:PORT" and "tcp ADDRESS:PORT" on standard output when it does. Returns
 * after SIGTERM or SIGINT; the exit status. */
int dns_serve(const struct dns_serve_options *o);

#endif
