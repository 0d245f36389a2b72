/* wire: frames are found again in any mixture of frames, garbage, half frames and read sizes. Expected header bytes
 * were worked out by hand from the table in wire.h. */
#include "wire.h"

#include "tap.h"

static struct wire_reader reader;

static void feed(const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n > 0) {
		size_t room;
		uint8_t *to = wire_space(&reader, &room);
		size_t part = n < room ? n : room;

		memcpy(to, p, part);
		wire_fed(&reader, part);
		p += part;
		n -= part;
		if (n > 0 && part == 0) {
			ok(0, "the reader has room");
			exit(done());
		}
	}
}

static void test_header(void)
{
	/* 4c47 + 4131 + 1200 + 0001+0203 + 0000+0005 = a181 */
	static const uint8_t want[WIRE_HEADER] = { 'L', 'G', 'A', '1', 0x12, 0, 0xa1, 0x81, 0, 1, 2, 3, 0, 0, 0, 5 };
	uint8_t h[WIRE_HEADER];

	wire_header(h, 0x12, 0x00010203, 5);
	ok(!memcmp(h, want, sizeof(want)), "header bytes");
	wire_header(h, 0xff, 0xffffffff, 0);
	/* 4c47 + 4131 + ff00 + ffff + ffff = 38c76 +...: 4c47+4131=8d78, +ff00=18c78, +1fffe=38c76 -> 8c76+3=8c79 */
	is_num(wire_get16(h + 6), 0x8c79, "the carry of the sum comes round");
}

static void test_numbers(void)
{
	uint8_t b[8];

	wire_put64(b, 0x0123456789abcdefu);
	ok(!memcmp(b, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8), "big-endian 64");
	ok(wire_get64(b) == 0x0123456789abcdefu, "and back");
	is_num(wire_get32(b + 2), 0x456789ab, "32");
	is_num(wire_get16(b + 6), 0xcdef, "16");
}

static void put_frame(uint8_t *to, uint8_t type, uint32_t stream, const char *text)
{
	wire_header(to, type, stream, (uint32_t)strlen(text));
	memcpy(to + WIRE_HEADER, text, strlen(text));
}

static void test_one_by_one(void)
{
	uint8_t bytes[2 * WIRE_HEADER + 5];
	struct wire_frame f;
	int frames = 0;

	put_frame(bytes, WIRE_DATA, 7, "hello");
	put_frame(bytes + WIRE_HEADER + 5, WIRE_EOF, 7, "");
	wire_reset(&reader);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		feed(bytes + i, 1);
		if (!wire_next(&reader, &f))
			continue;
		frames++;
		if (frames == 1)
			ok(i == WIRE_HEADER + 4 && f.type == WIRE_DATA && f.stream == 7 && f.len == 5 &&
			   !memcmp(f.payload, "hello", 5), "the first frame, with its last byte");
		else
			ok(f.type == WIRE_EOF && f.len == 0, "the second frame");
	}
	is_num(frames, 2, "two frames");
	is_num((long long)reader.skipped, 0, "nothing skipped");
}

static void test_garbage(void)
{
	uint8_t good[WIRE_HEADER + 2], bad[WIRE_HEADER];
	struct wire_frame f;

	put_frame(good, WIRE_STATUS, 0, "ok");
	wire_reset(&reader);
	feed("LGLGA1 no header LGA", 20);
	ok(!wire_next(&reader, &f), "garbage is no frame");
	is_num((long long)reader.skipped, 17, "all but what may still become a header is skipped");
	feed(good, sizeof(good));
	ok(wire_next(&reader, &f) && f.type == WIRE_STATUS && f.len == 2, "the frame behind it");
	is_num((long long)reader.skipped, 20, "and what did not become one is skipped as well");

	for (int i = 0; i < WIRE_HEADER; i++) {
		memcpy(bad, good, WIRE_HEADER);
		bad[i] ^= 0x40;
		wire_reset(&reader);
		feed(bad, sizeof(bad));
		feed(good, sizeof(good));
		ok(wire_next(&reader, &f) && f.type == WIRE_STATUS && f.len == 2 && reader.skipped == WIRE_HEADER,
		   "a header with byte %d wrong is none", i);
	}
	wire_header(bad, WIRE_DATA, 1, WIRE_PAYLOAD_MAX + 1);
	wire_reset(&reader);
	feed(bad, sizeof(bad));
	feed(good, sizeof(good));
	ok(wire_next(&reader, &f) && f.type == WIRE_STATUS, "a length over the limit is no header");
}

static void test_half_frame(void)
{
	static uint8_t zeros[WIRE_PAYLOAD_MAX];
	uint8_t good[WIRE_HEADER + 2], half[WIRE_HEADER];
	struct wire_frame f;
	int found = 0;

	put_frame(good, WIRE_HELLO, 0, "hi");
	wire_header(half, WIRE_DATA, 3, WIRE_PAYLOAD_MAX);
	wire_reset(&reader);
	feed(half, sizeof(half));
	feed("some", 4);
	ok(!wire_next(&reader, &f), "half a frame is none");
	for (size_t at = 0; at < sizeof(zeros); at += 4) {
		feed(zeros + at, 4);
		while (wire_next(&reader, &f))
			;
	}
	feed(good, sizeof(good));
	while (wire_next(&reader, &f))
		found += f.type == WIRE_HELLO;
	is_num(found, 1, "after as many bytes as a payload can have, the next frame is found");
}

static void test_largest(void)
{
	static uint8_t big[WIRE_HEADER + WIRE_PAYLOAD_MAX];
	struct wire_frame f;
	int whole = 0;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7);
	wire_header(big, WIRE_DATA, 9, WIRE_PAYLOAD_MAX);
	wire_reset(&reader);
	for (int round = 0; round < 50; round++) {
		for (size_t at = 0; at < sizeof(big); at += 1001 + (size_t)round) {
			size_t n = sizeof(big) - at < 1001 + (size_t)round ? sizeof(big) - at : 1001 + (size_t)round;

			feed(big + at, n);
			if (wire_next(&reader, &f))
				whole += f.len == WIRE_PAYLOAD_MAX && !memcmp(f.payload, big + WIRE_HEADER, f.len);
		}
	}
	is_num(whole, 50, "the largest frames, in pieces");
}

static void test_open(void)
{
	static const struct { const char *bytes; size_t n; int good; const char *name; } cases[] = {
		{ "\x06\x04\x1f\x90\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0", 20, 1, "tcp v4" },
		{ "\x11\x06\0\x35\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 20, 1, "udp v6" },
		{ "\x06\x04\x1f\x90\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0", 19, 0, "a byte short" },
		{ "\x06\x04\0\0\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0, "port 0" },
		{ "\x06\x05\0\x50\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0, "family 5" },
		{ "\x07\x04\0\x50\x7f\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0, "protocol 7" },
		{ "\x01/run/x.sock", 12, 1, "unix" },
		{ "\x01run/x.sock", 11, 0, "unix, relative" },
		{ "\x01/run/x\0ock", 11, 0, "unix, with a NUL" },
		{ "\x01", 1, 0, "unix, empty" },
		{ "", 0, 0, "nothing" },
	};
	uint8_t back[1 + WIRE_PATH_MAX + WIRE_OPEN_SIZE], longest[1 + WIRE_PATH_MAX + 1];
	struct wire_addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = wire_open_get((const uint8_t *)cases[i].bytes, cases[i].n, &a);

		is_num(r == 0, cases[i].good, cases[i].name);
		if (r == 0)
			ok(wire_open_put(back, &a) == cases[i].n && !memcmp(back, cases[i].bytes, cases[i].n),
			   "and back");
	}
	memset(longest, '/', sizeof(longest));
	longest[0] = WIRE_UNIX;
	ok(wire_open_get(longest, 1 + WIRE_PATH_MAX, &a) == 0 && strlen(a.path) == 107, "the longest path");
	ok(wire_open_get(longest, sizeof(longest), &a) < 0, "one longer");
}

static void test_ports(void)
{
	static const uint8_t record[WIRE_PORT_SIZE] = { '+', 6, 4, 0, 0x1f, 0x90, 0, 0, 10, 0, 0, 5 };
	struct wire_addr a;
	uint8_t p[WIRE_PORT_SIZE];

	ok(wire_port_get(record, &a) == '+' && a.proto == WIRE_TCP && a.family == 4 && a.port == 8080 &&
	   !memcmp(a.ip, "\x0a\0\0\x05", 4), "a record");
	wire_port_put(p, '+', &a);
	ok(!memcmp(p, record, sizeof(p)), "and back");
	wire_port_put(p, '=', NULL);
	ok(wire_port_get(p, &a) == '=' && p[0] == '=' && a.port == 0, "the mark");
	memcpy(p, record, sizeof(p));
	p[0] = '*';
	ok(wire_port_get(p, &a) < 0, "an unknown op");
	p[0] = '-';
	p[1] = WIRE_UNIX;
	ok(wire_port_get(p, &a) < 0, "an unknown protocol");
}

/* Random bytes with frames among them: whatever happens to the rest, every frame that was put in whole comes out. */
static void test_random(void)
{
	unsigned in = 0, out = 0;
	struct wire_frame f;

	srand(1);
	wire_reset(&reader);
	for (int i = 0; i < 20000; i++) {
		uint8_t noise[64], frame[WIRE_HEADER + 8];
		size_t n = (size_t)rand() % sizeof(noise);

		for (size_t k = 0; k < n; k++)
			noise[k] = rand() % 3 ? (uint8_t)rand() : (uint8_t)"LGA1"[rand() % 4];
		feed(noise, n);
		put_frame(frame, WIRE_DATA, (uint32_t)i, "12345678");
		feed(frame, sizeof(frame));
		in++;
		while (wire_next(&reader, &f))
			out += f.type == WIRE_DATA && f.len == 8 && f.stream == (uint32_t)i;
	}
	is_num(out, in, "frames among random bytes");
}

int main(void)
{
	test_header();
	test_numbers();
	test_one_by_one();
	test_garbage();
	test_half_frame();
	test_largest();
	test_open();
	test_ports();
	test_random();
	return done();
}
