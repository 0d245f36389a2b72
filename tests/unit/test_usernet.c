/* uses: usernet dns loop */
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

static void test_udp_forward(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval t = { .tv_sec = NIC_PATIENCE_MS / 1000 };
	unsigned port = 0, from;
	char text[8] = "";

	is_num(http("POST", "/services/forwarder/expose",
		    "{\"local\":\"127.0.0.1:0\",\"remote\":\"192.168.104.6:53\",\"protocol\":\"udp\"}"), 200, "expose, UDP");
	is_num(sscanf(http_body, "{\"local\":\"127.0.0.1:%u\"}", &port), 1, "the port is told");
	at.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (sendto(fd, "ping", 4, 0, (struct sockaddr *)&at, sizeof(at)) < 0)
		perror("sendto");
	ok(nic_wait(b, is_udp, 53, NIC_PATIENCE_MS) && !memcmp(b->frame + 42, "ping", 4), "the machine gets a datagram");
	is_num(get32(b->frame + 26), NET + GATEWAY, "from the gateway");
	from = get16(b->frame + 34);
	nic_udp(b, b->gateway_mac, NET + GATEWAY, 53, (uint16_t)from, "pong!", 5);
	is_num(recv(fd, text, sizeof(text), 0), 5, "its answer comes back");
	is_str(text, "pong!", "as it was");
	close(fd);
}

enum { MUCH = 1 << 20, WINDOW = 30000, SEGMENT = 1400 };
static char much[MUCH], got[MUCH];

/* The host's side: says it all, hears it all. Returns whether that was right. */
static int speak(int fd)
{
	size_t n = 0;
	ssize_t r;

	for (size_t at = 0; at < MUCH; at += (size_t)r)
		if ((r = write(fd, much + at, MUCH - at)) <= 0)
			return 0;
	while (n < MUCH && (r = read(fd, got + n, MUCH - n)) > 0)
		n += (size_t)r;
	return n == MUCH && !memcmp(much, got, MUCH);
}

/* Sends it all, never more than a window ahead of what was confirmed. */
static void send_much(struct tcp *t)
{
	uint32_t first = t->seq, confirmed = first;

	while (confirmed - first < MUCH) {
		size_t sent = t->seq - first, part = MUCH - sent < SEGMENT ? MUCH - sent : SEGMENT;

		if (part && t->seq - confirmed < WINDOW)
			tcp_segment(t, 0x18, much + sent, part);
		else if (tcp_next(t, NIC_PATIENCE_MS))
			confirmed = get32(t->c->frame + 42);
		else
			return;
	}
}

static void test_much(void)
{
	int status = -1, l, fd;
	uint16_t port;
	struct tcp t;
	pid_t child;

	for (size_t i = 0; i < MUCH; i++)
		much[i] = (char)(i * 7 + i / 253);
	l = host_listen(SOCK_STREAM, &port);
	if (tcp_open(&t, a, NET + GATEWAY, 41000, port, NIC_PATIENCE_MS) != 1)
		exit(1);
	fd = accept(l, NULL, NULL);
	child = fork();
	if (child == 0)
		_exit(speak(fd) ? 0 : 1);
	close(fd);
	close(l);
	ok(tcp_read(&t, got, MUCH) == MUCH && !memcmp(much, got, MUCH), "a MiB from the host to a machine");
	send_much(&t);
	waitpid(child, &status, 0);
	is_num(status, 0, "a MiB from a machine to the host");
	tcp_segment(&t, 0x14, NULL, 0);
}

/* A card whose datagram socket is handed over. */
static struct nic *open_dgram(uint8_t number)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct nic *c = nic_open(fd_path, number);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int p[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, p) < 0)
		exit(1);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &p[1], sizeof(int));
	if (sendmsg(c->fd, &m, 0) != 1)
		perror("sendmsg");
	close(c->fd);
	close(p[1]);
	c->fd = p[0];
	c->dgram = true;
	return c;
}

static void test_dgram(void)
{
	struct nic *c = open_dgram(3);

	ok(nic_up(c, NET + GATEWAY), "a machine with a datagram socket");
	is_num(c->ip, NET + FIRST + 2, "is one like the others");
	nic_close(c);
}

/* --- the HTTP interface --- */

/* What comes of a stream until it has that text, or ends. */
static bool stream_has(int fd, char *text, size_t size, const char *want)
{
	size_t n = strlen(text);
	struct timeval t = { .tv_sec = NIC_PATIENCE_MS / 1000 };
	ssize_t r;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	while (!want || !strstr(text, want)) {
		r = read(fd, text + n, size - 1 - n);
		if (r <= 0)
			return !want && r == 0;
		n += (size_t)r;
		text[n] = '\0';
	}
	return true;
}

static int follow(void)
{
	int fd = nic_connect(ep_path);

	dprintf(fd, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	return fd;
}

/* `fd` stays open until the network ends. */
static void test_events(int fd)
{
	static char text[4000];
	struct nic *c;

	ok(stream_has(fd, text, sizeof(text), "{\"lease\":{\"ip\":\"192.168.104.6\",\"mac\":\"52:55:55:00:00:02\"}}\n"),
	   "the leases that are there are told");
	ok(strstr(text, "{\"lease\":{\"ip\":\"192.168.104.5\",\"mac\":\"52:55:55:00:00:01\"}}\n"), "all of them");
	c = nic_open(qemu_path, 9);
	nic_up(c, NET + GATEWAY);
	ok(stream_has(fd, text, sizeof(text), "52:55:55:00:00:09"), "and a new one");
	nic_close(c);
}

static bool is_syn(const struct nic *c, uint32_t port)
{
	return c->len >= 54 && c->frame[23] == 6 && get16(c->frame + 36) == port && c->frame[47] == 2;
}

static void test_wait_port(void)
{
	static char text[1000];
	int fd = nic_connect(ep_path);
	struct tcp t = { .c = b, .to = NET + DNS, .sport = 2222 };

	dprintf(fd, "GET /extension/wait_port?ip=192.168.104.6&port=2222&timeout=20 HTTP/1.1\r\nHost: x\r\n\r\n");
	ok(nic_wait(b, is_syn, 2222, NIC_PATIENCE_MS), "the machine's port is tried");
	t.dport = (uint16_t)get16(b->frame + 34);
	t.ack = get32(b->frame + 38) + 1;
	tcp_segment(&t, 0x14, NULL, 0);
	ok(nic_wait(b, is_syn, 2222, NIC_PATIENCE_MS), "again when it was refused");
	tcp_segment(&t, 0x12, NULL, 0);
	is_num(tcp_next(&t, NIC_PATIENCE_MS), 4, "when it is open, the connection is reset");
	ok(stream_has(fd, text, sizeof(text), "200 OK"), "and the question is answered");
	close(fd);
	is_num(http("GET", "/extension/wait_port?ip=192.168.104.6&port=2222&timeout=0", ""), 408, "the end of the time");
	is_num(http("GET", "/extension/wait_port?ip=192.168.104.2&port=2222", ""), 400, "no address of a machine");
	is_num(http("GET", "/extension/wait_port?ip=192.168.104.6&port=0", ""), 400, "no port");
	is_num(http("GET", "/extension/wait_port?ip=192.168.104.6", ""), 400, "nothing at all");
	fd = nic_connect(ep_path); /* who does not wait */
	dprintf(fd, "GET /extension/wait_port?ip=192.168.104.6&port=2223&timeout=1 HTTP/1.1\r\nHost: x\r\n\r\n");
	nic_wait(b, is_syn, 2223, NIC_PATIENCE_MS);
	close(fd);
}

static void test_http(void)
{
	static const char *const bad[] = {
		"", "x", "[]", "{}", "{\"local\":\"127.0.0.1:0\"}", "{\"local\":\"127.0.0.1\",\"remote\":\"192.168.104.6:22\"}",
		"{\"local\":\"127.0.0.1:0\",\"remote\":\"192.168.104.6:0\"}", "{\"local\":\"x:0\",\"remote\":\"192.168.104.6:22\"}",
		"{\"local\":\"127.0.0.1:65536\",\"remote\":\"192.168.104.6:22\"}", "{\"local\":\"127.0.0.1:0\",\"remote\":\"10.0.0.1:22\"}",
		"{\"local\":\"127.0.0.1:0\",\"remote\":\"192.168.104.2:22\"}",
		"{\"local\":\"127.0.0.1:0\",\"remote\":\"192.168.104.6:22\",\"protocol\":\"unix\"}",
	};
	struct stat st;
	uint16_t port;
	char text[100];
	int l = host_listen(SOCK_STREAM, &port);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(http("POST", "/services/forwarder/expose", bad[i]) == 400 && !strncmp(http_body, "{\"message\":\"", 12),
		   "'%s': %s", bad[i], http_body);
	snprintf(text, sizeof(text), "{\"local\":\"127.0.0.1:%u\",\"remote\":\"192.168.104.6:22\"}", port);
	is_num(http("POST", "/services/forwarder/expose", text), 409, "a port that somebody has");
	ok(strstr(http_body, "in use"), "is said to be: %s", http_body);
	is_num(http("GET", "/services/forwarder/expose", ""), 405, "another method");
	is_num(http("DELETE", "/leases", ""), 405, "here, too");
	is_num(http("GET", "/v1", ""), 404, "another path");
	ok(stat(ep_path, &st) == 0 && (st.st_mode & 0777) == 0600 && stat(qemu_path, &st) == 0 && (st.st_mode & 0777) == 0600 &&
		   stat(fd_path, &st) == 0 && (st.st_mode & 0777) == 0600, "the sockets are nobody else's");
	close(l);
}

/* How often the process was put to sleep: an idle network stays asleep. */
static long naps(void)
{
	char path[64], line[128];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon_pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

static void test_idle(void)
{
	long before;

	net_start(NULL, 1500);
	a = nic_open(qemu_path, 1);
	nic_up(a, NET + GATEWAY);
	http("GET", "/leases", "");
	usleep(300000);
	before = naps();
	usleep(2000000);
	ok(before >= 0 && naps() - before <= 1, "an idle network does not wake up (%ld times in two seconds)", naps() - before);
	is_num(a->ip, NET + FIRST, "after a new start the machine has the address that it had");
	nic_close(a);
	net_stop(SIGTERM);
}

/* Leases of a command line. */
static void test_leases(void)
{
	unlink(leases_path);
	net_start("192.168.104.30=52:55:55:00:00:01", 1500);
	a = nic_open(qemu_path, 1);
	ok(nic_up(a, NET + GATEWAY) && a->ip == NET + 30, "--leases says who has which address");
	nic_close(a);
	net_stop(SIGHUP);
}

int main(void)
{
	char text[4000] = "";
	int events;

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
	test_udp_forward();
	test_much();
	test_dgram();
	test_wait_port();
	test_http();
	events = follow();
	test_events(events);
	nic_close(a);
	nic_close(b);
	is_num(net_stop(SIGTERM), 0, "it ends when it is told to");
	ok(stat(qemu_path, &st) < 0 && stat(ep_path, &st) < 0 && stat(fd_path, &st) < 0 && stat(pid_path, &st) < 0,
	   "and takes its sockets and its pid file with it");
	ok(stream_has(events, text, sizeof(text), NULL), "who follows the events sees their end");
	close(events);
	test_idle();
	test_leases();
	net_remove();
	return done();
}
