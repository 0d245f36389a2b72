/* uses: usernet dns loop */
/* Frames: what is read of good ones, that bad ones are refused wherever they are cut, and that what is built is right byte by
 * byte. Networks and MAC addresses as texts. */
#include "fake_nic.h"

#include "usernet/frame.h"
#include "usernet/subnet.h"

/* The header of the example in the article "Internet checksum" of Wikipedia: 0xb861. */
static void test_udp_built(void)
{
	struct frame_ends e = { .src = { { 2, 0, 0, 0, 0, 1 } }, .dst = { { 2, 0, 0, 0, 0, 2 } }, .ip_src = 0xc0a80001,
				.ip_dst = 0xc0a800c7, .sport = 53, .dport = 1234 };
	struct buf out = { 0 };
	uint8_t data[0x73 - 28];
	struct frame f;

	memset(data, 0x5a, sizeof(data));
	frame_udp(&out, &e, data, sizeof(data));
	is_num(out.len, 14 + 0x73, "the length of a built frame");
	ok(!memcmp(out.data, "\2\0\0\0\0\2\2\0\0\0\0\1\x08\0\x45\0\0\x73\0\0\x40\0\x40\x11\xb8\x61\xc0\xa8\0\1\xc0\xa8\0\xc7", 34),
	   "the headers, with the checksum of the textbook");
	ok(sums_good((uint8_t *)out.data, out.len), "the checksum of UDP");
	ok(frame_parse((uint8_t *)out.data, out.len, &f) && f.proto == IP_UDP && f.sport == 53 && f.dport == 1234 &&
		   f.data_len == sizeof(data) && !memcmp(f.data, data, sizeof(data)), "it is read again");
	e = frame_back(&f);
	ok(e.ip_src == 0xc0a800c7 && e.ip_dst == 0xc0a80001 && e.sport == 1234 && e.dport == 53 && e.src.b[5] == 2 &&
		   e.dst.b[5] == 1, "the ends of an answer are the other way around");
	buf_free(&out);
}

static void test_tcp_icmp_built(void)
{
	struct frame_ends e = { .ip_src = 0x0a000001, .ip_dst = 0x0a000002, .sport = 1, .dport = 2 };
	struct buf out = { 0 };
	struct frame f;

	frame_tcp(&out, &e, 0x11223344, 0x55667788, TCP_SYN | TCP_ACK);
	ok(sums_good((uint8_t *)out.data, out.len), "the checksum of TCP");
	ok(frame_parse((uint8_t *)out.data, out.len, &f) && f.tcp_seq == 0x11223344 && f.tcp_ack == 0x55667788 &&
		   f.tcp_flags == (TCP_SYN | TCP_ACK), "a segment is read again");
	buf_free(&out);
	frame_icmp(&out, &e, "\0\0\xff\xff\1\2\3\4odd", 11);
	ok(sums_good((uint8_t *)out.data, out.len), "the checksum of ICMP, of an odd length");
	buf_free(&out);
}

/* Whatever is cut off: no frame, or one whose data is within it. */
static void test_cut(void)
{
	static struct nic c = { .ip = 0x0a000002 };
	static uint8_t f[256], tail[256];
	size_t whole = make_udp(f, &c, everybody, 0x0a000001, 1, 2, "hello", 5);
	unsigned read = 0;
	struct frame r;

	for (size_t n = 0; n < whole; n++) {
		uint8_t *copy = tail + sizeof(tail) - n; /* the sanitizer sees what is read behind it */

		memcpy(copy, f, n);
		read += frame_parse(copy, n, &r);
	}
	is_num(read, 0, "a frame that is cut is none, wherever");
	ok(frame_parse(f, whole + 9, &r) && r.data_len == 5, "what fills a short frame up does not belong to it");
	put16(f + 38, 14);
	ok(!frame_parse(f, whole, &r), "a UDP length beyond the packet");
	put16(f + 38, 7);
	ok(!frame_parse(f, whole, &r), "a UDP length below its header");
	f[14] = 0x44;
	ok(!frame_parse(f, whole, &r), "an IP header that is too short");
	f[14] = 0x4f;
	ok(!frame_parse(f, whole, &r), "one longer than the packet");
	f[14] = 0x65;
	ok(!frame_parse(f, whole, &r), "another version of IP");
}

static void test_fragments(void)
{
	static struct nic c = { .ip = 0x0a000002 };
	static uint8_t f[256];
	size_t n = make_udp(f, &c, everybody, 0x0a000001, 67, 68, "hello", 5);
	struct frame r;

	put16(f + 20, 0x2000);
	ok(frame_parse(f, n, &r) && r.fragment && !r.later && r.sport == 67 && !r.data, "a first fragment has ports, but no data");
	put16(f + 20, 0x0001);
	ok(frame_parse(f, n, &r) && r.fragment && r.later && r.sport == 0, "a later one has neither");
	put16(f + 20, 0x4000);
	ok(frame_parse(f, n, &r) && !r.fragment && r.data_len == 5, "\"do not fragment\" is no fragment");
}

static void test_texts(void)
{
	static const char *const bad[] = { "", "52:55:55:01:02", "52:55:55:01:02:03:", "52-55-55-01-02-03", "5:55:55:01:02:003",
					   "52:55:55:01:02:0g" };
	char text[MAC_TEXT], ip_text[IP_TEXT];
	struct mac m;
	uint32_t ip;

	ok(mac_parse("52:55:55:aB:02:ff", &m), "a MAC address");
	mac_format(&m, text);
	is_str(text, "52:55:55:ab:02:ff", "as text");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!mac_parse(bad[i], &m), "'%s' is none", bad[i]);
	ok(ip_parse("192.168.104.5", &ip) && ip == 0xc0a86805, "an IP address");
	ip_format(0xfffe0001, ip_text);
	is_str(ip_text, "255.254.0.1", "as text");
	ok(!ip_parse("192.168.104", &ip) && !ip_parse("192.168.104.256", &ip) && !ip_parse("::1", &ip) && !ip_parse("", &ip),
	   "what is none");
}

static void test_subnets(void)
{
	static const char *const bad[] = { "192.168.104.0/29", "10.0.0.0/7", "x/24", "/24", "192.168.104.0/", "127.0.0.0/24",
					   "0.0.0.0/24", "224.0.0.0/24", "192.168.104.0/24/24", "192.168.104.0/ 24" };
	struct subnet s;
	struct err e = { 0 };

	ok(subnet_parse("192.168.104.77/24", 1500, &s, &e) == 0, "a subnet, by any address in it");
	ok(s.net == 0xc0a86800 && s.mask == 0xffffff00 && s.broadcast == 0xc0a868ff, "its addresses");
	ok(s.gateway == 0xc0a86802 && s.dns == 0xc0a86803 && s.first == 0xc0a86805, "those in it");
	is_num(s.guests, 250, "5 to 254 are for guests");
	ok(subnet_index(&s, 0xc0a86805) == 0 && subnet_index(&s, 0xc0a868fe) == 249 && subnet_index(&s, 0xc0a868ff) == -1 &&
		   subnet_index(&s, 0xc0a86804) == -1, "the places of guests");
	ok(subnet_parse("10.1.2.240/28", 1500, &s, &e) == 0 && s.guests == 10, "the smallest one");
	ok(subnet_parse("10.0.0.0/8", 1500, &s, &e) == 0 && s.guests == SUBNET_GUESTS_MAX, "a large one gives out so many");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		e = (struct err){ 0 };
		ok(subnet_parse(bad[i], 1500, &s, &e) < 0 && e.code == EXIT_USAGE, "'%s': %s", bad[i], e.msg);
	}
}

int main(void)
{
	test_udp_built();
	test_tcp_icmp_built();
	test_cut();
	test_fragments();
	test_texts();
	test_subnets();
	return done();
}
