/* forward_fixed - rules that do not wait for the guest: static ones, and those for sockets. */
#include <stdio.h>
#include <string.h>

#include "forward_int.h"

static void wire_of(const struct ip *ip, uint8_t proto, uint16_t port, struct wire_addr *a)
{
	memset(a, 0, sizeof(*a));
	a->proto = proto;
	a->port = port;
	a->family = ip_is_v4(ip) ? 4 : 6;
	memcpy(a->ip, ip_is_v4(ip) ? ip->b + 12 : ip->b, a->family == 4 ? 4 : 16);
}

static void open_permanent(struct bound *b, bool reverse, const struct wire_addr *to)
{
	if (!b || b->round == b->f->round) /* an earlier rule has it */
		return;
	bound_set(b, &(struct bound_kind){ .permanent = true, .reverse = reverse }, to);
}

static void leave_out(struct forward *f, const struct forward_rule *rule, unsigned from)
{
	f->not_forwarded += rule->guest1 - from + 1;
	log_warn("portForwards: the static ports %u to %u of the guest are not forwarded: %d ports are the limit", from,
		 rule->guest1, FORWARD_LISTENERS_MAX);
}

/* Each port of a static rule, unless an earlier rule says something else about it. */
static void open_static(struct forward *f, const struct forward_rule *rule, uint8_t proto)
{
	struct wire_addr to;

	for (unsigned port = rule->guest0; port <= rule->guest1; port++) {
		const struct forward_rule *first = forward_rules_match(&f->rules, proto, &rule->guest_ip, (uint16_t)port);

		if (f->n_bound == FORWARD_LISTENERS_MAX) {
			leave_out(f, rule, port);
			return;
		}
		wire_of(&rule->guest_ip, proto, (uint16_t)port, &to);
		if (!first)
			forward_passed_over(f, &to);
		if (first != rule)
			continue;
		open_permanent(bound_get(f, proto, &rule->host_ip, forward_host_port(rule, (uint16_t)port),
					 rule->host_socket),
			       false, &to);
	}
}

/* Without guest agent there is only ssh, which cannot do udp: told when the rule asks for nothing else. */
static void open_static_rule(struct forward *f, const struct forward_rule *rule)
{
	if (rule->tcp)
		open_static(f, rule, WIRE_TCP);
	if (rule->udp && (!f->opt.plain || !rule->tcp))
		open_static(f, rule, WIRE_UDP);
}

static void open_socket(struct forward *f, const struct forward_rule *rule)
{
	struct wire_addr to = { .proto = WIRE_UNIX };
	struct bound *b;

	if (strlen(rule->guest_socket) > WIRE_PATH_MAX || (!rule->host_socket && !rule->host0))
		return;
	snprintf(to.path, sizeof(to.path), "%s", rule->guest_socket);
	b = bound_get(f, WIRE_TCP, &rule->host_ip, rule->host0, rule->host_socket);
	open_permanent(b, rule->reverse, &to);
}

/* Without guest agent only static rules hold. */
static bool holds(const struct forward *f, const struct forward_rule *rule)
{
	return !rule->ignore && (rule->guest_socket || rule->is_static) && (rule->is_static || !f->opt.plain);
}

void forward_fixed_open(struct forward *f)
{
	for (size_t i = 0; i < f->rules.n; i++) {
		const struct forward_rule *rule = &f->rules.rule[i];

		if (!holds(f, rule))
			continue;
		if (rule->guest_socket)
			open_socket(f, rule);
		else
			open_static_rule(f, rule);
	}
}

/* The port of the guest that a static rule without socket leads to from this place; 0: it does not. */
static unsigned guest_port_at(const struct forward_rule *rule, const struct bound *b)
{
	if (rule->host_socket || b->path)
		return rule->host_socket && b->path && !strcmp(rule->host_socket, b->path) ? rule->guest0 : 0;
	if (!(b->proto == WIRE_UDP ? rule->udp : rule->tcp) || memcmp(&rule->host_ip, &b->ip, sizeof(b->ip)) ||
	    b->port < rule->host0 || b->port - rule->host0 > rule->guest1 - rule->guest0)
		return 0;
	return rule->guest0 + (b->port - rule->host0);
}

static bool leads_from(const struct forward *f, const struct forward_rule *rule, const struct bound *b)
{
	unsigned port;
	uint8_t proto = b->path ? WIRE_TCP : b->proto;

	if (rule->guest_socket && (rule->host_socket || b->path))
		return rule->host_socket && b->path && !strcmp(rule->host_socket, b->path);
	if (rule->guest_socket)
		return b->proto == WIRE_TCP && b->port == rule->host0 && !memcmp(&rule->host_ip, &b->ip, sizeof(b->ip));
	port = guest_port_at(rule, b);
	return port && forward_rules_match(&f->rules, proto, &rule->guest_ip, (uint16_t)port) == rule;
}

bool forward_fixed_has(const struct forward *f, const struct bound *b)
{
	for (size_t i = 0; i < f->rules.n; i++)
		if (holds(f, &f->rules.rule[i]) && leads_from(f, &f->rules.rule[i], b))
			return true;
	return false;
}
