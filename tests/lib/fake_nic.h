/* fake_nic - network cards of machines that are not there: they speak the frames of a user-v2 network over its stream socket,
 * as QEMU does, and just so much ARP, DHCP, UDP, TCP and ICMP as a test needs. What is sent is put together here, byte by byte,
 * and the checksums of what comes are verified, so that frame.c is not tested with itself. */
#ifndef LIMA_FAKE_NIC_H
#define LIMA_FAKE_NIC_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

enum { NIC_PATIENCE_MS = 20000, NIC_FRAME_MAX = 70000, QUIET_MS = 150 };

struct nic {
	int fd;
	bool dgram;
	uint8_t mac[6], gateway_mac[6];
	uint32_t ip;
	uint8_t in[2 * NIC_FRAME_MAX];
	size_t n, eaten;
	const uint8_t *frame; /* the last one that came */
	size_t len;
};

static inline int64_t nic_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static inline void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint32_t sum_up(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	return sum;
}

static inline unsigned sum_end(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static inline int nic_connect(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/* The card 52:55:55:00:00:NUMBER. */
static inline struct nic *nic_open(const char *path, uint8_t number)
{
	struct nic *c = calloc(1, sizeof(*c));

	c->fd = nic_connect(path);
	memcpy(c->mac, "\x52\x55\x55\0\0", 5);
	c->mac[5] = number;
	return c;
}

static inline void nic_close(struct nic *c)
{
	close(c->fd);
	free(c);
}

static inline void nic_write(struct nic *c, const void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = send(c->fd, (const uint8_t *)p + at, n - at, MSG_NOSIGNAL);

		if (r <= 0)
			return;
		at += (size_t)r;
	}
}

static inline void nic_send(struct nic *c, const uint8_t *frame, size_t n)
{
	static uint8_t wire[NIC_FRAME_MAX];

	if (c->dgram) {
		nic_write(c, frame, n);
		return;
	}
	put32(wire, (uint32_t)n);
	memcpy(wire + 4, frame, n);
	nic_write(c, wire, n + 4);
}

/* The next frame; false when none came in time, or the connection ended. */
static inline bool nic_next(struct nic *c, int64_t until)
{
	memmove(c->in, c->in + c->eaten, c->n - c->eaten);
	c->n -= c->eaten;
	c->eaten = 0;
	for (;;) {
		struct pollfd p = { c->fd, POLLIN, 0 };
		int64_t left = until - nic_now();
		ssize_t r;

		if (!c->dgram && c->n >= 4 && c->n >= 4 + get32(c->in)) {
			c->frame = c->in + 4;
			c->len = get32(c->in);
			c->eaten = 4 + c->len;
			return true;
		}
		if (left < 0 || poll(&p, 1, (int)left) <= 0)
			return false;
		r = read(c->fd, c->in + c->n, sizeof(c->in) - c->n);
		if (r <= 0)
			return false;
		c->n += (size_t)r;
		if (c->dgram) {
			c->frame = c->in;
			c->len = c->eaten = c->n;
			return true;
		}
	}
}

/* Whether the checksums of an IPv4 frame are right. */
static inline bool sums_good(const uint8_t *f, size_t n)
{
	const uint8_t *ip = f + 14, *p = ip + 4 * (ip[0] & 15);
	size_t len = get16(ip + 2) - (size_t)(p - ip);
	uint32_t sum;

	if (n < 34 || get16(f + 12) != 0x0800)
		return true;
	if (sum_end(sum_up(0, ip, (size_t)(p - ip))) || (size_t)(p - f) + len > n)
		return false;
	sum = ip[9] == 1 ? 0 : sum_up(ip[9] + (uint32_t)len, ip + 12, 8);
	return (get16(ip + 6) & 0x3fff) || (ip[9] == 17 && !get16(p + 6)) || sum_end(sum_up(sum, p, len)) == 0;
}

/* Waits for a frame of which `is` is true; frames that are something else are passed over. */
static inline bool nic_wait(struct nic *c, bool (*is)(const struct nic *c, uint32_t arg), uint32_t arg, int ms)
{
	int64_t until = nic_now() + ms;

	while (nic_next(c, until)) {
		if (!sums_good(c->frame, c->len))
			ok(false, "a frame has wrong checksums");
		if (is(c, arg))
			return true;
	}
	return false;
}

/* --- IPv4 --- */

static inline size_t put_ipv4(uint8_t *f, const uint8_t *dst, const uint8_t *src, uint32_t to, uint32_t from, uint8_t proto,
			      size_t n)
{
	uint8_t *ip = f + 14;

	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	put16(f + 12, 0x0800);
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned)(20 + n));
	ip[8] = 64;
	ip[9] = proto;
	put32(ip + 12, from);
	put32(ip + 16, to);
	put16(ip + 10, sum_end(sum_up(0, ip, 20)));
	return 34 + n;
}

static inline void put_sum(uint8_t *f, size_t at, size_t n)
{
	put16(f + at, 0);
	put16(f + at, sum_end(sum_up(sum_up(f[23] + (uint32_t)n, f + 26, 8), f + 34, n)));
}

static inline size_t make_udp(uint8_t *f, const struct nic *c, const uint8_t *dst, uint32_t to, uint16_t sport,
			      uint16_t dport, const void *data, size_t n)
{
	size_t len = put_ipv4(f, dst, c->mac, to, c->ip, 17, 8 + n);

	put16(f + 34, sport);
	put16(f + 36, dport);
	put16(f + 38, (unsigned)(8 + n));
	memcpy(f + 42, data, n);
	put_sum(f, 40, 8 + n);
	return len;
}

static inline void nic_udp(struct nic *c, const uint8_t *dst, uint32_t to, uint16_t sport, uint16_t dport, const void *data,
			   size_t n)
{
	static uint8_t f[NIC_FRAME_MAX];

	nic_send(c, f, make_udp(f, c, dst, to, sport, dport, data, n));
}

/* A UDP datagram for that port; its data is at frame + 42. */
static inline bool is_udp(const struct nic *c, uint32_t port)
{
	return c->len >= 42 && get16(c->frame + 12) == 0x0800 && c->frame[23] == 17 && get16(c->frame + 36) == port;
}

static inline size_t udp_len(const struct nic *c)
{
	return get16(c->frame + 38) - 8u;
}

/* --- ARP --- */

static inline void nic_arp(struct nic *c, const uint8_t *dst, uint16_t op, uint32_t from, uint32_t about,
			   const uint8_t *about_mac)
{
	uint8_t f[42] = { 0 };

	memcpy(f, dst, 6);
	memcpy(f + 6, c->mac, 6);
	put16(f + 12, 0x0806);
	memcpy(f + 14, "\0\1\x08\0\6\4", 6);
	put16(f + 20, op);
	memcpy(f + 22, c->mac, 6);
	put32(f + 28, from);
	if (about_mac)
		memcpy(f + 32, about_mac, 6);
	put32(f + 38, about);
	nic_send(c, f, sizeof(f));
}

/* An answer that says who has the address. */
static inline bool is_arp_from(const struct nic *c, uint32_t ip)
{
	return c->len >= 42 && get16(c->frame + 12) == 0x0806 && get16(c->frame + 20) == 2 && get32(c->frame + 28) == ip;
}

/* A question who has the address. */
static inline bool is_arp_for(const struct nic *c, uint32_t ip)
{
	return c->len >= 42 && get16(c->frame + 12) == 0x0806 && get16(c->frame + 20) == 1 && get32(c->frame + 38) == ip;
}

static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* Asks who has an address; false when nobody says. */
static inline bool nic_who_has(struct nic *c, uint32_t ip, uint8_t mac[6], int ms)
{
	nic_arp(c, everybody, 1, c->ip, ip, NULL);
	if (!nic_wait(c, is_arp_from, ip, ms))
		return false;
	memcpy(mac, c->frame + 22, 6);
	return true;
}

/* --- DHCP --- */

enum { D_DISCOVER = 1, D_OFFER, D_REQUEST, D_DECLINE, D_ACK, D_NAK, D_RELEASE, D_INFORM };

struct dhcp_try {
	uint8_t type;
	uint32_t ciaddr, wish, server;
	bool broadcast;
	const uint8_t *chaddr; /* NULL: the card's own */
};

/* The message, of at least 300 bytes as BOOTP has it. */
static inline size_t make_dhcp(uint8_t *p, const struct nic *c, const struct dhcp_try *t)
{
	size_t at = 240;

	memset(p, 0, 300);
	memcpy(p, "\1\1\6\0\x12\x34\x56", 7);
	p[7] = c->mac[5];
	p[10] = t->broadcast ? 0x80 : 0;
	put32(p + 12, t->ciaddr);
	memcpy(p + 28, t->chaddr ? t->chaddr : c->mac, 6);
	put32(p + 236, 0x63825363);
	p[at++] = 53;
	p[at++] = 1;
	p[at++] = t->type;
	if (t->wish) {
		p[at++] = 50;
		p[at++] = 4;
		put32(p + at, t->wish);
		at += 4;
	}
	if (t->server) {
		p[at++] = 54;
		p[at++] = 4;
		put32(p + at, t->server);
		at += 4;
	}
	p[at] = 255;
	return 300;
}

/* An option of the answer in a DHCP message of n bytes; *len its length. NULL: it has none. */
static inline const uint8_t *dhcp_option(const uint8_t *p, size_t n, uint8_t code, size_t *len)
{
	for (size_t at = 240; at + 1 < n && p[at] != 255; at += p[at] ? 2u + p[at + 1] : 1) {
		if (p[at] != code)
			continue;
		*len = p[at + 1];
		return p + at + 2;
	}
	return NULL;
}

/* Sends one; the type of the answer, or 0. */
static inline uint8_t nic_dhcp(struct nic *c, const struct dhcp_try *t, int ms)
{
	uint32_t ip = c->ip;
	uint8_t p[300];
	size_t n;

	c->ip = t->ciaddr;
	nic_udp(c, everybody, 0xffffffff, 68, 67, p, make_dhcp(p, c, t));
	c->ip = ip;
	if (!nic_wait(c, is_udp, 68, ms))
		return 0;
	return *dhcp_option(c->frame + 42, udp_len(c), 53, &n);
}

/* Gets an address by DHCP and finds the gateway. */
static inline bool nic_up(struct nic *c, uint32_t gateway)
{
	uint32_t offered;

	if (nic_dhcp(c, &(struct dhcp_try){ .type = D_DISCOVER }, NIC_PATIENCE_MS) != D_OFFER)
		return false;
	offered = get32(c->frame + 42 + 16);
	if (nic_dhcp(c, &(struct dhcp_try){ .type = D_REQUEST, .wish = offered, .server = gateway }, NIC_PATIENCE_MS) != D_ACK)
		return false;
	c->ip = offered;
	return nic_who_has(c, gateway, c->gateway_mac, NIC_PATIENCE_MS);
}

/* --- TCP, without losses --- */

struct tcp {
	struct nic *c;
	uint32_t to, seq, ack;
	uint16_t sport, dport;
	bool ended;
};

static inline void tcp_segment(struct tcp *t, uint8_t flags, const void *data, size_t n)
{
	uint8_t f[2000], *p = f + 34;
	size_t len = put_ipv4(f, t->c->gateway_mac, t->c->mac, t->to, t->c->ip, 6, 20 + n);

	memset(p, 0, 20);
	put16(p, t->sport);
	put16(p + 2, t->dport);
	put32(p + 4, t->seq);
	put32(p + 8, t->ack);
	p[12] = 0x50;
	p[13] = flags;
	put16(p + 14, 60000);
	if (n)
		memcpy(p + 20, data, n);
	put_sum(f, 34 + 16, 20 + n);
	nic_send(t->c, f, len);
	t->seq += (uint32_t)n + (flags & 3 ? 1 : 0);
}

static inline bool is_tcp(const struct nic *c, uint32_t ports)
{
	return c->len >= 54 && get16(c->frame + 12) == 0x0800 && c->frame[23] == 6 && get32(c->frame + 34) == ports;
}

/* The next segment of the connection; its flags, or 0. */
static inline uint8_t tcp_next(struct tcp *t, int ms)
{
	return nic_wait(t->c, is_tcp, (uint32_t)t->dport << 16 | t->sport, ms) ? t->c->frame[34 + 13] : 0;
}

/* 1: connected; 0: refused; -1: no answer. */
static inline int tcp_open(struct tcp *t, struct nic *c, uint32_t to, uint16_t sport, uint16_t dport, int ms)
{
	uint8_t flags;

	*t = (struct tcp){ .c = c, .to = to, .seq = 1000, .sport = sport, .dport = dport };
	tcp_segment(t, 2, NULL, 0);
	flags = tcp_next(t, ms);
	if (!flags || flags & 4)
		return flags ? 0 : -1;
	t->ack = get32(c->frame + 38) + 1;
	tcp_segment(t, 0x10, NULL, 0);
	return 1;
}

/* Reads until n bytes came or the other side ended; how many. */
static inline size_t tcp_read(struct tcp *t, char *out, size_t n)
{
	size_t have = 0;

	while (have < n && !t->ended) {
		uint8_t flags = tcp_next(t, NIC_PATIENCE_MS);
		const uint8_t *ip = t->c->frame + 14, *p = ip + 20 + 4 * (ip[32] >> 4);
		size_t len = get16(ip + 2) - (size_t)(p - ip);

		if (!flags || flags & 4)
			break;
		if (get32(ip + 24) != t->ack)
			continue;
		if (len > n - have)
			len = n - have;
		memcpy(out + have, p, len);
		have += len;
		t->ack += (uint32_t)len + (flags & 1);
		t->ended = flags & 1;
		if (len || t->ended)
			tcp_segment(t, 0x10, NULL, 0);
	}
	return have;
}

#endif
