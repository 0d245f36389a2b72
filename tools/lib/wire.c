/* wire - see wire.h. Shared by both agents, so that there is one reader of bytes that nobody can vouch for. */
#include "wire.h"

#include <string.h>

static const uint8_t magic[4] = { 'L', 'G', 'A', '1' };

uint16_t wire_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t wire_get32(const uint8_t *p)
{
	return (uint32_t)wire_get16(p) << 16 | wire_get16(p + 2);
}

uint64_t wire_get64(const uint8_t *p)
{
	return (uint64_t)wire_get32(p) << 32 | wire_get32(p + 4);
}

void wire_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void wire_put32(uint8_t *p, uint32_t v)
{
	wire_put16(p, (uint16_t)(v >> 16));
	wire_put16(p + 2, (uint16_t)v);
}

void wire_put64(uint8_t *p, uint64_t v)
{
	wire_put32(p, (uint32_t)(v >> 32));
	wire_put32(p + 4, (uint32_t)v);
}

static uint16_t check_of(const uint8_t *h)
{
	uint32_t sum = 0;

	for (int i = 0; i < WIRE_HEADER; i += 2)
		sum += i == 6 ? 0 : wire_get16(h + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void wire_header(uint8_t out[WIRE_HEADER], uint8_t type, uint32_t stream, uint32_t len)
{
	memcpy(out, magic, sizeof(magic));
	out[4] = type;
	out[5] = 0;
	wire_put32(out + 8, stream);
	wire_put32(out + 12, len);
	wire_put16(out + 6, check_of(out));
}

void wire_reset(struct wire_reader *r)
{
	r->start = r->used = 0;
	r->skipped = 0;
}

/* Moves what is left to the front, but not for every frame: a buffer full of small ones would be copied once for each.
 * */
uint8_t *wire_space(struct wire_reader *r, size_t *room)
{
	if (r->start > 0 && sizeof(r->buf) - r->used < sizeof(r->buf) / 2) {
		memmove(r->buf, r->buf + r->start, r->used - r->start);
		r->used -= r->start;
		r->start = 0;
	}
	*room = sizeof(r->buf) - r->used;
	return r->buf + r->used;
}

void wire_fed(struct wire_reader *r, size_t n)
{
	r->used += n;
}

/* Whether the n bytes at h may be, or (n >= WIRE_HEADER) are, a header. */
static int plausible(const uint8_t *h, size_t n)
{
	if (memcmp(h, magic, n < sizeof(magic) ? n : sizeof(magic)))
		return 0;
	return n < WIRE_HEADER || (wire_get16(h + 6) == check_of(h) && wire_get32(h + 12) <= WIRE_PAYLOAD_MAX);
}

static void skip_garbage(struct wire_reader *r)
{
	while (r->start < r->used && !plausible(r->buf + r->start, r->used - r->start)) {
		const uint8_t *from = r->buf + r->start + 1;
		const uint8_t *next = memchr(from, magic[0], r->used - r->start - 1);
		size_t to = next ? (size_t)(next - r->buf) : r->used;

		r->skipped += to - r->start;
		r->start = to;
	}
}

int wire_next(struct wire_reader *r, struct wire_frame *f)
{
	const uint8_t *h;

	skip_garbage(r);
	h = r->buf + r->start;
	if (r->start == r->used)
		r->start = r->used = 0;
	if (r->used - r->start < WIRE_HEADER)
		return 0;
	f->len = wire_get32(h + 12);
	if (r->used - r->start < WIRE_HEADER + (size_t)f->len)
		return 0;
	f->type = h[4];
	f->stream = wire_get32(h + 8);
	f->payload = h + WIRE_HEADER;
	r->start += WIRE_HEADER + (size_t)f->len;
	return 1;
}

static size_t ip_size(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

size_t wire_open_put(uint8_t out[1 + WIRE_PATH_MAX + WIRE_OPEN_SIZE], const struct wire_addr *a)
{
	out[0] = a->proto;
	if (a->proto == WIRE_UNIX) {
		size_t n = strnlen(a->path, WIRE_PATH_MAX);

		memcpy(out + 1, a->path, n);
		return 1 + n;
	}
	memset(out + 4, 0, 16);
	out[1] = a->family;
	wire_put16(out + 2, a->port);
	memcpy(out + 4, a->ip, ip_size(a->family));
	return WIRE_OPEN_SIZE;
}

static int known(uint8_t proto, uint8_t family, uint16_t port)
{
	return (proto == WIRE_TCP || proto == WIRE_UDP) && (family == 4 || family == 6) && port;
}

int wire_open_get(const uint8_t *p, size_t n, struct wire_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (n >= 2 && n <= 1 + WIRE_PATH_MAX && p[0] == WIRE_UNIX && p[1] == '/' && !memchr(p + 1, 0, n - 1)) {
		a->proto = WIRE_UNIX;
		memcpy(a->path, p + 1, n - 1);
		return 0;
	}
	if (n != WIRE_OPEN_SIZE || !known(p[0], p[1], wire_get16(p + 2)))
		return -1;
	a->proto = p[0];
	a->family = p[1];
	a->port = wire_get16(p + 2);
	memcpy(a->ip, p + 4, ip_size(a->family));
	return 0;
}

void wire_port_put(uint8_t out[WIRE_PORT_SIZE], char op, const struct wire_addr *a)
{
	memset(out, 0, WIRE_PORT_SIZE);
	out[0] = (uint8_t)op;
	if (!a)
		return;
	out[1] = a->proto;
	out[2] = a->family;
	wire_put16(out + 4, a->port);
	memcpy(out + 8, a->ip, ip_size(a->family));
}

int wire_port_get(const uint8_t p[WIRE_PORT_SIZE], struct wire_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (p[0] == '=')
		return '=';
	if ((p[0] != '+' && p[0] != '-') || !known(p[1], p[2], wire_get16(p + 4)))
		return -1;
	a->proto = p[1];
	a->family = p[2];
	a->port = wire_get16(p + 4);
	memcpy(a->ip, p + 8, ip_size(a->family));
	return p[0];
}
