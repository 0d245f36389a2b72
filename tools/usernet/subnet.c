/* subnet - see subnet.h. */
#include "subnet.h"

#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "wire.h"

static struct mac mac_of(uint32_t ip)
{
	struct mac m = { { 0x52, 0x55 } };

	wire_put32(m.b + 2, ip);
	return m;
}

int subnet_parse(const char *text, unsigned mtu, struct subnet *s, struct err *e)
{
	const char *slash = strchr(text, '/');
	char *ip_text = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	uint64_t prefix = 24;
	uint32_t ip, hosts;
	bool good = ip_parse(ip_text, &ip);

	free(ip_text);
	if (!good)
		return err_set(e, EXIT_USAGE, "--subnet %s: ADDRESS/LENGTH is needed, as in 192.168.104.0/24", text);
	if (slash && num_parse(slash + 1, SUBNET_PREFIX_MIN, SUBNET_PREFIX_MAX, "the length", &prefix, e) < 0) {
		e->code = EXIT_USAGE;
		return err_wrap(e, "--subnet %s", text);
	}
	*s = (struct subnet){ .mtu = mtu };
	s->mask = 0xffffffffu << (32 - prefix);
	s->net = ip & s->mask;
	if (s->net >> 24 == 0 || s->net >> 24 == 127 || s->net >> 28 >= 14)
		return err_set(e, EXIT_USAGE, "--subnet %s: not a network that guests can be in", text);
	s->broadcast = s->net | ~s->mask;
	s->gateway = s->net + SUBNET_GATEWAY;
	s->dns = s->net + SUBNET_DNS;
	s->first = s->net + SUBNET_FIRST;
	hosts = s->broadcast - s->first;
	s->guests = hosts < SUBNET_GUESTS_MAX ? hosts : SUBNET_GUESTS_MAX;
	s->gateway_mac = mac_of(s->gateway);
	s->dns_mac = mac_of(s->dns);
	return 0;
}

bool subnet_has(const struct subnet *s, uint32_t ip)
{
	return (ip & s->mask) == s->net;
}

int subnet_index(const struct subnet *s, uint32_t ip)
{
	return ip >= s->first && ip - s->first < s->guests ? (int)(ip - s->first) : -1;
}
