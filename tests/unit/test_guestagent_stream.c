/* uses: guestagent */
/* The tunnels of the guest agent: data, half-close, back-pressure, limits, and that nothing is left behind. */
#include "fake_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>

enum { ECHO = 1001, COUNT, MUTE, CLOSED, RESETTER };

static struct host host;
static pid_t agent;
static uint32_t next_id = 1;

/* ---- services in the "guest": one process that polls ---- */

static int tcp_listener(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4000) < 0)
		exit(4);
	return fd;
}

/* Service of one connection when it is readable: returns false when it is to be closed. */
static bool serve(int port, int fd, unsigned *count)
{
	static char buf[65536];
	ssize_t n;

	if (port == MUTE)
		return true;
	n = read(fd, buf, sizeof(buf));
	if (n < 0)
		return false;
	*count += (unsigned)n;
	if (port == ECHO && n > 0)
		return write(fd, buf, (size_t)n) == n;
	if (port == COUNT && n == 0) /* answers only after the end of the request: needs half-close */
		dprintf(fd, "%u", *count);
	if (port == RESETTER) {
		struct linger l = { .l_onoff = 1 };

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		return false;
	}
	return n > 0;
}

static void services(void)
{
	static const int ports[] = { ECHO, COUNT, MUTE, RESETTER };
	static struct pollfd p[4096];
	static int port_of[4096];
	static unsigned counts[4096];
	nfds_t n = 4;

	for (nfds_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = tcp_listener(ports[i]), .events = POLLIN };
	while (poll(p, n, -1) >= 0) {
		nfds_t had = n;

		for (nfds_t i = 0; i < 4; i++)
			if (p[i].revents && n < 4096) {
				p[n].fd = accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC);
				p[n].events = ports[i] == MUTE ? 0 : POLLIN;
				p[n].revents = 0;
				counts[n] = 0;
				port_of[n++] = ports[i];
			}
		for (nfds_t i = had; i-- > 4;) {
			if (!p[i].revents)
				continue;
			if ((p[i].revents & POLLIN) ? serve(port_of[i], p[i].fd, &counts[i]) : false)
				continue;
			close(p[i].fd);
			n--;
			p[i] = p[n];
			port_of[i] = port_of[n];
			counts[i] = counts[n];
			p[i].revents = 0;
		}
	}
	exit(5);
}

static void udp_echo(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	static char buf[65536];
	socklen_t len = sizeof(a);
	ssize_t n;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		exit(4);
	while ((n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&a, &len)) >= 0)
		sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&a, len);
	exit(5);
}

/* ---- the host's side of a stream ---- */

static uint32_t open_stream(uint8_t proto, int port, const char *path)
{
	uint8_t payload[1 + WIRE_PATH_MAX + WIRE_OPEN_SIZE];
	struct wire_addr a = { .proto = proto, .family = 4, .port = (uint16_t)port, .ip = { 127, 0, 0, 1 } };

	if (path)
		snprintf(a.path, sizeof(a.path), "%s", path);
	host_send(&host, WIRE_OPEN, next_id, payload, wire_open_put(payload, &a));
	return next_id++;
}

static void credit(uint32_t id, uint32_t more)
{
	uint8_t p[4];

	wire_put32(p, more);
	host_send(&host, WIRE_CREDIT_MORE, id, p, 4);
}

/* The next frame of that stream; others are dropped. */
static bool next_of(uint32_t id, struct wire_frame *f)
{
	while (host_next_within(&host, f, PATIENCE * 1000))
		if (f->stream == id)
			return true;
	return false;
}

static int opened(uint32_t id)
{
	struct wire_frame f;

	return next_of(id, &f) && f.type == WIRE_OPENED && f.len == 4 ? (int)wire_get32(f.payload) : -1;
}

static void end_stream(uint32_t id)
{
	host_send(&host, WIRE_RESET, id, NULL, 0);
}

/* Reads DATA of the stream until n bytes are there; gives credit back for all of it. */
static size_t receive(uint32_t id, char *to, size_t n)
{
	struct wire_frame f;
	size_t have = 0;

	while (have < n && next_of(id, &f)) {
		if (f.type == WIRE_CREDIT_MORE)
			continue;
		if (f.type != WIRE_DATA)
			break;
		if (to)
			memcpy(to + have, f.payload, f.len < n - have ? f.len : n - have);
		have += f.len;
		credit(id, f.len);
	}
	return have;
}

static void test_echo(void)
{
	struct wire_frame f;
	char back[16];
	uint32_t id = open_stream(WIRE_TCP, ECHO, NULL);

	host_send(&host, WIRE_DATA, id, "early", 5); /* does not wait for OPENED */
	is_num(opened(id), 0, "opened");
	is_num((long long)receive(id, back, 5), 5, "what was sent before it was open comes back");
	ok(!memcmp(back, "early", 5), "unchanged");
	host_send(&host, WIRE_DATA, id, "more!", 5);
	ok(receive(id, back, 5) == 5 && !memcmp(back, "more!", 5), "more of it");
	host_send(&host, WIRE_EOF, id, NULL, 0);
	do
		ok(next_of(id, &f), "an end");
	while (f.type == WIRE_CREDIT_MORE);
	is_num(f.type, WIRE_EOF, "an end is answered by an end");
}

static void test_half_close(void)
{
	char back[16] = "";
	struct wire_frame f;
	uint32_t id = open_stream(WIRE_TCP, COUNT, NULL);

	is_num(opened(id), 0, "opened");
	for (int i = 0; i < 10; i++)
		host_send(&host, WIRE_DATA, id, "0123456789", 10);
	host_send(&host, WIRE_EOF, id, NULL, 0);
	ok(receive(id, back, 3) == 3 && !memcmp(back, "100", 3), "the answer comes after our end");
	ok(next_of(id, &f) && f.type == WIRE_EOF, "then theirs");
}

static void test_refused(void)
{
	char path[128];
	uint8_t bad[WIRE_OPEN_SIZE] = { 6, 4 };

	is_num(opened(open_stream(WIRE_TCP, CLOSED, NULL)), ECONNREFUSED, "nobody listens");
	snprintf(path, sizeof(path), "%s/none.sock", test_dir);
	is_num(opened(open_stream(WIRE_UNIX, 0, path)), ENOENT, "no such unix socket");
	host_send(&host, WIRE_OPEN, next_id, bad, sizeof(bad));
	is_num(opened(next_id++), EINVAL, "an address that makes no sense");
}

static void test_reset(void)
{
	struct wire_frame f;
	uint32_t id = open_stream(WIRE_TCP, RESETTER, NULL);

	is_num(opened(id), 0, "opened");
	host_send(&host, WIRE_DATA, id, "x", 1);
	do
		ok(next_of(id, &f), "an answer");
	while (f.type == WIRE_CREDIT_MORE);
	is_num(f.type, WIRE_RESET, "a connection that the service resets");
}

/* Sends as much as the credit allows, n bytes at most. */
static size_t fill_stream(uint32_t id, size_t n)
{
	static char block[WIRE_CHUNK];
	size_t allowed = WIRE_CREDIT, sent = 0;
	struct wire_frame f;

	while (sent < n) {
		size_t part = n - sent < sizeof(block) ? n - sent : sizeof(block);

		while (allowed < part && host_next_within(&host, &f, 500))
			if (f.stream == id && f.type == WIRE_CREDIT_MORE)
				allowed += wire_get32(f.payload);
		if (allowed < part)
			break;
		host_send(&host, WIRE_DATA, id, block, part);
		allowed -= part;
		sent += part;
	}
	return sent;
}

static void test_slow_reader(void)
{
	uint32_t mute = open_stream(WIRE_TCP, MUTE, NULL), echo = open_stream(WIRE_TCP, ECHO, NULL);
	struct wire_frame f;
	char back[8];
	size_t sent;

	is_num(opened(mute), 0, "a service that never reads");
	is_num(opened(echo), 0, "and one that does");
	sent = fill_stream(mute, 64 << 20);
	ok(sent > WIRE_CREDIT && sent < 32 << 20, "the first stops taking after %zu bytes", sent);
	host_send(&host, WIRE_DATA, echo, "hello", 5);
	ok(receive(echo, back, 5) == 5 && !memcmp(back, "hello", 5), "the other goes on");
	sent = fill_stream(echo, 0);
	host_send(&host, WIRE_DATA, mute, (char[WIRE_CHUNK]){ 0 }, WIRE_CHUNK);
	for (int i = 0; i < 64; i++)
		host_send(&host, WIRE_DATA, mute, (char[WIRE_CHUNK]){ 0 }, WIRE_CHUNK);
	do
		ok(next_of(mute, &f), "an answer");
	while (f.type == WIRE_CREDIT_MORE);
	is_num(f.type, WIRE_RESET, "who sends without credit is reset");
	end_stream(echo);
}

/* The other direction: without credit from us nothing comes, however much there is. */
static void test_no_credit(void)
{
	static char block[WIRE_CHUNK];
	uint32_t id = open_stream(WIRE_TCP, ECHO, NULL);
	struct wire_frame f;
	size_t got = 0;

	is_num(opened(id), 0, "opened");
	for (int i = 0; i < 3; i++) {
		memset(block, 'a' + i, sizeof(block));
		host_send(&host, WIRE_DATA, id, block, i < 2 ? WIRE_CHUNK : 32);
	}
	while (got < WIRE_CREDIT && next_of(id, &f))
		got += f.type == WIRE_DATA ? f.len : 0;
	is_num((long long)got, WIRE_CREDIT, "as much as the first credit");
	host_send(&host, WIRE_DATA, id, "tail", 4);
	while (host_next_within(&host, &f, 300))
		ok(f.stream != id || f.type == WIRE_CREDIT_MORE, "and no more without credit");
	credit(id, 4);
	while (next_of(id, &f) && f.type == WIRE_CREDIT_MORE)
		;
	ok(f.type == WIRE_DATA && f.len == 4 && !memcmp(f.payload, "tail", 4), "then the rest");
	end_stream(id);
}

static void test_bulk(void)
{
	enum { TOTAL = 16 << 20 };
	uint32_t id = open_stream(WIRE_TCP, COUNT, NULL);
	char want[16], back[16] = "";

	is_num(opened(id), 0, "opened");
	is_num((long long)fill_stream(id, TOTAL), TOTAL, "16 MiB in");
	host_send(&host, WIRE_EOF, id, NULL, 0);
	snprintf(want, sizeof(want), "%d", TOTAL);
	receive(id, back, strlen(want));
	is_str(back, want, "all of it arrived");
}

static void test_udp(void)
{
	static char big[40000];
	pid_t echo = fork();
	struct wire_frame f;
	char back[8];
	uint32_t id;

	if (echo == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		udp_echo(ECHO);
	}
	id = open_stream(WIRE_UDP, ECHO, NULL);
	is_num(opened(id), 0, "udp opened");
	for (int i = 0; i < 100; i++) { /* the service may not be there yet */
		host_send(&host, WIRE_DATA, id, "ping", 4);
		if (host_next_within(&host, &f, 100) && f.stream == id && f.type == WIRE_DATA)
			break;
	}
	ok(f.type == WIRE_DATA && f.len == 4 && !memcmp(f.payload, "ping", 4), "a datagram");
	while (host_next_within(&host, &f, 200))
		;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31);
	host_send(&host, WIRE_DATA, id, big, sizeof(big));
	do
		ok(next_of(id, &f), "an answer");
	while (f.type == WIRE_CREDIT_MORE);
	ok(f.type == WIRE_DATA && f.len == sizeof(big) && !memcmp(f.payload, big, sizeof(big)),
	   "one of 40000 bytes, in one frame");
	host_send(&host, WIRE_DATA, id, "", 0);
	ok(next_of(id, &f) && f.type == WIRE_DATA && f.len == 0, "an empty one");
	host_send(&host, WIRE_EOF, id, NULL, 0);
	ok(next_of(id, &f) && f.type == WIRE_EOF, "a datagram stream ends when the host ends it");
	id = open_stream(WIRE_UDP, ECHO, NULL);
	is_num(opened(id), 0, "another");
	kill(echo, SIGKILL);
	waitpid(echo, NULL, 0);
	host_send(&host, WIRE_DATA, id, "a", 1);
	host_send(&host, WIRE_DATA, id, "b", 1);
	end_stream(id);
	is_num(receive(open_stream(WIRE_TCP, CLOSED, NULL), back, 1), 0, "a service that went does no harm");
}

static void test_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c;
	char back[8];
	uint32_t id;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/svc.sock", test_dir);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		printf("# no unix socket\n");
	id = open_stream(WIRE_UNIX, 0, a.sun_path);
	is_num(opened(id), 0, "a unix socket");
	c = accept(fd, NULL, NULL);
	if (write(c, "data", 4) != 4)
		printf("# write\n");
	close(c);
	ok(receive(id, back, 4) == 4 && !memcmp(back, "data", 4), "its data");
	end_stream(id);
	close(fd);
}

/* The root-only socket of CVE-2026-53657: not for a user of the guest, who may well use the agent. */
static void test_unix_rights(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
	pid_t second, user;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/root.sock", test_dir);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || chmod(a.sun_path, 0600) < 0 || listen(fd, 1) < 0)
		printf("# no unix socket\n");
	agent_stop(agent);
	second = agent_start(65534);
	host_begin(&host, "aaaaaaaaaaaaaaaa");
	is_num(opened(open_stream(WIRE_UNIX, 0, a.sun_path)), 0, "root may");
	host_end(&host);
	user = fork();
	if (user == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			exit(99);
		host_begin(&host, "bbbbbbbbbbbbbbbb");
		status = opened(open_stream(WIRE_UNIX, 0, a.sun_path));
		if (status == EACCES) /* and afterwards everything else still works */
			status = opened(open_stream(WIRE_TCP, ECHO, NULL)) == 0 ? 42 : 41;
		exit(status);
	}
	waitpid(user, &status, 0);
	is_num(WEXITSTATUS(status), 42, "the socket's owner gets EACCES, and tcp");
	close(fd);
	agent_stop(second);
	agent = agent_start(0);
	host_begin(&host, "cccccccccccccccc");
}

static void test_many_at_once(void)
{
	enum { N = 1000 };
	static uint32_t ids[N];
	struct wire_frame f;
	int ok_count = 0, back = 0;

	for (int i = 0; i < N; i++)
		ids[i] = open_stream(WIRE_TCP, ECHO, NULL);
	while (ok_count < N && host_expect(&host, WIRE_OPENED, &f))
		ok_count += wire_get32(f.payload) == 0;
	is_num(ok_count, N, "1000 connections at once");
	for (int i = 0; i < N; i++)
		host_send(&host, WIRE_DATA, ids[i], &ids[i], sizeof(ids[i]));
	while (back < N && host_expect(&host, WIRE_DATA, &f))
		back += f.len == 4 && !memcmp(f.payload, &f.stream, 4);
	is_num(back, N, "each gets its own bytes back");
	for (int i = 0; i < 24; i++)
		ids[i] = open_stream(WIRE_TCP, ECHO, NULL);
	for (int i = 0; i < 24; i++)
		ok_count -= opened(ids[i]) == 0;
	is_num(ok_count, N - 24, "up to the limit");
	is_num(opened(open_stream(WIRE_TCP, ECHO, NULL)), EMFILE, "the next is refused");
	host_hello(&host, "dddddddddddddddd");
	ok(host_expect(&host, WIRE_HELLO, &f), "a new session");
	is_num(opened(open_stream(WIRE_TCP, ECHO, NULL)), 0, "has none of them");
}

/* 10000 connections, ended in each of the ways there are; then the agent is as it was before. */
static void test_no_leak(void)
{
	struct wire_frame f;
	struct rusage before;
	char back[4];
	int fds, good = 0, left;

	host_hello(&host, "eeeeeeeeeeeeeeee");
	ok(host_expect(&host, WIRE_HELLO, &f), "a new session");
	getrusage(RUSAGE_SELF, &before);
	fds = count_fds(agent);
	for (int i = 0; i < 10000; i++) {
		uint32_t id = open_stream(WIRE_TCP, i % 4 == 3 ? RESETTER : ECHO, NULL);

		if (opened(id) != 0)
			continue;
		host_send(&host, WIRE_DATA, id, "abcd", 4);
		good += i % 4 == 3 || (receive(id, back, 4) == 4 && !memcmp(back, "abcd", 4));
		if (i % 4 == 0)
			host_send(&host, WIRE_EOF, id, NULL, 0);
		else if (i % 4 == 1)
			end_stream(id);
		if (i % 4 == 2) {
			host_send(&host, WIRE_EOF, id, NULL, 0);
			end_stream(id);
		}
	}
	is_num(good, 10000, "10000 connections");
	for (int i = 0; i < PATIENCE * 10 && (left = count_fds(agent)) != fds; i++)
		host_next_within(&host, &f, 100);
	is_num(left, fds, "no descriptor is left");
}

static void test_host_gone(void)
{
	int fds;
	struct wire_frame f;

	host_end(&host);
	host_begin(&host, "1212121212121212");
	ok(host_expect(&host, WIRE_PORTS, &f), "connected");
	fds = count_fds(agent);
	for (int i = 0; i < 50; i++)
		is_num(opened(open_stream(WIRE_TCP, i % 2 ? ECHO : MUTE, NULL)), 0, "opened");
	host_end(&host);
	host_begin(&host, "3434343434343434");
	ok(host_expect(&host, WIRE_PORTS, &f), "the host came back");
	is_num(count_fds(agent), fds, "the streams of the one before are closed");
}

int main(void)
{
	struct rlimit files = { 4096, 4096 };
	pid_t guest;

	own_network();
	make_test_dir();
	setrlimit(RLIMIT_NOFILE, &files);
	guest = fork();
	if (guest == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		services();
	}
	agent = agent_start(0);
	host_begin(&host, "9999999999999999");
	for (int i = 0; i < 1000 && opened(open_stream(WIRE_TCP, ECHO, NULL)) != 0; i++)
		poll(NULL, 0, 10); /* the services start */
	test_echo();
	test_half_close();
	test_refused();
	test_reset();
	test_slow_reader();
	test_no_credit();
	test_bulk();
	test_udp();
	test_unix();
	test_unix_rights();
	test_many_at_once();
	test_no_leak();
	test_host_gone();
	ok(agent_stop(agent), "the agent lived to the end");
	kill(guest, SIGKILL);
	remove_test_dir();
	return done();
}
