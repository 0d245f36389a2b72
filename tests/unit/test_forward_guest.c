/* uses: hostagent guestagent dns loop */
/* Both ends together: the forwarding of the host and the real guest agent in a network of its own, with real
 * connections. */
#include "fake_host.h"
#include "hostagent/forward/forward.h"
#include "hostagent/forward/tunnel.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <sys/resource.h>

enum { ECHO = 7001, REVERSE, UDP_ECHO, BULK = 8 << 20, BASE = 10000 };

/* ---- in the guest ---- */

static int guest_socket(int type, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || (type == SOCK_STREAM && listen(fd, 1000) < 0))
		exit(4);
	return fd;
}

/* REVERSE reads until the end of the request and then answers with all of it, last byte first. */
static void answer_reversed(int fd)
{
	static char all[BULK];
	size_t n = 0;
	ssize_t r;

	while (n < sizeof(all) && (r = read(fd, all + n, sizeof(all) - n)) > 0)
		n += (size_t)r;
	for (size_t i = 0; i < n / 2; i++) {
		char c = all[i];

		all[i] = all[n - 1 - i];
		all[n - 1 - i] = c;
	}
	for (size_t done = 0; done < n; done += (size_t)r)
		if ((r = write(fd, all + done, n - done)) <= 0)
			break;
}

static void service(int type, int port)
{
	int l = guest_socket(type, port), fd;
	char buf[65536];
	ssize_t n;

	while (type == SOCK_DGRAM) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);

		n = recvfrom(l, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		sendto(l, buf, n > 0 ? (size_t)n : 0, 0, (struct sockaddr *)&from, len);
	}
	while ((fd = accept4(l, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (port == REVERSE)
			answer_reversed(fd);
		while (port == ECHO && (n = read(fd, buf, sizeof(buf))) > 0 && write(fd, buf, (size_t)n) == n)
			;
		close(fd);
	}
	exit(5);
}

static pid_t start_service(int type, int port)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	service(type, port);
	return 0;
}

static pid_t start_guest(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	own_network();
	start_service(SOCK_STREAM, ECHO);
	start_service(SOCK_STREAM, REVERSE);
	start_service(SOCK_DGRAM, UDP_ECHO);
	if (getenv("LIMA_GUESTAGENT"))
		agent_exec(getenv("LIMA_GUESTAGENT"), 0);
	agent_main(0);
	return 0;
}

/* ---- the host agent: a process that connects the channel and the forwards, and tells its numbers on a socket ---- */

static struct forward *fw;
static struct wire_reader reader;

static void on_event(void *arg, cJSON *o)
{
	(void)arg;
	cJSON_Delete(o);
}

static void on_read(struct bufferevent *b, void *arg)
{
	static bool up;
	struct wire_frame f;

	(void)arg;
	while (evbuffer_get_length(bufferevent_get_input(b))) {
		size_t room;
		uint8_t *p = wire_space(&reader, &room);

		wire_fed(&reader, (size_t)bufferevent_read(b, p, room));
		while (wire_next(&reader, &f)) {
			if (f.type == WIRE_HELLO && !up)
				forward_guest_up(fw, b);
			up = up || f.type == WIRE_HELLO;
			if (f.type != WIRE_HELLO)
				forward_frame(fw, &f);
		}
	}
}

static void on_question(evutil_socket_t fd, short what, void *arg)
{
	cJSON *j = forward_json(fw);
	char c;

	(void)arg;
	(void)what;
	if (read(fd, &c, 1) != 1)
		exit(0);
	dprintf(fd, "%6d", (int)cJSON_GetObjectItem(j, "streams")->valuedouble);
	cJSON_Delete(j);
}

static void host_agent(int ask)
{
	struct event_base *eb = event_base_new();
	struct forward_options o = { .ssh_port = 60022 };
	struct forward_ops ops = { .event = on_event };
	struct err e = { 0 };
	struct kv kv = { 0 };
	struct bufferevent *b;
	struct host h;

	signal(SIGPIPE, SIG_IGN);
	kv_parse("portForwards=0\n", 15, "test", &kv, &e);
	fw = forward_new(eb, &kv, &o, &ops, &e);
	host_begin(&h, "abcdefabcdefabcd");
	fcntl(h.fd, F_SETFL, O_NONBLOCK);
	b = bufferevent_socket_new(eb, h.fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(b, on_read, NULL, NULL, NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
	event_add(event_new(eb, ask, EV_READ | EV_PERSIST, on_question, NULL), NULL);
	event_base_dispatch(eb);
	exit(1);
}

static pid_t start_host(int *ask)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(1);
	pid = fork();
	*ask = pair[1];
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	host_agent(pair[0]);
	return 0;
}

static int streams(int ask)
{
	char text[8] = "";

	if (write(ask, "?", 1) != 1 || read(ask, text, 6) != 6)
		return -1;
	return atoi(text);
}

/* ---- clients ---- */

static int client(int type, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval limit = { .tv_sec = PATIENCE };
	int fd = -1;

	for (int i = 0; i < PATIENCE * 100; i++) {
		fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		close(fd);
		poll(NULL, 0, 10);
	}
	return -1;
}

static void test_reverse(void)
{
	static char out[BULK], in[BULK];
	size_t have = 0, sent = 0, wrong = 0;
	int fd = client(SOCK_STREAM, REVERSE);
	ssize_t n;

	srand(3);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)rand();
	while (sent < sizeof(out) && (n = write(fd, out + sent, sizeof(out) - sent)) > 0)
		sent += (size_t)n;
	shutdown(fd, SHUT_WR);
	while (have < sizeof(in) && (n = read(fd, in + have, sizeof(in) - have)) > 0)
		have += (size_t)n;
	is_num((long long)have, BULK, "8 MiB there, half-close, 8 MiB back");
	for (size_t i = 0; i < have; i++)
		wrong += in[i] != out[sizeof(out) - 1 - i];
	is_num((long long)wrong, 0, "every byte of it");
	is_num(read(fd, in, 1), 0, "and then the end");
	close(fd);
}

static void test_udp(void)
{
	static char big[20000], back[20001];
	int fd = client(SOCK_DGRAM, UDP_ECHO), got = 0;
	struct timeval limit = { .tv_usec = 200000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (int i = 0; i < 100 && got <= 0; i++) { /* until the forward is there */
		if (write(fd, "a", 1) == 1)
			got = (int)read(fd, back, sizeof(back));
	}
	is_num(got, 1, "a datagram and its answer");
	while (read(fd, back, sizeof(back)) > 0)
		;
	memset(big, 'b', sizeof(big));
	ok(write(fd, big, sizeof(big)) == sizeof(big) && read(fd, back, sizeof(back)) == sizeof(big) &&
	   !memcmp(big, back, sizeof(big)),
	   "a large one");
	close(fd);
}

static void test_flat(pid_t guest, pid_t host, int ask)
{
	int guest_fds, host_fds, good = 0, left = 0;
	char buf[4];

	close(client(SOCK_STREAM, ECHO));
	while (streams(ask) > 1) /* the UDP flow stays for a while */
		poll(NULL, 0, 10);
	guest_fds = count_fds(guest);
	host_fds = count_fds(host);
	for (int i = 0; i < BASE; i++) {
		struct linger l = { .l_onoff = 1 };
		int fd = client(SOCK_STREAM, ECHO);

		good += write(fd, "abcd", 4) == 4 && (i % 4 == 1 || read(fd, buf, 4) == 4);
		if (i % 4 == 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		if (i % 4 == 3)
			shutdown(fd, SHUT_WR);
		close(fd);
	}
	is_num(good, BASE, "10000 connections, ended in each way there is");
	for (int i = 0; i < PATIENCE * 100 && (left = streams(ask)) > 1; i++)
		poll(NULL, 0, 10);
	is_num(left, 1, "no stream is left but the UDP flow");
	is_num(count_fds(host), host_fds, "no descriptor on the host");
	for (int i = 0; i < PATIENCE * 100 && count_fds(guest) != guest_fds; i++)
		poll(NULL, 0, 10);
	is_num(count_fds(guest), guest_fds, "none in the guest");
}

int main(void)
{
	struct rlimit files = { 8192, 8192 };
	pid_t guest, host;
	int ask;

	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	own_network();
	make_test_dir();
	guest = start_guest();
	host = start_host(&ask);
	test_reverse();
	test_udp();
	test_flat(guest, host, ask);
	ok(agent_stop(host), "the host lived to the end");
	ok(agent_stop(guest), "the guest too");
	remove_test_dir();
	return done();
}
