/* dns_msg - see dns_msg.h: the reader. The writer is dns_write.c. */
#include "dns_msg.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum {
	LABEL_MAX = 63,
	POINTER = 0xc0,
	FLAG_QR = 0x80, FLAG_TC = 0x02, /* in byte 2 */
	OPCODE_SHIFT = 3,
	OPT_DO = 0x8000,
	CHAIN_MAX = 16, /* CNAMEs followed in one message */
	ADDRESSES_MAX = 64,
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && !memcmp(a->wire, b->wire, a->len);
}

static bool add_label(struct dns_name *name, const uint8_t *label, size_t n)
{
	if (name->len + 1 + n > DNS_NAME_MAX)
		return false;
	name->wire[name->len++] = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		name->wire[name->len++] = lower(label[i]);
	return true;
}

bool dns_name_from_text(const char *text, struct dns_name *name)
{
	name->len = 0;
	if (!strcmp(text, "."))
		return add_label(name, NULL, 0);
	while (*text) {
		size_t n = strcspn(text, ".");

		if (n == 0 || n > LABEL_MAX || !add_label(name, (const uint8_t *)text, n))
			return false;
		text += n + (text[n] == '.');
	}
	return name->len > 0 && add_label(name, NULL, 0);
}

bool dns_name_join(const struct dns_name *a, const struct dns_name *b, struct dns_name *out)
{
	if (a->len - 1 + b->len > DNS_NAME_MAX)
		return false;
	*out = *a;
	memcpy(out->wire + a->len - 1, b->wire, b->len);
	out->len = a->len - 1 + b->len;
	return true;
}

unsigned dns_name_dots(const struct dns_name *name)
{
	unsigned labels = 0;

	for (size_t at = 0; name->wire[at]; at += 1u + name->wire[at])
		labels++;
	return labels ? labels - 1 : 0;
}

/* The labels of a name, at most `max`, as NUL-terminated texts of at most 3 characters each: what addresses have. */
static size_t short_labels(const struct dns_name *name, char out[][5], size_t max)
{
	size_t n = 0;

	for (size_t at = 0; name->wire[at]; at += 1u + name->wire[at]) {
		size_t len = name->wire[at];

		if (n == max)
			return 0;
		len = len < 4 ? len : 4;
		memcpy(out[n], name->wire + at + 1, len);
		out[n++][len] = '\0';
	}
	return n;
}

static bool ends_with(const struct dns_name *name, const char *suffix)
{
	struct dns_name s;

	return dns_name_from_text(suffix, &s) && name->len >= s.len &&
	       !memcmp(name->wire + name->len - s.len, s.wire, s.len);
}

static bool small_number(const char *text, int base, unsigned max, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";
	unsigned long v;

	if (!*text || strspn(text, digits) != strlen(text))
		return false;
	v = strtoul(text, NULL, base);
	*out = (uint8_t)v;
	return v <= max && (base == 16 || strspn(text, "0123456789") == strlen(text));
}

size_t dns_name_reverse(const struct dns_name *name, uint8_t ip[16])
{
	char label[34][5];
	size_t n = short_labels(name, label, 34);
	uint8_t nibble[32];

	if (n == 6 && ends_with(name, "in-addr.arpa")) {
		for (size_t i = 0; i < 4; i++)
			if (!small_number(label[i], 10, 255, &ip[3 - i]))
				return 0;
		return 4;
	}
	if (n != 34 || !ends_with(name, "ip6.arpa"))
		return 0;
	for (size_t i = 0; i < 32; i++)
		if (strlen(label[i]) != 1 || !small_number(label[i], 16, 15, &nibble[31 - i]))
			return 0;
	for (size_t i = 0; i < 16; i++)
		ip[i] = (uint8_t)(nibble[2 * i] << 4 | nibble[2 * i + 1]);
	return 16;
}

/* Pointers have to point backwards, each before the one that led to it, so that this ends. */
bool dns_name_read(const uint8_t *p, size_t n, size_t *at, struct dns_name *name)
{
	size_t i = *at, before = *at;
	bool jumped = false;

	name->len = 0;
	for (;;) {
		uint8_t len = i < n ? p[i] : POINTER;

		if ((len & POINTER) == POINTER) {
			size_t to = i + 1 < n ? wire_get16(p + i) & 0x3fffu : before;

			if (to >= before || to < DNS_HEADER)
				return false;
			*at = jumped ? *at : i + 2;
			jumped = true;
			i = before = to;
			continue;
		}
		if (len > LABEL_MAX || n - i < 1u + len || !add_label(name, p + i + 1, len))
			return false;
		i += 1u + len;
		if (!len)
			break;
	}
	if (!jumped)
		*at = i;
	return true;
}

bool dns_record_next(const uint8_t *p, size_t n, size_t *at, struct dns_record *r)
{
	size_t i = *at;

	r->start = i;
	if (!dns_name_read(p, n, &i, &r->name) || n - i < 10)
		return false;
	r->type = wire_get16(p + i);
	r->class = wire_get16(p + i + 2);
	r->ttl = wire_get32(p + i + 4);
	r->data = i + 10;
	r->end = r->data + wire_get16(p + i + 8);
	if (r->end > n)
		return false;
	*at = r->end;
	return true;
}

/* All records, for the OPT among them. */
static bool parse_records(const uint8_t *p, size_t n, struct dns_question *q)
{
	unsigned count = wire_get16(p + 6) + wire_get16(p + 8) + wire_get16(p + 10);
	struct dns_record r;
	size_t at = q->end;

	for (unsigned i = 0; i < count; i++) {
		if (!dns_record_next(p, n, &at, &r))
			return false;
		if (r.type != DNS_OPT)
			continue;
		if (q->edns || r.name.len != 1)
			return false;
		q->edns = true;
		q->dnssec_ok = r.ttl & OPT_DO;
		q->udp_size = r.class;
	}
	return at == n;
}

int dns_question_parse(const uint8_t *p, size_t n, struct dns_question *q)
{
	size_t at = DNS_HEADER;

	memset(q, 0, sizeof(*q));
	q->udp_size = DNS_UDP_MIN;
	q->end = DNS_HEADER;
	if (n < DNS_HEADER || (p[2] & FLAG_QR))
		return -1;
	q->id = wire_get16(p);
	q->opcode = (uint8_t)(p[2] >> OPCODE_SHIFT & 15);
	if (n > DNS_QUERY_MAX)
		return DNS_FORMERR;
	if (q->opcode)
		return 0;
	if (wire_get16(p + 4) != 1 || !dns_name_read(p, n, &at, &q->name) || n - at < 4)
		return DNS_FORMERR;
	q->type = wire_get16(p + at);
	q->class = wire_get16(p + at + 2);
	q->end = at + 4;
	if (!parse_records(p, n, q))
		return DNS_FORMERR;
	q->udp_size = q->udp_size < DNS_UDP_MIN ? DNS_UDP_MIN : q->udp_size > DNS_UDP_MAX ? DNS_UDP_MAX : q->udp_size;
	return 0;
}

static bool same_question(const uint8_t *p, size_t n, const uint8_t *query, size_t query_len)
{
	size_t a = DNS_HEADER, b = DNS_HEADER;
	struct dns_name x, y;

	return dns_name_read(p, n, &a, &x) && dns_name_read(query, query_len, &b, &y) && dns_name_equal(&x, &y) &&
	       n - a >= 4 && query_len - b >= 4 && !memcmp(p + a, query + b, 4);
}

bool dns_is_answer_to(const uint8_t *p, size_t n, const uint8_t *query, size_t query_len)
{
	unsigned count;

	if (n < DNS_HEADER || query_len < DNS_HEADER || memcmp(p, query, 2) || !(p[2] & FLAG_QR) ||
	    ((p[2] ^ query[2]) >> OPCODE_SHIFT & 15))
		return false;
	count = wire_get16(p + 4);
	if (wire_get16(query + 4) != 1)
		return true;
	/* A server that cannot read the query does not repeat it. */
	return count == 1 ? same_question(p, n, query, query_len) : count == 0 && dns_rcode_of(p) != DNS_NOERROR;
}

unsigned dns_rcode_of(const uint8_t *p)
{
	return p[3] & 15u;
}

bool dns_truncated(const uint8_t *p)
{
	return p[2] & FLAG_TC;
}

/* Behind the questions of a message. */
static bool skip_questions(const uint8_t *p, size_t n, size_t *at)
{
	struct dns_name name;

	*at = DNS_HEADER;
	for (unsigned i = wire_get16(p + 4); i > 0; i--) {
		if (!dns_name_read(p, n, at, &name) || n - *at < 4)
			return false;
		*at += 4;
	}
	return true;
}

/* One pass over the answers: addresses of `name`, or the target of its CNAME (then *moved). */
static bool collect(const uint8_t *p, size_t n, size_t at, struct dns_name *name, uint16_t type, struct buf *data,
		    bool *moved)
{
	size_t size = type == DNS_A ? 4 : 16;
	struct dns_record r;

	*moved = false;
	for (unsigned i = wire_get16(p + 6); i > 0 && !*moved; i--) {
		size_t to;

		if (!dns_record_next(p, n, &at, &r))
			return false;
		to = r.data;
		if (r.class != DNS_CLASS_IN || !dns_name_equal(&r.name, name))
			continue;
		if (r.type == DNS_CNAME && (*moved = true))
			return dns_name_read(p, r.end, &to, name);
		if (r.type == type && r.end - r.data == size && data->len < ADDRESSES_MAX * size)
			buf_add(data, p + r.data, size);
	}
	return true;
}

bool dns_addresses(const uint8_t *p, size_t n, const struct dns_name *name, uint16_t type, struct buf *data,
		   struct dns_name *canonical)
{
	bool moved = true;
	size_t at;

	*canonical = *name;
	if (n < DNS_HEADER || !skip_questions(p, n, &at))
		return false;
	for (int i = 0; i < CHAIN_MAX && moved; i++)
		if (!collect(p, n, at, canonical, type, data, &moved))
			return false;
	return !moved;
}
