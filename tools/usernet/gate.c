/* gate - see gate.h. */
#include "gate.h"

#include <stdlib.h>
#include <string.h>

#include "dhcp.h"
#include "oswatch.h"

enum { DNS_PORT = 53, ICMP_ECHO = 8, ARP_REQUEST = 1 };

/* --- DHCP --- */

static void on_dhcp(struct gate *g, struct port *from, const struct frame *f)
{
	struct dhcp_reply r;
	struct frame_ends ends = { .src = g->subnet->gateway_mac, .dst = f->src, .ip_src = g->subnet->gateway,
				   .sport = DHCP_SERVER_PORT, .dport = DHCP_CLIENT_PORT };
	struct buf out = { 0 };

	if (!f->data)
		return;
	r = dhcp_answer(g->leases, names_conf(g->names), &f->src, f->data, f->data_len, mono_ms());
	if (r.message.len) {
		ends.ip_dst = r.to;
		if (r.to == 0xffffffffu)
			ends.dst = mac_broadcast;
		frame_udp(&out, &ends, r.message.data, r.message.len);
		port_send(from, (uint8_t *)out.data, out.len);
		buf_free(&out);
	}
	buf_free(&r.message);
}

/* --- names --- */

struct question {
	struct gate *g;
	struct frame_ends back;
	unsigned port; /* its id */
	struct dns_job *job;
	struct question *next;
	size_t n;
	uint8_t query[];
};

static struct port *port_by_id(const struct gate *g, unsigned id)
{
	struct port *p = switch_first(g->sw);

	while (p && p->id != id)
		p = p->next;
	return p;
}

static void question_free(struct question *q)
{
	struct question **at = &q->g->questions;
	struct port *p = port_by_id(q->g, q->port);

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	if (p)
		p->questions--;
	free(q);
}

/* Answers go in one packet; one that is longer is shortened, so that the guest asks again by TCP. */
static void on_answer(void *arg, const uint8_t *reply, size_t n)
{
	struct question *q = arg;
	size_t limit = q->g->subnet->mtu - IP_HEADER - UDP_HEADER;
	struct buf message = { 0 }, out = { 0 };
	struct dns_question parsed;

	buf_add(&message, reply, n);
	if (n > limit && dns_question_parse(q->query, q->n, &parsed) >= 0)
		dns_fit(&message, &parsed, limit);
	if (message.len && message.len <= limit) {
		frame_udp(&out, &q->back, message.data, message.len);
		switch_send(q->g->sw, (uint8_t *)out.data, out.len);
	}
	buf_free(&out);
	buf_free(&message);
	question_free(q);
}

static void on_query(struct gate *g, struct port *from, const struct frame *f)
{
	struct question *q;
	struct dns_job *job;

	if (!f->data || f->data_len > DNS_QUERY_MAX || from->questions >= GATE_QUESTIONS_MAX) {
		g->refused_queries++;
		return;
	}
	g->queries++;
	q = xcalloc(1, sizeof(*q) + f->data_len);
	*q = (struct question){ .g = g, .back = frame_back(f), .port = from->id, .next = g->questions, .n = f->data_len };
	memcpy(q->query, f->data, f->data_len);
	g->questions = q;
	from->questions++;
	job = names_answer(g->names, q->query, q->n, DNS_UDP, on_answer, q);
	if (job) /* else it is answered, and the question gone */
		q->job = job;
}

/* --- the outside --- */

/* Of the name server: a connection elsewhere than to its port is refused, a ping answered. */
static void at_dns(struct port *from, const struct frame *f)
{
	struct frame_ends back = frame_back(f);
	struct buf out = { 0 };
	struct buf echo = { 0 };

	if (f->proto == IP_ICMP && f->data && f->data[0] == ICMP_ECHO) {
		buf_add(&echo, f->data, f->data_len);
		echo.data[0] = 0;
		frame_icmp(&out, &back, echo.data, echo.len);
	} else if (f->proto == IP_TCP && !f->later && !(f->tcp_flags & TCP_RST)) {
		frame_tcp(&out, &back, f->tcp_flags & TCP_ACK ? f->tcp_ack : 0, f->tcp_seq + 1, TCP_RST | TCP_ACK);
	}
	if (out.len)
		port_send(from, (uint8_t *)out.data, out.len);
	buf_free(&echo);
	buf_free(&out);
}

/* Addresses that nothing outside has, or nothing that is a guest's business: cloud hosts serve secrets at link-local ones. */
static bool is_nowhere(uint32_t ip)
{
	return ip >> 24 == 0 || ip >> 24 == 127 || ip >> 16 == 0xa9fe || ip >> 28 >= 14;
}

static enum verdict to_outside(struct gate *g, struct port *from, const struct frame *f, const uint8_t *p, size_t n)
{
	const struct subnet *s = g->subnet;
	bool begins = f->proto == IP_TCP ? (f->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN : true;

	if (!subnet_has(s, f->ip_src))
		return VERDICT_REFUSE;
	if (f->proto == IP_UDP && !f->later && f->dport == DNS_PORT && (f->ip_dst == s->gateway || f->ip_dst == s->dns)) {
		on_query(g, from, f);
		return VERDICT_TAKEN;
	}
	if (f->ip_dst == s->dns && f->proto == IP_TCP && !f->later && knock_frame(g->knocks, f))
		return VERDICT_TAKEN;
	if (f->ip_dst == s->dns && (f->proto != IP_TCP || f->later || f->dport != DNS_PORT)) {
		at_dns(from, f);
		return VERDICT_TAKEN;
	}
	if (is_nowhere(f->ip_dst) || (subnet_has(s, f->ip_dst) && f->ip_dst != s->gateway && f->ip_dst != s->dns))
		return VERDICT_REFUSE;
	if (begins && !outside_has_room(g->outside))
		return VERDICT_REFUSE;
	outside_input(g->outside, p, n);
	return VERDICT_TAKEN;
}

/* --- the rules --- */

/* Whether a guest may say that it has this address: not one of ours, nor another guest's. */
static bool may_be(const struct gate *g, const struct mac *mac, uint32_t ip)
{
	const struct mac *owner = leases_mac(g->leases, ip);

	if (ip == g->subnet->gateway || ip == g->subnet->dns || ip == g->subnet->broadcast)
		return false;
	return !owner || mac_equal(owner, mac);
}

static enum verdict on_arp(struct gate *g, const struct frame *f, const uint8_t *p, size_t n)
{
	const struct subnet *s = g->subnet;
	bool ours = mac_equal(&f->dst, &s->gateway_mac) || mac_equal(&f->dst, &s->dns_mac);
	bool asks_us = f->arp_op == ARP_REQUEST && (f->ip_dst == s->gateway || f->ip_dst == s->dns);

	if (!mac_equal(&f->arp_mac, &f->src) || !may_be(g, &f->src, f->ip_src))
		return VERDICT_REFUSE;
	if (ours || asks_us || f->ip_src == f->ip_dst)
		outside_input(g->outside, p, n);
	return ours || asks_us ? VERDICT_TAKEN : VERDICT_SWITCH;
}

static enum verdict on_ipv4(struct gate *g, struct port *from, const struct frame *f, const uint8_t *p, size_t n)
{
	const struct subnet *s = g->subnet;
	bool has_ports = f->proto == IP_UDP && !f->later;

	if (has_ports && f->dport == DHCP_SERVER_PORT) {
		on_dhcp(g, from, f);
		return VERDICT_TAKEN;
	}
	if ((has_ports && f->sport == DHCP_SERVER_PORT && f->dport == DHCP_CLIENT_PORT) || !may_be(g, &f->src, f->ip_src))
		return VERDICT_REFUSE;
	if (mac_equal(&f->dst, &s->gateway_mac) || mac_equal(&f->dst, &s->dns_mac))
		return to_outside(g, from, f, p, n);
	return VERDICT_SWITCH;
}

enum verdict gate_inspect(void *arg, struct port *from, const struct frame *f, const uint8_t *p, size_t n)
{
	struct gate *g = arg;

	switch (f->type) {
	case ETH_ARP: return on_arp(g, f, p, n);
	case ETH_IPV4: return on_ipv4(g, from, f, p, n);
	case ETH_IPV6: return VERDICT_TAKEN; /* every guest tries; it is not worth counting */
	default: return VERDICT_SWITCH;
	}
}

void gate_free(struct gate *g)
{
	for (struct question *q = g->questions, *next; q; q = next) {
		next = q->next;
		if (q->job)
			dns_cancel(q->job);
		question_free(q);
	}
}
