/* dhcp - see dhcp.h. libslirp has a server, too, but it forgets its clients, and has sixteen of them at most. */
#include "dhcp.h"

#include <string.h>

#include "wire.h"

enum {
	BOOTREQUEST = 1, BOOTREPLY = 2,
	AT_XID = 4, AT_FLAGS = 10, AT_CIADDR = 12, AT_YIADDR = 16, AT_SIADDR = 20, AT_GIADDR = 24, AT_CHADDR = 28,
	AT_MAGIC = 236, AT_OPTIONS = 240,
	FLAG_BROADCAST = 0x8000,
};
#define MAGIC 0x63825363u

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum option {
	OPT_PAD = 0, OPT_MASK = 1, OPT_ROUTER = 3, OPT_DNS = 6, OPT_MTU = 26, OPT_BROADCAST = 28, OPT_WISH = 50, OPT_LEASE = 51,
	OPT_TYPE = 53, OPT_SERVER = 54, OPT_RENEW = 58, OPT_REBIND = 59, OPT_SEARCH = 119, OPT_END = 255,
};

struct request {
	const uint8_t *p;
	uint8_t type;
	uint32_t ciaddr, wish, server; /* 0: not said */
	struct mac mac;
	bool broadcast;
};

static void take_option(struct request *r, uint8_t code, const uint8_t *value, size_t n)
{
	if (code == OPT_TYPE && n == 1)
		r->type = *value;
	else if (code == OPT_WISH && n == 4)
		r->wish = wire_get32(value);
	else if (code == OPT_SERVER && n == 4)
		r->server = wire_get32(value);
}

static bool parse_options(struct request *r, const uint8_t *p, size_t n)
{
	for (size_t at = AT_OPTIONS; at < n && p[at] != OPT_END;) {
		if (p[at] == OPT_PAD) {
			at++;
			continue;
		}
		if (at + 2 > n || at + 2 + p[at + 1] > n)
			return false;
		take_option(r, p[at], p + at + 2, p[at + 1]);
		at += 2u + p[at + 1];
	}
	return true;
}

/* Relays (giaddr) do not exist on these networks. */
static bool parse(const uint8_t *p, size_t n, const struct mac *src, struct request *r)
{
	*r = (struct request){ .p = p };
	if (n < AT_OPTIONS || p[0] != BOOTREQUEST || p[1] != 1 || p[2] != MAC_LEN || wire_get32(p + AT_MAGIC) != MAGIC ||
	    wire_get32(p + AT_GIADDR) != 0)
		return false;
	memcpy(&r->mac, p + AT_CHADDR, MAC_LEN);
	r->ciaddr = wire_get32(p + AT_CIADDR);
	r->broadcast = wire_get16(p + AT_FLAGS) & FLAG_BROADCAST;
	return mac_equal(&r->mac, src) && parse_options(r, p, n);
}

/* --- the answer --- */

static void option(struct buf *out, enum option code, const void *data, size_t n)
{
	buf_addc(out, (char)code);
	buf_addc(out, (char)n);
	buf_add(out, data, n);
}

static void option32(struct buf *out, enum option code, uint32_t v)
{
	uint8_t b[4];

	wire_put32(b, v);
	option(out, code, b, sizeof(b));
}

/* Whole names only, as many as there is room for. */
static void option_search(struct buf *out, const struct dns_conf *c)
{
	uint8_t names[255];
	size_t n = 0, room = DHCP_MESSAGE_MAX - 1 - 2 - out->len;

	if (room > sizeof(names))
		room = sizeof(names);
	for (unsigned i = 0; c && i < c->searches && n + c->search[i].len <= room; i++) {
		memcpy(names + n, c->search[i].wire, c->search[i].len);
		n += c->search[i].len;
	}
	if (n)
		option(out, OPT_SEARCH, names, n);
}

static void add_settings(struct buf *out, const struct subnet *s, const struct dns_conf *search)
{
	uint8_t mtu[2];

	wire_put16(mtu, (uint16_t)s->mtu);
	option32(out, OPT_MASK, s->mask);
	option32(out, OPT_ROUTER, s->gateway);
	option32(out, OPT_DNS, s->dns);
	option32(out, OPT_BROADCAST, s->broadcast);
	option(out, OPT_MTU, mtu, sizeof(mtu));
	option_search(out, search);
}

/* The message; `ip` is the address given, 0 for none. */
static void make(struct buf *out, const struct request *r, const struct subnet *s, uint8_t type, uint32_t ip)
{
	uint8_t head[AT_OPTIONS] = { BOOTREPLY, 1, MAC_LEN };

	memcpy(head + AT_XID, r->p + AT_XID, 4);
	memcpy(head + AT_FLAGS, r->p + AT_FLAGS, 2);
	if (type == ACK)
		memcpy(head + AT_CIADDR, r->p + AT_CIADDR, 4);
	wire_put32(head + AT_YIADDR, ip);
	if (type != NAK)
		wire_put32(head + AT_SIADDR, s->gateway);
	memcpy(head + AT_CHADDR, r->p + AT_CHADDR, 16);
	wire_put32(head + AT_MAGIC, MAGIC);
	buf_add(out, head, sizeof(head));
	option(out, OPT_TYPE, &type, 1);
	option32(out, OPT_SERVER, s->gateway);
}

static void give(struct dhcp_reply *out, const struct request *r, const struct leases *l, const struct dns_conf *search,
		 uint8_t type, uint32_t ip)
{
	const struct subnet *s = l->subnet;

	make(&out->message, r, s, type, ip);
	if (r->type != INFORM) {
		option32(&out->message, OPT_LEASE, LEASE_S);
		option32(&out->message, OPT_RENEW, LEASE_S / 2);
		option32(&out->message, OPT_REBIND, LEASE_S * 7 / 8);
	}
	add_settings(&out->message, s, search);
	buf_addc(&out->message, (char)OPT_END);
	out->to = r->ciaddr ? r->ciaddr : r->broadcast ? 0xffffffffu : ip;
}

static void refuse(struct dhcp_reply *out, const struct request *r, const struct subnet *s)
{
	make(&out->message, r, s, NAK, 0);
	buf_addc(&out->message, (char)OPT_END);
	out->to = 0xffffffffu;
}

/* What a REQUEST is about follows from what stands in it (RFC 2131, 4.3.2). */
static void on_request(struct dhcp_reply *out, const struct request *r, struct leases *l, const struct dns_conf *search,
		       int64_t now)
{
	uint32_t ip = r->ciaddr ? r->ciaddr : r->wish, own = leases_ip(l, &r->mac);

	if (r->server && r->server != l->subnet->gateway) {
		leases_withdraw(l, &r->mac); /* another one's offer was taken */
		return;
	}
	/* After a reboot, with the address it had. Where we know neither the client nor that it is wrong, we are silent. */
	if (!r->server && !r->ciaddr && !own && subnet_has(l->subnet, ip))
		return;
	if (ip && leases_can_have(l, ip, &r->mac, now) && (!own || own == ip)) {
		leases_bind(l, ip, &r->mac, now);
		give(out, r, l, search, ACK, ip);
	} else {
		refuse(out, r, l->subnet);
	}
}

struct dhcp_reply dhcp_answer(struct leases *l, const struct dns_conf *search, const struct mac *src, const uint8_t *p,
			      size_t n, int64_t now)
{
	struct dhcp_reply out = { 0 };
	struct request r;
	uint32_t ip;

	if (!parse(p, n, src, &r))
		return out;
	if (r.type == DISCOVER) {
		ip = leases_offer(l, &r.mac, r.wish, now);
		r.ciaddr = 0;
		if (ip)
			give(&out, &r, l, search, OFFER, ip);
	} else if (r.type == REQUEST) {
		on_request(&out, &r, l, search, now);
	} else if (r.type == DECLINE) {
		leases_decline(l, r.wish, &r.mac, now);
	} else if (r.type == RELEASE) {
		leases_release(l, r.ciaddr, &r.mac, now);
	} else if (r.type == INFORM && r.ciaddr) {
		give(&out, &r, l, search, ACK, 0);
	}
	return out;
}
