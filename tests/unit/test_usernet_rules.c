/* uses: usernet dns loop */
/* What a machine in a network may not do: pose as the gateway or as another machine, hand out addresses, reach what is nobody's
 * business; and that the others do not notice when it tries. */
#include "fake_usernet.h"

static struct nic *a, *b;

static unsigned refused(unsigned port)
{
	char key[32];
	const char *at;
	unsigned n = 0;

	http("GET", "/stats", "");
	snprintf(key, sizeof(key), "{\"id\":%u,", port);
	at = strstr(http_body, key);
	at = at ? strstr(at, "\"refused\":") : NULL;
	return at && sscanf(at, "\"refused\":%u", &n) == 1 ? n : ~0u;
}

/* Frames are counted when they are handled; a ping that is answered says that those before it were. */
static bool is_echo(const struct nic *c, uint32_t from)
{
	return c->len >= 42 && get16(c->frame + 12) == 0x0800 && c->frame[23] == 1 && get32(c->frame + 26) == from;
}

static void sync_with(struct nic *c)
{
	uint8_t f[14 + 20 + 8];
	size_t n = put_ipv4(f, c->gateway_mac, c->mac, NET + DNS, c->ip, 1, 8);

	memcpy(f + 34, "\x8\0\0\0\0\1\0\1", 8);
	put16(f + 36, sum_end(sum_up(0, f + 34, 8)));
	nic_send(c, f, n);
	if (!nic_wait(c, is_echo, NET + DNS, NIC_PATIENCE_MS))
		ok(false, "the network does not answer any more");
}

/* Whether what b has sent is refused and counted. */
static void is_refused(const char *what)
{
	static unsigned before;
	unsigned now;

	sync_with(b);
	now = refused(2);
	ok(now == before + 1, "%s", what);
	before = now;
}

static bool is_marked(const struct nic *c, uint32_t arg)
{
	(void)arg;
	return c->len >= 46 && !memcmp(c->frame + 42, "evil", 4);
}

static uint8_t frame[2000];

static void test_posing(void)
{
	uint32_t own = b->ip;
	uint8_t mac[6];

	memcpy(mac, b->mac, 6);
	memcpy(b->mac, b->gateway_mac, 6);
	nic_udp(b, everybody, 0xffffffff, 1, 2, "evil", 4);
	memcpy(b->mac, mac, 6);
	is_refused("the gateway's MAC address");
	memcpy(b->mac, a->mac, 6);
	nic_udp(b, everybody, 0xffffffff, 1, 2, "evil", 4);
	memcpy(b->mac, mac, 6);
	is_refused("another machine's");
	b->ip = NET + GATEWAY;
	nic_udp(b, a->mac, a->ip, 1, 2, "evil", 4);
	b->ip = own;
	is_refused("the gateway's address");
	b->ip = a->ip;
	nic_udp(b, b->gateway_mac, NET + GATEWAY, 1, 2, "evil", 4);
	b->ip = own;
	is_refused("the address of another machine's lease");
	nic_arp(b, a->mac, 2, NET + GATEWAY, a->ip, a->mac);
	is_refused("saying by ARP to have the gateway's address");
	nic_arp(b, everybody, 1, a->ip, a->ip, NULL);
	is_refused("saying by ARP to have another machine's");
	memset(frame, 0, sizeof(frame));
	memcpy(frame, a->mac, 6);
	memcpy(frame + 6, b->mac, 6);
	memcpy(frame + 12, "\x08\x06\0\1\x08\0\6\4\0\2", 10);
	memcpy(frame + 22, a->mac, 6);
	put32(frame + 28, own);
	nic_send(b, frame, 42);
	is_refused("an ARP message about another MAC address than one's own");
	ok(!nic_wait(a, is_marked, 0, QUIET_MS), "nothing of it came to the other one");
}

static void test_dhcp(void)
{
	uint8_t p[300];
	struct dhcp_try t = { .type = D_OFFER };
	size_t n;

	nic_udp(b, everybody, 0xffffffff, 67, 68, p, make_dhcp(p, b, &t));
	is_refused("an answer of a DHCP server");
	n = make_udp(frame, b, a->mac, a->ip, 67, 68, "evil", 4);
	put16(frame + 20, 0x2000);
	put16(frame + 24, 0);
	put16(frame + 24, sum_end(sum_up(0, frame + 14, 20)));
	nic_send(b, frame, n);
	is_refused("also in pieces");
	t = (struct dhcp_try){ .type = D_RELEASE, .ciaddr = a->ip, .server = NET + GATEWAY, .chaddr = a->mac };
	is_num(nic_dhcp(b, &t, QUIET_MS), 0, "a message for another machine is not answered");
	t.type = D_DECLINE;
	t.wish = a->ip;
	nic_dhcp(b, &t, QUIET_MS);
	http("GET", "/leases", "");
	ok(strstr(http_body, "\"192.168.104.5\":\"52:55:55:00:00:01\""), "and changes nothing");
	nic_udp(a, everybody, 0xffffffff, 68, 67, p, 200);
	sync_with(a);
	ok(!nic_wait(b, is_udp, 67, QUIET_MS), "what is for the DHCP server comes to nobody else");
}

static void test_outside(void)
{
	static const struct {
		uint32_t to;
		const char *what;
	} nowhere[] = {
		{ 0xa9fea9fe, "the metadata service of a cloud" }, { 0x7f000001, "the host's loopback interface by its own address" },
		{ 0x7f000101, "another address of it" }, { NET + 99, "a machine that is not there, by way of the gateway" },
		{ NET + 255, "the broadcast address, by way of the gateway" }, { 0xe00000fb, "multicast" },
		{ 0xffffffff, "everybody" }, { 0, "nobody" },
	};

	for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		nic_udp(b, b->gateway_mac, nowhere[i].to, 1, 2, "evil", 4);
		is_refused(nowhere[i].what);
	}
	b->ip = 0x0a000001;
	nic_udp(b, b->gateway_mac, NET + GATEWAY, 1, 2, "evil", 4);
	b->ip = NET + FIRST + 1;
	is_refused("from an address of another network");
}

static bool is_type(const struct nic *c, uint32_t type)
{
	return get16(c->frame + 12) == type;
}

static void test_others(void)
{
	static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };

	memset(frame, 0, 100);
	memcpy(frame, all_nodes, 6);
	memcpy(frame + 6, b->mac, 6);
	put16(frame + 12, 0x86dd);
	nic_send(b, frame, 100);
	put16(frame + 12, 0x88cc);
	nic_send(b, frame, 100);
	ok(nic_wait(a, is_type, 0x88cc, NIC_PATIENCE_MS), "other protocols are passed on");
	memcpy(frame, everybody, 6);
	put16(frame + 12, 0x86dd);
	nic_send(b, frame, 100);
	sync_with(b);
	ok(!nic_wait(a, is_type, 0x86dd, QUIET_MS), "IPv6 is not");
	nic_udp(b, everybody, NET + 255, 7000, 7001, "hello", 5);
	ok(nic_wait(a, is_udp, 7001, NIC_PATIENCE_MS), "a broadcast is");
}

/* Every byte of valid frames changed, and every length: nothing ends, the other machine is served as before. */
static void test_garbage(void)
{
	uint8_t f[400], p[300];
	struct dhcp_try t = { .type = D_DISCOVER };
	size_t n = make_udp(f, b, b->gateway_mac, NET + DNS, 5300, 53, "\xab\xcd\1\0\0\1\0\0\0\0\0\0\1x\0\0\1\0\1", 19);

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < n; i++) {
			uint8_t old = f[i];

			f[i] ^= (uint8_t)(1 << (i % 8));
			nic_send(b, f, n);
			nic_send(b, f, i);
			f[i] = old;
		}
		n = round ? make_udp(f, b, b->gateway_mac, NET + GATEWAY, 1, 2, "x", 1)
			  : make_udp(f, b, everybody, 0xffffffff, 68, 67, p, make_dhcp(p, b, &t));
	}
	while (nic_next(b, nic_now() + QUIET_MS) || nic_next(a, nic_now() + QUIET_MS))
		continue;
	ok(nic_up(a, NET + GATEWAY), "after a lot of nonsense the others are served as before");
	is_num(a->ip, NET + FIRST, "with the same address");
}

/* A machine that opens connections without end: there are descriptors left for others. */
static void test_many(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);
	struct tcp t = { .to = NET + GATEWAY };
	const char *sockets;
	unsigned n = 0;

	if (bind(l, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(l, 500) < 0)
		exit(1);
	getsockname(l, (struct sockaddr *)&at, &len);
	net_descriptors = 120;
	net_start(NULL, 1500);
	b = nic_open(qemu_path, 2);
	nic_up(b, NET + GATEWAY);
	t.c = b;
	t.dport = ntohs(at.sin_port);
	kill(daemon_pid, SIGSTOP); /* so that all come at once */
	for (unsigned i = 0; i < 60; i++) {
		t.sport = (uint16_t)(10000 + i);
		tcp_segment(&t, 2, NULL, 0);
		nic_udp(b, b->gateway_mac, NET + GATEWAY, (uint16_t)(20000 + i), 9, "x", 1);
	}
	kill(daemon_pid, SIGCONT);
	sync_with(b);
	is_num(http("GET", "/stats", ""), 200, "with very many connections it still answers");
	sockets = strstr(http_body, "\"sockets\":");
	if (sockets && sscanf(sockets, "\"sockets\":%u", &n) != 1)
		n = 0;
	ok(n >= 20 && n <= 60, "with so many as it can have (%u)", n);
	ok(refused(1) > 0, "what is more is refused");
	a = nic_open(qemu_path, 1);
	ok(nic_up(a, NET + GATEWAY), "and another machine comes up");
	nic_close(a);
	nic_close(b);
	is_num(net_stop(SIGTERM), 0, "it ends");
	close(l);
}

int main(void)
{
	net_start(NULL, 1500);
	a = nic_open(qemu_path, 1);
	ok(nic_up(a, NET + GATEWAY), "a machine");
	b = nic_open(qemu_path, 2);
	ok(nic_up(b, NET + GATEWAY), "and one that is up to no good");
	test_posing();
	test_dhcp();
	test_outside();
	test_others();
	test_garbage();
	nic_close(a);
	nic_close(b);
	is_num(net_stop(SIGTERM), 0, "it ends");
	test_many();
	net_remove();
	return done();
}
