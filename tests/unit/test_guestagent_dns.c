/* uses: guestagent */
/* The guest agent as the guest's name server: takes the address over and gives it back, carries queries and answers, and
 * bears clients and hosts that misbehave. */
#include "fake_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/time.h>

#define ADDRESS "10.77.0.3"
#define OTHER "10.77.0.4"

enum { NOBODY = 65533, HUGE_ANSWER = 60000 };

static pid_t agent;

static void hello(struct host *h, const char *session, const char *dns)
{
	char text[128];

	snprintf(text, sizeof(text), "protocol=1\nversion=test\nsession=%s\n%s%s%s", session, dns ? "dns=" : "", dns ? dns : "",
		 dns ? "\n" : "");
	host_send(h, WIRE_HELLO, 0, text, strlen(text));
}

/* The address that the agent has taken, by its label; "" for none. */
static const char *taken(void)
{
	struct ifreq r = { .ifr_name = "lo:lima-dns" };
	static char text[INET_ADDRSTRLEN];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (ioctl(fd, SIOCGIFADDR, &r) == 0)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&r.ifr_addr)->sin_addr, text, sizeof(text));
	else
		text[0] = '\0';
	close(fd);
	return text;
}

static bool becomes(const char *address)
{
	struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < PATIENCE * 1000; i++) {
		if (!strcmp(taken(), address))
			return true;
		nanosleep(&ms, NULL);
	}
	printf("# it is '%s', not '%s'\n", taken(), address);
	return false;
}

/* When the answer to a later frame is there, an earlier one has been seen to. */
static void settle(struct host *h)
{
	struct timespec t;
	uint8_t now[8];
	struct wire_frame f;

	clock_gettime(CLOCK_REALTIME, &t); /* the right time: it is not to be set */
	wire_put64(now, (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
	host_send(h, WIRE_TIME, 0, now, sizeof(now));
	host_expect(h, WIRE_TIMED, &f);
}

static int client(int type)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct timeval t = { .tv_sec = PATIENCE };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ADDRESS, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool asked(struct host *h, struct wire_frame *f, uint8_t transport, const char *text)
{
	return host_expect(h, WIRE_DNS, f) && f->len == 1 + strlen(text) && f->payload[0] == transport &&
	       !memcmp(f->payload + 1, text, strlen(text));
}

static bool hears(int fd, const char *text)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got), 0);

	return n == (ssize_t)strlen(text) && !memcmp(got, text, (size_t)n);
}

static void tcp_say(int fd, const char *text)
{
	char both[256];
	size_t n = strlen(text);

	wire_put16((uint8_t *)both, (uint16_t)n);
	memcpy(both + 2, text, n);
	if (write(fd, both, n + 2) != (ssize_t)n + 2)
		printf("# the agent does not take a query\n");
}

static bool tcp_hears(int fd, const char *text)
{
	uint8_t len[2];
	char got[256] = "";

	return recv(fd, len, 2, MSG_WAITALL) == 2 && wire_get16(len) == strlen(text) &&
	       recv(fd, got, wire_get16(len), MSG_WAITALL) == wire_get16(len) && !strcmp(got, text);
}

static void test_taking(void)
{
	struct wire_frame f;
	struct host h;

	host_connect(&h);
	ok(host_expect(&h, WIRE_HELLO, &f) && memmem(f.payload, f.len, "\ndns=1\n", 7), "the greeting says that it can");
	hello(&h, "1111111111111111", NULL);
	settle(&h);
	is_str(taken(), "", "a host that does not answer queries: nothing is taken");
	hello(&h, "2222222222222222", ADDRESS);
	ok(becomes(ADDRESS), "one that does: the address is taken");
	hello(&h, "2222222222222222", ADDRESS);
	settle(&h);
	is_str(taken(), ADDRESS, "and kept, when it says so again");
	hello(&h, "3333333333333333", OTHER);
	ok(becomes(OTHER), "another one");
	hello(&h, "4444444444444444", NULL);
	ok(becomes(""), "given back for a host that does not");
	for (const char *const *wrong = (const char *const[]){ "127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "x", "", NULL };
	     *wrong; wrong++) {
		hello(&h, "5555555555555555", *wrong);
		settle(&h);
		is_str(taken(), "", "no address of a name server");
	}
	hello(&h, "6666666666666666", ADDRESS);
	ok(becomes(ADDRESS), "taken again");
	host_end(&h);
	ok(becomes(""), "given back when the host goes");
}

static void test_udp(void)
{
	struct wire_frame f;
	struct host h;
	uint32_t first;
	int a, b;

	host_connect(&h);
	hello(&h, "7777777777777777", ADDRESS);
	becomes(ADDRESS);
	a = client(SOCK_DGRAM);
	b = client(SOCK_DGRAM);
	send(a, "from a", 6, 0);
	ok(asked(&h, &f, WIRE_UDP, "from a"), "a query goes to the host");
	first = f.stream;
	send(b, "from b", 6, 0);
	ok(asked(&h, &f, WIRE_UDP, "from b") && f.stream != first, "another, under a number of its own");
	host_send(&h, WIRE_DNS, f.stream, "for b", 5);
	host_send(&h, WIRE_DNS, first, "for a", 5);
	ok(hears(a, "for a") && hears(b, "for b"), "answers go to who asked");
	host_send(&h, WIRE_DNS, first, "again", 5);
	host_send(&h, WIRE_DNS, 0, "zero", 4);
	host_send(&h, WIRE_DNS, 0xffffffff, "never", 5);
	send(a, "2nd", 3, 0);
	asked(&h, &f, WIRE_UDP, "2nd");
	host_send(&h, WIRE_DNS, f.stream, "2nd", 3);
	ok(hears(a, "2nd"), "answers that nobody waits for are dropped");
	close(a);
	close(b);
	host_end(&h);
	becomes("");
}

static void test_tcp(void)
{
	static char big[HUGE_ANSWER], got[HUGE_ANSWER + 2];
	struct wire_frame f;
	struct host h;
	int fd;

	memset(big, 'x', sizeof(big));
	host_connect(&h);
	hello(&h, "8888888888888888", ADDRESS);
	becomes(ADDRESS);
	fd = client(SOCK_STREAM);
	tcp_say(fd, "one");
	tcp_say(fd, "two");
	ok(asked(&h, &f, WIRE_TCP, "one"), "a query by TCP");
	host_send(&h, WIRE_DNS, f.stream, "first", 5);
	ok(tcp_hears(fd, "first"), "is answered");
	ok(asked(&h, &f, WIRE_TCP, "two"), "one that came with it");
	host_send(&h, WIRE_DNS, f.stream, big, sizeof(big));
	ok(recv(fd, got, sizeof(got), MSG_WAITALL) == sizeof(got) && wire_get16((uint8_t *)got) == sizeof(big) &&
	   !memcmp(got + 2, big, sizeof(big)), "a very long answer");
	if (write(fd, "\0", 1) == 1)
		usleep(20000);
	if (write(fd, "\5th", 3) == 3)
		usleep(20000);
	if (write(fd, "ree", 3) != 3)
		printf("# not written\n");
	ok(asked(&h, &f, WIRE_TCP, "three"), "a query in pieces");
	shutdown(fd, SHUT_WR);
	host_send(&h, WIRE_DNS, f.stream, "third", 5);
	ok(tcp_hears(fd, "third") && recv(fd, got, 1, 0) == 0, "a client that has said all gets its answer, and the end");
	close(fd);
	fd = client(SOCK_STREAM);
	if (write(fd, "\xff\xff", 2) == 2)
		is_num(recv(fd, got, 1, 0), 0, "a query that is too long ends the connection");
	close(fd);
	host_end(&h);
	becomes("");
}

static void test_crowd(void)
{
	struct wire_frame f;
	struct host h;
	int fd[40], lost = 0, a;

	host_connect(&h);
	hello(&h, "9999999999999999", ADDRESS);
	becomes(ADDRESS);
	for (int i = 0; i < 40; i++) {
		fd[i] = client(SOCK_STREAM);
		tcp_say(fd[i], "hello");
		lost += !asked(&h, &f, WIRE_TCP, "hello");
	}
	is_num(lost, 0, "forty connections, each is heard");
	host_send(&h, WIRE_DNS, f.stream, "last", 4);
	ok(tcp_hears(fd[39], "last"), "the last one has its answer");
	ok(recv(fd[0], &a, 1, 0) <= 0, "the first one had to go");
	for (int i = 0; i < 40; i++)
		close(fd[i]);
	a = client(SOCK_DGRAM);
	for (int i = 0; i < 2000; i++)
		send(a, "flood", 5, MSG_DONTWAIT);
	/* What there is of it comes; then the line is quiet. */
	while (host_next_within(&h, &f, 300))
		;
	send(a, "newest", 6, 0);
	asked(&h, &f, WIRE_UDP, "newest");
	host_send(&h, WIRE_DNS, f.stream, "answer", 6);
	ok(hears(a, "answer"), "a flood without answers: the newest query is still answered");
	close(a);
	host_end(&h);
	becomes("");
}

static bool reported(struct host *h)
{
	struct wire_frame f;

	/* The first set begins with '=' and ends within its frame. */
	while (host_expect(h, WIRE_PORTS, &f))
		for (size_t at = 0; at + WIRE_PORT_SIZE <= f.len; at += WIRE_PORT_SIZE) {
			struct wire_addr a;
			int op = wire_port_get(f.payload + at, &a);

			if (op == '+' && a.port == 53)
				return true;
			if (op == '+' && a.port == 5353)
				return false;
		}
	return false;
}

static void test_others(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(5353) };
	int mark = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), taker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct host h;

	bind(mark, (struct sockaddr *)&at, sizeof(at));
	host_connect(&h);
	hello(&h, "aaaaaaaaaaaaaaaa", ADDRESS);
	becomes(ADDRESS);
	listen(mark, 1);
	ok(!reported(&h), "its own sockets are no services of the guest");
	close(mark);
	host_end(&h);
	becomes("");
	at.sin_port = htons(53);
	/* The agent closes its sockets after it has given the address back. */
	for (int i = 0; i < PATIENCE * 1000 && bind(taker, (struct sockaddr *)&at, sizeof(at)) < 0; i++)
		usleep(1000);
	host_connect(&h);
	hello(&h, "bbbbbbbbbbbbbbbb", ADDRESS);
	settle(&h);
	is_str(taken(), "", "a name server on all addresses of the guest is not disturbed");
	close(taker);
	hello(&h, "bbbbbbbbbbbbbbbb", ADDRESS);
	ok(becomes(ADDRESS), "when it has gone, the next greeting does it");
	host_end(&h);
	becomes("");
}

static void test_user(void)
{
	struct host h;
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(2);
		host_connect(&h);
		hello(&h, "cccccccccccccccc", ADDRESS);
		settle(&h);
		_exit(*taken() ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	is_num(WEXITSTATUS(status), 0, "a user of the guest cannot have an address taken");
}

static void test_killed(void)
{
	struct host h;

	host_connect(&h);
	hello(&h, "dddddddddddddddd", ADDRESS);
	becomes(ADDRESS);
	ok(agent_stop(agent), "the agent is killed");
	is_str(taken(), ADDRESS, "and leaves the address");
	host_end(&h);
	agent = agent_start(NOBODY);
	ok(becomes(""), "the next one gives it back, before a host comes");
}

int main(void)
{
	own_network();
	make_test_dir();
	agent = agent_start(NOBODY);
	test_taking();
	test_udp();
	test_tcp();
	test_crowd();
	test_others();
	test_user();
	test_killed();
	ok(agent_stop(agent), "the agent has lived through all of it");
	remove_test_dir();
	return done();
}
