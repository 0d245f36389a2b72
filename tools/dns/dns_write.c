/* dns_write - the writer of dns_msg.h. */
#include <string.h>

#include "dns_msg.h"
#include "wire.h"

enum {
	FLAG_QR = 0x80, FLAG_TC = 0x02, FLAG_RD = 0x01, /* in byte 2 */
	FLAG_RA = 0x80, FLAG_CD = 0x10,                 /* in byte 3 */
	OPT_SIZE = 11,
	OPT_DO = 0x80,
	OWN_UDP_SIZE = 1232, /* never fragmented */
	COUNT_QUESTION = 4, COUNT_ANSWER = 6, COUNT_AUTHORITY = 8, COUNT_ADDITIONAL = 10, /* offsets in the header */
};

static void put16(struct buf *out, unsigned v)
{
	uint8_t two[2];

	wire_put16(two, (uint16_t)v);
	buf_add(out, two, sizeof(two));
}

static uint8_t *bytes(struct buf *b)
{
	return (uint8_t *)b->data;
}

static void set_count(struct buf *b, size_t which, unsigned v)
{
	wire_put16(bytes(b) + which, (uint16_t)v);
}

static void add_opt(struct buf *out, unsigned udp_size, bool dnssec_ok)
{
	uint8_t opt[OPT_SIZE] = { 0, 0, DNS_OPT };

	wire_put16(opt + 3, (uint16_t)udp_size);
	opt[7] = dnssec_ok ? OPT_DO : 0;
	buf_add(out, opt, sizeof(opt));
	set_count(out, COUNT_ADDITIONAL, wire_get16(bytes(out) + COUNT_ADDITIONAL) + 1u);
}

void dns_query_make(struct buf *out, uint16_t id, const struct dns_name *name, uint16_t type)
{
	uint8_t header[DNS_HEADER] = { 0 };

	wire_put16(header, id);
	header[2] = FLAG_RD;
	header[COUNT_QUESTION + 1] = 1;
	buf_add(out, header, sizeof(header));
	buf_add(out, name->wire, name->len);
	put16(out, type);
	put16(out, DNS_CLASS_IN);
	add_opt(out, OWN_UDP_SIZE, false);
}

void dns_reply_begin(struct buf *out, const uint8_t *query, const struct dns_question *q, unsigned rcode)
{
	uint8_t header[DNS_HEADER] = { 0 };

	memcpy(header, query, 4);
	header[2] = (uint8_t)((header[2] & ~FLAG_TC) | FLAG_QR);
	header[3] = (uint8_t)(FLAG_RA | (header[3] & FLAG_CD) | rcode);
	header[COUNT_QUESTION + 1] = q->end > DNS_HEADER;
	buf_add(out, header, sizeof(header));
	buf_add(out, query + DNS_HEADER, q->end - DNS_HEADER);
}

void dns_reply_add(struct buf *out, uint16_t type, const void *data, size_t n)
{
	put16(out, 0xc000 + DNS_HEADER); /* the name of the question */
	put16(out, type);
	put16(out, DNS_CLASS_IN);
	put16(out, 0);
	put16(out, DNS_STATIC_TTL);
	put16(out, (unsigned)n);
	buf_add(out, data, n);
	set_count(out, COUNT_ANSWER, wire_get16(bytes(out) + COUNT_ANSWER) + 1u);
}

void dns_reply_end(struct buf *out, const struct dns_question *q)
{
	if (q->edns)
		add_opt(out, DNS_UDP_MAX, q->dnssec_ok);
}

void dns_fit(struct buf *msg, const struct dns_question *q, size_t limit)
{
	size_t at = q->end, room = limit - (q->edns ? OPT_SIZE : 0), keep;
	unsigned kept = 0, answers;
	struct dns_record r;

	if (msg->len <= limit)
		return;
	answers = wire_get16(bytes(msg) + COUNT_ANSWER);
	keep = at;
	while (kept < answers && dns_record_next(bytes(msg), msg->len, &at, &r) && at <= room) {
		keep = at;
		kept++;
	}
	msg->len = keep;
	bytes(msg)[2] |= FLAG_TC;
	set_count(msg, COUNT_QUESTION, q->end > DNS_HEADER);
	set_count(msg, COUNT_ANSWER, kept);
	set_count(msg, COUNT_AUTHORITY, 0);
	set_count(msg, COUNT_ADDITIONAL, 0);
	if (q->edns)
		add_opt(msg, DNS_UDP_MAX, q->dnssec_ok);
}
