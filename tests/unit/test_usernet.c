/* uses: usernet dns */
/* A whole network as machines see it: addresses, the gateway, the host behind it, each other, forwarded ports, and the HTTP
 * interface. The machines are network cards that the test plays. */
#include "fake_usernet.h"

static struct nic *a, *b;

/* A listener on the loopback interface; *port is its. */
static int host_listen(int type, uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct timeval t = { .tv_sec = NIC_PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || (type == SOCK_STREAM && listen(fd, 5) < 0))
		exit(1);
	getsockname(fd, (struct sockaddr *)&at, &len);
	*port = ntohs(at.sin_port);
	return fd;
}

static int host_connect(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval t = { .tv_sec = NIC_PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void test_addresses(void)
{
	static const uint8_t gateway_mac[6] = { 0x52, 0x55, 192, 168, 104, 2 };
	uint8_t mac[6];

	ok(nic_up(a, NET + GATEWAY), "the first machine gets an address and finds the gateway");
	is_num(a->ip, NET + FIRST, "the lowest one");
	ok(!memcmp(a->gateway_mac, gateway_mac, 6), "the gateway's MAC address is the one that QEMU's own network has");
	ok(nic_up(b, NET + GATEWAY), "so does the second one");
	is_num(b->ip, NET + FIRST + 1, "the next one");
	ok(nic_who_has(a, NET + DNS, mac, NIC_PATIENCE_MS), "the name server is found");
	is_num(http("GET", "/services/dhcp/leases", ""), 200, "leases");
	is_str(http_body, "{\"192.168.104.5\":\"52:55:55:00:00:01\",\"192.168.104.6\":\"52:55:55:00:00:02\"}",
	       "both are in the list");
	is_num(http("GET", "/cam", ""), 200, "the switch's addresses");
	ok(strstr(http_body, "\"52:55:55:00:00:01\":1") && strstr(http_body, "\"52:55:55:00:00:02\":2"), "both are known");
}

static bool is_echo(const struct nic *c, uint32_t from)
{
	return c->len >= 42 && get16(c->frame + 12) == 0x0800 && c->frame[23] == 1 && get32(c->frame + 26) == from &&
	       c->frame[34] == 0;
}

static void ping(uint32_t to, const char *what)
{
	uint8_t f[14 + 20 + 8 + 13];
	size_t n = put_ipv4(f, a->gateway_mac, a->mac, to, a->ip, 1, 21);

	memcpy(f + 34, "\x8\0\0\0\x12\x34\0\1hello, world!", 21);
	put16(f + 36, sum_end(sum_up(0, f + 34, 21)));
	nic_send(a, f, n);
	ok(nic_wait(a, is_echo, to, NIC_PATIENCE_MS), "%s answers a ping", what);
	ok(!memcmp(a->frame + 38, "\x12\x34\0\1hello, world!", 17), "with what was sent");
}

static void test_tcp_out(void)
{
	uint16_t port;
	int l = host_listen(SOCK_STREAM, &port), fd;
	char text[8] = "";
	struct tcp t;

	is_num(tcp_open(&t, a, NET + GATEWAY, 40000, port, NIC_PATIENCE_MS), 1, "a server of the host, at the gateway's address");
	fd = accept(l, NULL, NULL);
	tcp_segment(&t, 0x18, "ping!", 5);
	is_num(read(fd, text, 5), 5, "what the machine says comes");
	is_str(text, "ping!", "as it was");
	ok(write(fd, "pong!", 5) == 5, "the server answers");
	is_num(tcp_read(&t, text, 5), 5, "that comes, too");
	is_str(text, "pong!", "as it was");
	close(fd);
	is_num(tcp_read(&t, text, 5), 0, "nothing more");
	ok(t.ended, "and the end");
	tcp_segment(&t, 0x11, NULL, 0);
	close(l);
	is_num(tcp_open(&t, a, NET + GATEWAY, 40001, port, NIC_PATIENCE_MS), 0, "a port where nobody listens is refused");
}

static void test_udp_out(void)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint16_t port;
	int s = host_listen(SOCK_DGRAM, &port);
	char text[8] = "";

	nic_udp(a, a->gateway_mac, NET + GATEWAY, 5000, port, "ping", 4);
	is_num(recvfrom(s, text, sizeof(text), 0, (struct sockaddr *)&from, &len), 4, "a datagram for the host comes");
	ok(sendto(s, "pong!", 5, 0, (struct sockaddr *)&from, len) == 5, "the host answers");
	ok(nic_wait(a, is_udp, 5000, NIC_PATIENCE_MS) && udp_len(a) == 5 && !memcmp(a->frame + 42, "pong!", 5),
	   "the answer comes");
	close(s);
}

static void test_each_other(void)
{
	uint8_t mac[6];

	nic_arp(a, everybody, 1, a->ip, b->ip, NULL);
	ok(nic_wait(b, is_arp_for, b->ip, NIC_PATIENCE_MS), "a machine is asked for by another one");
	nic_arp(b, a->mac, 2, b->ip, a->ip, a->mac);
	ok(nic_wait(a, is_arp_from, b->ip, NIC_PATIENCE_MS), "and answers it");
	memcpy(mac, a->frame + 22, 6);
	ok(!memcmp(mac, b->mac, 6), "with its own MAC address");
	for (int i = 0; i < 200; i++)
		nic_udp(a, mac, b->ip, 5000, 6000, &i, sizeof(i));
	for (int i = 0, got; i < 200; i++) {
		if (!nic_wait(b, is_udp, 6000, NIC_PATIENCE_MS) || (memcpy(&got, b->frame + 42, sizeof(got)), got != i)) {
			ok(false, "datagram %d is missing", i);
			return;
		}
	}
	ok(true, "200 datagrams come in their order");
}

static void test_forward(void)
{
	struct tcp t = { .c = b, .to = NET + GATEWAY, .dport = 0 };
	unsigned port = 0;
	char text[64];
	int fd;

	is_num(http("POST", "/services/forwarder/expose",
		    "{\"local\":\"127.0.0.1:0\",\"remote\":\"192.168.104.6:22\",\"protocol\":\"tcp\"}"), 200, "expose");
	is_num(sscanf(http_body, "{\"local\":\"127.0.0.1:%u\"}", &port), 1, "the port is told");
	snprintf(text, sizeof(text), "{\"local\":\"127.0.0.1:%u\",\"remote\":\"192.168.104.6:23\"}", port);
	is_num(http("POST", "/services/forwarder/expose", text), 409, "it is not given twice");
	fd = host_connect((uint16_t)port);
	ok(fd >= 0, "it can be connected to");
	while (nic_next(b, nic_now() + NIC_PATIENCE_MS) && !(b->len >= 54 && b->frame[23] == 6 && get16(b->frame + 36) == 22))
		if (is_arp_for(b, b->ip))
			nic_arp(b, b->frame + 22, 2, b->ip, NET + GATEWAY, b->frame + 22);
	is_num(b->frame[47], 2, "the machine sees somebody connect");
	is_num(get32(b->frame + 26), NET + GATEWAY, "from the gateway");
	t.dport = (uint16_t)get16(b->frame + 34);
	t.sport = 22;
	t.ack = get32(b->frame + 38) + 1;
	tcp_segment(&t, 0x12, NULL, 0);
	tcp_segment(&t, 0x18, "SSH-2.0\n", 8);
	is_num(read(fd, text, 8), 8, "what it says comes out");
	ok(!memcmp(text, "SSH-2.0\n", 8), "as it was");
	close(fd);
	is_num(http("GET", "/services/forwarder/all", ""), 200, "the list");
	ok(strstr(http_body, "\"remote\":\"192.168.104.6:22\",\"protocol\":\"tcp\"}]"), "has it");
	snprintf(text, sizeof(text), "{\"local\":\"127.0.0.1:%u\"}", port);
	is_num(http("POST", "/services/forwarder/unexpose", text), 200, "unexpose");
	is_num(http("POST", "/services/forwarder/unexpose", text), 404, "only once");
	is_num(host_connect((uint16_t)port), -1, "then nobody listens there");
}

int main(void)
{
	struct stat st;

	net_start(NULL, 1500);
	a = nic_open(qemu_path, 1);
	b = nic_open(qemu_path, 2);
	test_addresses();
	ping(NET + GATEWAY, "the gateway");
	ping(NET + DNS, "the name server");
	test_tcp_out();
	test_udp_out();
	test_each_other();
	test_forward();
	nic_close(a);
	nic_close(b);
	is_num(net_stop(SIGTERM), 0, "it ends when it is told to");
	ok(stat(qemu_path, &st) < 0 && stat(ep_path, &st) < 0 && stat(fd_path, &st) < 0 && stat(pid_path, &st) < 0,
	   "and takes its sockets and its pid file with it");
	net_remove();
	return done();
}
