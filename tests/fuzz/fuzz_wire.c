/* The reader of frames, and the payloads that carry addresses. The input is fed in pieces whose sizes it chooses
 * itself. */
#include <stdlib.h>
#include <string.h>

#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is understood means the same again when it is written. */
static void check_addresses(const struct wire_frame *f)
{
	uint8_t again[1 + WIRE_PATH_MAX + WIRE_OPEN_SIZE], record[WIRE_PORT_SIZE];
	struct wire_addr a, b;

	if (wire_open_get(f->payload, f->len, &a) == 0 &&
	    (wire_open_get(again, wire_open_put(again, &a), &b) < 0 || memcmp(&a, &b, sizeof(a))))
		abort();
	for (uint32_t at = 0; at + WIRE_PORT_SIZE <= f->len; at += WIRE_PORT_SIZE) {
		int op = wire_port_get(f->payload + at, &a);

		if (op < 0)
			continue;
		wire_port_put(record, (char)op, &a);
		if (wire_port_get(record, &b) != op || memcmp(&a, &b, sizeof(a)))
			abort();
	}
}

static void drain(struct wire_reader *r)
{
	struct wire_frame f;
	volatile uint8_t sum = 0;

	while (wire_next(r, &f)) {
		if (f.len > WIRE_PAYLOAD_MAX)
			abort();
		for (uint32_t i = 0; i < f.len; i++)
			sum = (uint8_t)(sum + f.payload[i]);
		check_addresses(&f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct wire_reader r;
	uint64_t fed = 0;

	wire_reset(&r);
	while (n > 1) {
		size_t part = 1 + *data, room;
		uint8_t *to = wire_space(&r, &room);

		data++;
		n--;
		if (room == 0)
			abort();
		part = part < n ? part : n;
		part = part < room ? part : room;
		memcpy(to, data, part);
		wire_fed(&r, part);
		drain(&r);
		data += part;
		n -= part;
		fed += part;
	}
	if (r.skipped > fed || r.used > sizeof(r.buf) || r.start > r.used)
		abort();
	return 0;
}
