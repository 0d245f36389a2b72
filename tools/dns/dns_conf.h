/* dns_conf - what the host itself resolves names with: resolv.conf(5) and hosts(5).
 *
 * Both are looked at when a name is asked for, as the C library does, so that no change is missed and nothing has to be
 * watched: the hosts file is read each time, resolv.conf when stat(2) says that it is another one than before.
 */
#ifndef DNS_CONF_H
#define DNS_CONF_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "dns_msg.h"

#define DNS_SERVERS_MAX 8
#define DNS_SEARCH_MAX 16
#define DNS_HOSTS_MAX (1u << 20) /* bytes of the hosts file; what is behind them is not seen */
#define DNS_RESOLV_CONF "/etc/resolv.conf"
#define DNS_HOSTS "/etc/hosts"

union dns_addr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct dns_conf {
	const char *path;    /* of resolv.conf; set once */
	struct stat seen;
	bool known;
	unsigned generation; /* changes with the content */
	union dns_addr server[DNS_SERVERS_MAX];
	unsigned servers, searches, ndots, timeout_s, attempts;
	bool rotate, use_tcp;
	struct dns_name search[DNS_SEARCH_MAX];
};

/* Reads it when it has changed. Without one, or without a usable name server in it, the name server of this machine
 * is asked, as resolv.conf(5) says. Beyond that page "nameserver [ADDRESS]:PORT" is understood. */
void dns_conf_refresh(struct dns_conf *c);
void dns_conf_parse(struct dns_conf *c, char *text);
socklen_t dns_addr_size(const union dns_addr *a);

/* What a hosts file says about a name: its addresses of that type are appended to `data`. Returns whether the name is
 * there at all, with whatever address. */
bool dns_hosts_find(const char *path, const struct dns_name *name, uint16_t type, struct buf *data);
/* The first name that it gives to an address of 4 or 16 bytes. */
bool dns_hosts_reverse(const char *path, const uint8_t *ip, size_t size, struct dns_name *name);

#endif
