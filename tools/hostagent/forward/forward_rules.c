/* forward_rules - see forward_rules.h. */
#include "forward_rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

enum { SSH_PORT = 22 };

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
static const struct ip v4_any = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0 } };
static const struct ip v4_loopback = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1 } };
static const struct ip v6_any = { { 0 } };
static const struct ip v6_loopback = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } };

static bool same(const struct ip *a, const struct ip *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool ip_is_v4(const struct ip *ip)
{
	return !memcmp(ip->b, mapped, sizeof(mapped));
}

bool ip_unspecified(const struct ip *ip)
{
	return same(ip, &v4_any) || same(ip, &v6_any);
}

bool ip_loopback(const struct ip *ip)
{
	return same(ip, &v6_loopback) || (ip_is_v4(ip) && ip->b[12] == 127);
}

void ip_of_wire(const struct wire_addr *a, struct ip *ip)
{
	if (a->family == 6) {
		memcpy(ip->b, a->ip, 16);
		return;
	}
	memcpy(ip->b, mapped, sizeof(mapped));
	memcpy(ip->b + 12, a->ip, 4);
}

int ip_parse(const char *text, struct ip *ip)
{
	memcpy(ip->b, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, text, ip->b + 12) == 1)
		return 0;
	return inet_pton(AF_INET6, text, ip->b) == 1 ? 0 : -1;
}

void ip_format(const struct ip *ip, uint16_t port, char *out, size_t n)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (ip_is_v4(ip))
		inet_ntop(AF_INET, ip->b + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, ip->b, text, sizeof(text));
	snprintf(out, n, ip_is_v4(ip) ? "%s:%u" : "[%s]:%u", text, port);
}

static struct forward_rule *add(struct forward_rules *r)
{
	r->rule = xrealloc(r->rule, (r->n + 1) * sizeof(*r->rule));
	r->rule[r->n] = (struct forward_rule){
		.tcp = true, .udp = true, .guest_ip = v4_loopback, .host_ip = v4_loopback, .guest0 = 1, .guest1 = 65535,
		.host0 = 1,
	};
	return &r->rule[r->n++];
}

static void keep_out(struct forward_rules *r, uint16_t port)
{
	struct forward_rule *rule = add(r);

	rule->guest_ip = v4_any;
	rule->guest0 = rule->guest1 = port;
	rule->ignore = rule->built_in = true;
}

static int read_ip(const struct kv *kv, size_t i, const char *key, struct ip *ip, struct err *e)
{
	const char *text = kv_get(kv, "", "portForwards.%zu.%s", i, key);

	if (*text && ip_parse(text, ip) < 0)
		return err_set(e, EXIT_BADDATA, "portForwards[%zu].%s: '%s' is not an IP address", i, key, text);
	return 0;
}

static int read_port(const struct kv *kv, size_t i, const char *key, uint16_t *port, struct err *e)
{
	uint64_t v = kv_num(kv, 0, "portForwards.%zu.%s", i, key);

	if (v > 65535)
		return err_set(e, EXIT_BADDATA, "portForwards[%zu].%s: %llu is not a port", i, key,
			       (unsigned long long)v);
	if (v)
		*port = (uint16_t)v;
	return 0;
}

static char *read_path(const struct kv *kv, size_t i, const char *key)
{
	const char *text = kv_get(kv, "", "portForwards.%zu.%s", i, key);

	return *text ? xstrdup(text) : NULL;
}

static int read_ports(const struct kv *kv, size_t i, struct forward_rule *rule, struct err *e)
{
	uint16_t host1 = 0;

	if (read_port(kv, i, "guestPort0", &rule->guest0, e) < 0)
		return -1;
	if (kv_num(kv, 0, "portForwards.%zu.guestPort0", i))
		rule->guest1 = rule->guest0;
	rule->host0 = rule->guest_socket ? 0 : rule->guest0;
	if (read_port(kv, i, "guestPort1", &rule->guest1, e) < 0 ||
	    read_port(kv, i, "hostPort0", &rule->host0, e) < 0 ||
	    read_port(kv, i, "hostPort1", &host1, e) < 0)
		return -1;
	if (rule->guest_socket)
		return 0;
	if (rule->guest1 < rule->guest0 || rule->host0 + (rule->guest1 - rule->guest0) > 65535)
		return err_set(e, EXIT_BADDATA, "portForwards[%zu]: the range of ports does not fit", i);
	return 0;
}

static int read_rule(const struct kv *kv, size_t i, struct forward_rule *rule, struct err *e)
{
	const char *proto = kv_get(kv, "any", "portForwards.%zu.proto", i);
	const char *zero = kv_get(kv, "", "portForwards.%zu.guestIPMustBeZero", i);

	rule->tcp = strcmp(proto, "udp") != 0;
	rule->udp = strcmp(proto, "tcp") != 0;
	if (!strcmp(zero, "true"))
		rule->guest_ip = v4_any;
	if (read_ip(kv, i, "guestIP", &rule->guest_ip, e) < 0 || read_ip(kv, i, "hostIP", &rule->host_ip, e) < 0)
		return -1;
	rule->must_be_zero = *zero ? !strcmp(zero, "true") || !strcmp(zero, "1") : same(&rule->guest_ip, &v4_any);
	rule->guest_socket = read_path(kv, i, "guestSocket");
	rule->host_socket = read_path(kv, i, "hostSocket");
	rule->reverse = kv_bool(kv, "portForwards.%zu.reverse", i);
	rule->ignore = kv_bool(kv, "portForwards.%zu.ignore", i);
	rule->is_static = kv_bool(kv, "portForwards.%zu.static", i);
	return read_ports(kv, i, rule, e);
}

/* As long as the user's rules only ignore whole ranges, the ports that they ignore are not worth a message. */
static void find_silent(struct forward_rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct forward_rule *rule = &r->rule[i];

		if (rule->built_in)
			continue;
		if (!rule->ignore || rule->guest0 != 1 || rule->guest1 != 65535)
			return;
		r->silent_tcp = r->silent_tcp || rule->tcp;
		r->silent_udp = r->silent_udp || rule->udp;
	}
}

int forward_rules_load(const struct kv *conf, uint16_t ssh_port, struct forward_rules *r, struct err *e)
{
	size_t n = (size_t)kv_num(conf, 0, "portForwards");

	*r = (struct forward_rules){ 0 };
	if (n > FORWARD_RULES_MAX)
		return err_set(e, EXIT_BADDATA, "portForwards: more than %d rules", FORWARD_RULES_MAX);
	keep_out(r, SSH_PORT);
	if (ssh_port)
		keep_out(r, ssh_port);
	for (size_t i = 0; i < n; i++)
		if (read_rule(conf, i, add(r), e) < 0)
			return -1;
	find_silent(r);
	add(r)->built_in = true;
	return 0;
}

void forward_rules_free(struct forward_rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->rule[i].guest_socket);
		free(r->rule[i].host_socket);
	}
	free(r->rule);
	*r = (struct forward_rules){ 0 };
}

static bool fits(const struct forward_rule *rule, uint8_t proto, const struct ip *ip, uint16_t port)
{
	if (rule->guest_socket || !(proto == WIRE_UDP ? rule->udp : rule->tcp) || port < rule->guest0 ||
	    port > rule->guest1)
		return false;
	return ip_unspecified(ip) || same(ip, &rule->guest_ip) ||
	       (same(ip, &v6_loopback) && same(&rule->guest_ip, &v4_loopback)) ||
	       (ip_unspecified(&rule->guest_ip) && !rule->must_be_zero);
}

const struct forward_rule *forward_rules_match(const struct forward_rules *r, uint8_t proto, const struct ip *ip,
					       uint16_t port)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct forward_rule *rule = &r->rule[i];

		if (!fits(rule, proto, ip, port))
			continue;
		if (!rule->ignore)
			return rule;
		/* Who listens everywhere also listens where this rule does not reach. */
		if (!ip_unspecified(ip) || ip_unspecified(&rule->guest_ip))
			return NULL;
	}
	return NULL;
}

uint16_t forward_host_port(const struct forward_rule *rule, uint16_t guest_port)
{
	return (uint16_t)(rule->host0 + (guest_port - rule->guest0));
}
