/* forward_rules - which listener of the guest goes where on the host: the portForwards of lima.yaml, in order, between
 * two rules that keep the SSH ports out and one at the end that forwards what listens on the guest's loopback or
 * everywhere.
 *
 * Pure: no sockets, no state. The first rule that fits decides.
 */
#ifndef HOSTAGENT_FORWARD_RULES_H
#define HOSTAGENT_FORWARD_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "kv.h"
#include "wire.h"

#define FORWARD_RULES_MAX 4096

/* An IPv4 or IPv6 address, IPv4 in its IPv6-mapped form. */
struct ip {
	uint8_t b[16];
};

struct forward_rule {
	bool tcp, udp;
	struct ip guest_ip, host_ip;
	bool must_be_zero; /* guest_ip 0.0.0.0 means just that, not "any" */
	uint16_t guest0, guest1, host0; /* host0: 0 when a rule for a socket names no port */
	char *guest_socket, *host_socket; /* NULL: none */
	bool reverse, ignore, is_static;
	bool built_in; /* not the user's */
};

struct forward_rules {
	struct forward_rule *rule;
	size_t n;
	bool silent_tcp, silent_udp; /* the user's first rules ignore everything: not worth a message for each port */
};

/* Reads portForwards.* (instance_files.h) and adds the built-in rules; ssh_port is the host's port for SSH, 0 when
 * there is none. forward_rules_free afterwards, also after an error. */
int forward_rules_load(const struct kv *conf, uint16_t ssh_port, struct forward_rules *r, struct err *e);
void forward_rules_free(struct forward_rules *r);

/* The rule for a listener in the guest, NULL when there is none or it says "ignore". Rules for sockets are passed over.
 * The host port is forward_host_port(). */
const struct forward_rule *forward_rules_match(const struct forward_rules *r, uint8_t proto, const struct ip *ip,
					       uint16_t port);
/* What a rule makes of a guest port in its range. */
uint16_t forward_host_port(const struct forward_rule *rule, uint16_t guest_port);

/* An address of the wire or a text; -1 when it is none. */
void ip_of_wire(const struct wire_addr *a, struct ip *ip);
int ip_parse(const char *text, struct ip *ip);
bool ip_unspecified(const struct ip *ip); /* 0.0.0.0 or :: */
bool ip_is_v4(const struct ip *ip);
bool ip_loopback(const struct ip *ip); /* 127.0.0.0/8 or ::1 */
/* "127.0.0.1:80" or "[::1]:80" */
void ip_format(const struct ip *ip, uint16_t port, char *out, size_t n);

#endif
