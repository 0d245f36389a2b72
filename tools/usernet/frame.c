/* frame - see frame.h. */
#include "frame.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "wire.h"

enum { ARP_LEN = 28, TCP_HEADER = 20, ICMP_HEADER = 8, TTL = 64, WINDOW = 65535 };

const struct mac mac_broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

bool mac_equal(const struct mac *a, const struct mac *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool mac_is_group(const struct mac *m)
{
	return m->b[0] & 1;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool mac_parse(const char *text, struct mac *m)
{
	if (strlen(text) != MAC_TEXT - 1)
		return false;
	for (unsigned i = 0; i < MAC_LEN; i++) {
		int high = hex(text[3 * i]), low = hex(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i + 1 < MAC_LEN && text[3 * i + 2] != ':'))
			return false;
		m->b[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void mac_format(const struct mac *m, char out[MAC_TEXT])
{
	snprintf(out, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2], m->b[3], m->b[4], m->b[5]);
}

bool ip_parse(const char *text, uint32_t *ip)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return false;
	*ip = ntohl(a.s_addr);
	return true;
}

void ip_format(uint32_t ip, char out[IP_TEXT])
{
	snprintf(out, IP_TEXT, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

/* --- reading --- */

static bool parse_arp(const uint8_t *p, size_t n, struct frame *f)
{
	if (n < ARP_LEN || wire_get16(p) != 1 || wire_get16(p + 2) != ETH_IPV4 || p[4] != MAC_LEN || p[5] != 4)
		return false;
	f->arp_op = wire_get16(p + 6);
	memcpy(&f->arp_mac, p + 8, MAC_LEN);
	f->ip_src = wire_get32(p + 14);
	f->ip_dst = wire_get32(p + 24);
	return true;
}

static bool parse_udp(const uint8_t *p, size_t n, struct frame *f)
{
	size_t len;

	if (n < UDP_HEADER)
		return false;
	f->sport = wire_get16(p);
	f->dport = wire_get16(p + 2);
	len = wire_get16(p + 4);
	if (f->fragment)
		return true;
	if (len < UDP_HEADER || len > n)
		return false;
	f->data = p + UDP_HEADER;
	f->data_len = len - UDP_HEADER;
	return true;
}

static bool parse_tcp(const uint8_t *p, size_t n, struct frame *f)
{
	if (n < TCP_HEADER)
		return false;
	f->sport = wire_get16(p);
	f->dport = wire_get16(p + 2);
	f->tcp_seq = wire_get32(p + 4);
	f->tcp_ack = wire_get32(p + 8);
	f->tcp_flags = p[13];
	return true;
}

static bool parse_icmp(const uint8_t *p, size_t n, struct frame *f)
{
	if (n < ICMP_HEADER)
		return false;
	f->data = f->fragment ? NULL : p;
	f->data_len = f->fragment ? 0 : n;
	return true;
}

static bool parse_ipv4(const uint8_t *p, size_t n, struct frame *f)
{
	size_t header, total;
	uint16_t flags;

	if (n < IP_HEADER || p[0] >> 4 != 4)
		return false;
	header = 4u * (p[0] & 15);
	total = wire_get16(p + 2);
	if (header < IP_HEADER || total < header || total > n)
		return false;
	flags = wire_get16(p + 6);
	f->fragment = flags & 0x3fff;
	f->later = flags & 0x1fff;
	f->proto = p[9];
	f->ip_src = wire_get32(p + 12);
	f->ip_dst = wire_get32(p + 16);
	if (f->later)
		return true;
	p += header;
	n = total - header;
	switch (f->proto) {
	case IP_UDP: return parse_udp(p, n, f);
	case IP_TCP: return parse_tcp(p, n, f);
	case IP_ICMP: return parse_icmp(p, n, f);
	default: return true;
	}
}

bool frame_parse(const uint8_t *p, size_t n, struct frame *f)
{
	if (n < ETH_HEADER)
		return false;
	*f = (struct frame){ .type = wire_get16(p + 2 * MAC_LEN) };
	memcpy(&f->dst, p, MAC_LEN);
	memcpy(&f->src, p + MAC_LEN, MAC_LEN);
	if (f->type == ETH_ARP)
		return parse_arp(p + ETH_HEADER, n - ETH_HEADER, f);
	return f->type != ETH_IPV4 || parse_ipv4(p + ETH_HEADER, n - ETH_HEADER, f);
}

/* --- building --- */

static uint32_t add_words(uint32_t sum, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		sum += wire_get16(p);
	return n ? sum + (uint32_t)(*p << 8) : sum;
}

uint16_t frame_sum(const void *a, size_t na, const void *b, size_t nb)
{
	uint32_t sum = add_words(add_words(0, a, na), b, nb);

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct frame_ends frame_back(const struct frame *f)
{
	return (struct frame_ends){ f->dst, f->src, f->ip_dst, f->ip_src, f->dport, f->sport };
}

/* The headers up to IP, for n bytes that follow. */
static void add_headers(struct buf *out, const struct frame_ends *e, enum ip_proto proto, size_t n)
{
	uint8_t eth[2] = { ETH_IPV4 >> 8, ETH_IPV4 & 255 };
	uint8_t ip[IP_HEADER] = { [0] = 0x45, [6] = 0x40, [8] = TTL, [9] = (uint8_t)proto };

	wire_put16(ip + 2, (uint16_t)(IP_HEADER + n));
	wire_put32(ip + 12, e->ip_src);
	wire_put32(ip + 16, e->ip_dst);
	wire_put16(ip + 10, frame_sum(ip, sizeof(ip), NULL, 0));
	buf_add(out, &e->dst, MAC_LEN);
	buf_add(out, &e->src, MAC_LEN);
	buf_add(out, eth, sizeof(eth));
	buf_add(out, ip, sizeof(ip));
}

/* The checksum with the pseudo header of UDP and TCP; `header` is at most TCP_HEADER bytes. */
static uint16_t transport_sum(const struct frame_ends *e, enum ip_proto proto, const uint8_t *header, size_t nh,
			      const void *data, size_t n)
{
	uint8_t p[12 + TCP_HEADER] = { [9] = (uint8_t)proto };

	wire_put32(p, e->ip_src);
	wire_put32(p + 4, e->ip_dst);
	wire_put16(p + 10, (uint16_t)(nh + n));
	memcpy(p + 12, header, nh);
	return frame_sum(p, 12 + nh, data, n);
}

void frame_udp(struct buf *out, const struct frame_ends *e, const void *data, size_t n)
{
	uint8_t udp[UDP_HEADER] = { 0 };
	uint16_t sum;

	wire_put16(udp, e->sport);
	wire_put16(udp + 2, e->dport);
	wire_put16(udp + 4, (uint16_t)(UDP_HEADER + n));
	sum = transport_sum(e, IP_UDP, udp, sizeof(udp), data, n);
	wire_put16(udp + 6, sum ? sum : 0xffff);
	add_headers(out, e, IP_UDP, UDP_HEADER + n);
	buf_add(out, udp, sizeof(udp));
	buf_add(out, data, n);
}

void frame_tcp(struct buf *out, const struct frame_ends *e, uint32_t seq, uint32_t ack, uint8_t flags)
{
	uint8_t tcp[TCP_HEADER] = { [12] = 0x50, [13] = flags };

	wire_put16(tcp, e->sport);
	wire_put16(tcp + 2, e->dport);
	wire_put32(tcp + 4, seq);
	wire_put32(tcp + 8, ack);
	wire_put16(tcp + 14, WINDOW);
	wire_put16(tcp + 16, transport_sum(e, IP_TCP, tcp, sizeof(tcp), NULL, 0));
	add_headers(out, e, IP_TCP, sizeof(tcp));
	buf_add(out, tcp, sizeof(tcp));
}

void frame_icmp(struct buf *out, const struct frame_ends *e, const void *data, size_t n)
{
	uint8_t head[4];

	memcpy(head, data, 2);
	head[2] = head[3] = 0;
	wire_put16(head + 2, frame_sum(head, sizeof(head), (const uint8_t *)data + 4, n - 4));
	add_headers(out, e, IP_ICMP, n);
	buf_add(out, head, sizeof(head));
	buf_add(out, (const uint8_t *)data + 4, n - 4);
}
