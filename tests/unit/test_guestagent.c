/* uses: guestagent */
/* The guest agent as the host sees it: greetings, boot status, listeners, clock, garbage, restarts, who may connect. */
#include "fake_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void append(const char *text)
{
	int fd = open(status_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	if (write(fd, text, strlen(text)) < 0)
		printf("# cannot write %s\n", status_path);
	close(fd);
}

static bool contains(const struct wire_frame *f, const char *text)
{
	return memmem(f->payload, f->len, text, strlen(text)) != NULL;
}

static void test_hello(void)
{
	struct wire_frame f;
	struct host h;
	char boot_id[64] = "boot_id=", session[40] = "";
	FILE *b = fopen("/proc/sys/kernel/random/boot_id", "r");

	if (!b || fscanf(b, "%50s", boot_id + 8) != 1)
		printf("# no boot id\n");
	fclose(b);
	host_connect(&h);
	ok(host_next_within(&h, &f, PATIENCE * 1000) && f.type == WIRE_HELLO, "the agent greets first");
	ok(contains(&f, boot_id) && contains(&f, "protocol=1\n"), "with boot id and protocol");
	if (f.len < sizeof(session) * 4 && memmem(f.payload, f.len, "session=", 8))
		memcpy(session, memmem(f.payload, f.len, "session=", 8), 25);
	host_hello(&h, "aaaaaaaaaaaaaaaa");
	ok(host_expect(&h, WIRE_HELLO, &f) && contains(&f, session), "answers a new session, its own the same");
	ok(host_expect(&h, WIRE_PORTS, &f) && f.payload[0] == '=', "and lists its listeners from the beginning");
	host_hello(&h, "aaaaaaaaaaaaaaaa");
	ok(host_next_within(&h, &f, PATIENCE * 1000) && f.type == WIRE_PORTS && f.payload[0] == '=',
	   "a session that it knows gets the list again and no greeting");
	host_send(&h, 99, 12, "future", 6);
	host_hello(&h, "bbbbbbbbbbbbbbbb");
	ok(host_expect(&h, WIRE_HELLO, &f), "an unknown frame type is passed over");
	host_end(&h);
}

/* A host agent of another release: newer keys, another protocol number, frames that do not exist here. */
static void test_skew(void)
{
	static const char hello[] = "protocol=7\nversion=99.1-rc\nfeatures=compress streams=2\nsession=\n"
				    "session=cccccccccccccccc\nx-long=0123456789012345678901234567890123456789012345678901234567890123456789\n";
	struct wire_frame f;
	struct host h;

	host_connect(&h);
	ok(host_expect(&h, WIRE_HELLO, &f), "greeted");
	host_send(&h, 33, 0, "newer", 5);
	host_send(&h, WIRE_HELLO, 0, hello, sizeof(hello) - 1);
	ok(host_expect(&h, WIRE_PORTS, &f) && f.payload[0] == '=', "a newer host is served as far as both understand");
	host_send(&h, WIRE_HELLO, 0, "session=d\n", 10);
	ok(host_expect(&h, WIRE_HELLO, &f), "so is one that says nothing else than its session");
	host_end(&h);
}

/* Collects STATUS until `end` is seen; offsets must be without gaps. */
static bool collect(struct host *h, char *text, size_t size, size_t at, const char *end)
{
	struct wire_frame f;

	while (!strstr(text, end)) {
		if (!host_expect(h, WIRE_STATUS, &f) || f.len < 8 || wire_get64(f.payload) != at ||
		    at + f.len - 8 >= size)
			return false;
		memcpy(text + at, f.payload + 8, f.len - 8);
		at += f.len - 8;
		text[at] = '\0';
	}
	return true;
}

static void test_status(void)
{
	static char text[400000], want[400000];
	struct host h;

	host_begin(&h, "cccccccccccccccc");
	append("begin\tid\tnative\n");
	memset(text, 0, sizeof(text));
	ok(collect(&h, text, sizeof(text), 0, "native\n"), "a status file that appears later is sent");
	append("step\tboot/02\tstart\n");
	ok(collect(&h, text, sizeof(text), strlen(text), "start\n"), "what is added to it is sent");
	is_str(text, "begin\tid\tnative\nstep\tboot/02\tstart\n", "as it is");
	host_end(&h);
	for (int i = 0; i < 6000; i++) {
		char line[48];

		snprintf(line, sizeof(line), "step\tprovision.system/%08d\tstart\n", i);
		strcat(want, line);
	}
	append(want);
	append("done\t0\n");
	host_begin(&h, "dddddddddddddddd");
	memset(text, 0, sizeof(text));
	ok(collect(&h, text, sizeof(text), 0, "done\t0\n"), "a new host gets all of a long one");
	is_num((long long)strlen(text), (long long)strlen(want) + 7 + 35, "to the last byte");
	ok(strstr(text, want) != NULL, "unchanged");
	unlink(status_path);
	append("begin\tagain\n");
	memset(text, 0, sizeof(text));
	ok(collect(&h, text, sizeof(text), 0, "again\n"), "a file that was replaced is sent from the beginning");
	host_end(&h);
}

static int listen_on(int type, int family, const char *ip, int port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	inet_pton(family, ip, family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
	if ((family == AF_INET ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) : bind(fd, (struct sockaddr *)&v6,
										     sizeof(v6))) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 5) < 0))
		printf("# cannot listen on %s:%d: %s\n", ip, port, strerror(errno));
	return fd;
}

/* Waits for a record "+6 4 8080 127.0.0.1" in the PORTS to come. */
static bool see(struct host *h, const char *record)
{
	struct wire_frame f;

	while (host_expect(h, WIRE_PORTS, &f))
		for (size_t at = 0; at + WIRE_PORT_SIZE <= f.len; at += WIRE_PORT_SIZE) {
			char text[96], ip[64] = "";
			struct wire_addr a;
			int op = wire_port_get(f.payload + at, &a);

			inet_ntop(a.family == 4 ? AF_INET : AF_INET6, a.ip, ip, sizeof(ip));
			snprintf(text, sizeof(text), "%c%d %d %d %s", op, a.proto, a.family, a.port, ip);
			if (!strcmp(text, record))
				return true;
		}
	return false;
}

static void test_ports(void)
{
	static const struct { int type, family; const char *ip; int port; const char *record; } cases[] = {
		{ SOCK_STREAM, AF_INET, "127.0.0.1", 8080, "6 4 8080 127.0.0.1" },
		{ SOCK_STREAM, AF_INET, "0.0.0.0", 81, "6 4 81 0.0.0.0" },
		{ SOCK_STREAM, AF_INET, "127.0.0.2", 8080, "6 4 8080 127.0.0.2" },
		{ SOCK_STREAM, AF_INET6, "::", 82, "6 6 82 ::" },
		{ SOCK_STREAM, AF_INET6, "::1", 8080, "6 6 8080 ::1" },
		{ SOCK_STREAM, AF_INET6, "::ffff:127.0.0.3", 83, "6 4 83 127.0.0.3" },
		{ SOCK_DGRAM, AF_INET, "0.0.0.0", 5353, "17 4 5353 0.0.0.0" },
		{ SOCK_DGRAM, AF_INET6, "::1", 53, "17 6 53 ::1" },
	};
	enum { CASES = sizeof(cases) / sizeof(cases[0]) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct host h;
	int fds[CASES], client;

	host_begin(&h, "eeeeeeeeeeeeeeee");
	for (int i = 0; i < CASES; i++) {
		char want[64];

		fds[i] = listen_on(cases[i].type, cases[i].family, cases[i].ip, cases[i].port);
		snprintf(want, sizeof(want), "+%s", cases[i].record);
		ok(see(&h, want), "%s", want);
	}
	/* A connected UDP socket is nobody's listener: it must not come before the record that follows it. */
	client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	ok(connect(client, (struct sockaddr *)&to, sizeof(to)) == 0, "a UDP client");
	for (int i = 0; i < CASES; i++) {
		char want[64];

		close(fds[i]);
		snprintf(want, sizeof(want), "-%s", cases[i].record);
		ok(see(&h, want), "%s", want);
	}
	close(client);
	host_end(&h);
}

static void test_sshd(void)
{
	struct wire_frame f;
	struct host h;
	int fd;

	host_begin(&h, "ffffffffffffffff");
	while (host_next_within(&h, &f, 300))
		ok(f.type != WIRE_SSHD, "no sshd yet (frame type %d)", f.type);
	fd = listen_on(SOCK_STREAM, AF_INET6, "::", 22);
	ok(host_expect(&h, WIRE_SSHD, &f) && f.len == 0, "something listens on port 22");
	host_hello(&h, "0000000000000000");
	ok(host_expect(&h, WIRE_SSHD, &f), "told again to a new host");
	close(fd);
	host_end(&h);
}

static void test_many_ports(void)
{
	enum { MANY = 3000 };
	static int fds[MANY];
	struct wire_frame f;
	struct host h;
	int seen = 0;

	for (int i = 0; i < MANY; i++)
		fds[i] = listen_on(SOCK_STREAM, AF_INET, "127.0.0.1", 10000 + i);
	host_begin(&h, "1111111111111111");
	while (seen < MANY && host_expect(&h, WIRE_PORTS, &f))
		for (size_t at = 0; at + WIRE_PORT_SIZE <= f.len; at += WIRE_PORT_SIZE)
			seen += f.payload[at] == '+';
	is_num(seen, MANY, "3000 listeners, each once");
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	for (seen = 0; seen < MANY && host_expect(&h, WIRE_PORTS, &f);)
		for (size_t at = 0; at + WIRE_PORT_SIZE <= f.len; at += WIRE_PORT_SIZE)
			seen += f.payload[at] == '-';
	is_num(seen, MANY, "and all gone");
	host_end(&h);
}

/* Only times that are right: the test must not set the clock of the machine that runs it. */
static void test_time(void)
{
	struct timespec now;
	struct wire_frame f;
	struct host h;
	uint8_t ns[8];
	int64_t drift = INT64_MAX;

	host_begin(&h, "2222222222222222");
	wire_put64(ns, 1000000000);
	host_send(&h, WIRE_TIME, 0, ns, 8);
	host_send(&h, WIRE_TIME, 0, ns, 3);
	clock_gettime(CLOCK_REALTIME, &now);
	wire_put64(ns, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	host_send(&h, WIRE_TIME, 0, ns, 8);
	ok(host_expect(&h, WIRE_TIMED, &f) && f.len == 9, "the time is answered, times that make no sense are not");
	if (f.len == 9)
		drift = (int64_t)wire_get64(f.payload);
	ok(drift >= 0 && drift < 100000000 && f.payload[8] == 0, "a clock that is right is left alone");
	host_end(&h);
}

static void test_garbage(pid_t agent)
{
	struct wire_frame f;
	struct host h;
	uint8_t noise[4096], half[WIRE_HEADER];

	srand(7);
	for (int round = 0; round < 200; round++) {
		host_connect(&h);
		for (int k = 0; k < (int)sizeof(noise); k++)
			noise[k] = (uint8_t)rand();
		if (write(h.fd, noise, 1 + (size_t)rand() % sizeof(noise)) < 0)
			printf("# write: %s\n", strerror(errno));
		if (round % 3 == 0) {
			wire_header(half, (uint8_t)rand(), (uint32_t)rand(), (uint32_t)rand() % WIRE_PAYLOAD_MAX);
			if (write(h.fd, half, sizeof(half)) < 0)
				printf("# write: %s\n", strerror(errno));
		}
		host_end(&h);
	}
	/* The same with valid headers around random content. */
	host_begin(&h, "3333333333333333");
	for (int i = 0; i < 20000; i++) {
		static const uint8_t types[] = { 1, 2, 3, 5, 6, 16, 17, 18, 19, 20, 21, 32, 200 };
		uint8_t type = types[(size_t)rand() % sizeof(types)];

		for (int k = 0; k < 32; k++)
			noise[k] = (uint8_t)rand();
		host_send(&h, type, (uint32_t)rand() % 8, noise, (size_t)rand() % 32);
		while (host_next_within(&h, &f, 0))
			;
	}
	host_hello(&h, "4444444444444444");
	ok(host_expect(&h, WIRE_PORTS, &f), "after 20000 senseless frames it answers");
	if (write(h.fd, "garbage in the middle", 21) != 21)
		printf("# write: %s\n", strerror(errno));
	ok(host_expect(&h, WIRE_HELLO, &f), "garbage in the middle of a session makes it greet anew");
	ok(waitpid(agent, NULL, WNOHANG) == 0, "it lives");
	host_end(&h);
}

/* Only mounts from the host: that such a one is touched is tested in a real guest. */
static void test_touch(pid_t agent)
{
	struct timespec then[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	static const char bad[][5] = { "rela", "/a\0b", "" };
	uint8_t p[200];
	struct stat st;
	struct host h;
	int fd;

	append("");
	fd = open(status_path, O_RDONLY | O_CLOEXEC);
	futimens(fd, then);
	host_begin(&h, "5555555555555555");
	wire_put64(p, 1600000000u * UINT64_C(1000000000));
	memcpy(p + 8, status_path, strlen(status_path));
	host_send(&h, WIRE_INOTIFY, 0, p, 8 + strlen(status_path));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(p + 8, bad[i], 4);
		host_send(&h, WIRE_INOTIFY, 0, p, 8 + (bad[i][0] ? 4u : 0u));
	}
	poll(NULL, 0, 300);
	ok(fstat(fd, &st) == 0 && st.st_mtime == 1000000000, "a file of the guest itself is not touched");
	ok(waitpid(agent, NULL, WNOHANG) == 0, "and nonsense does no harm");
	close(fd);
	host_end(&h);
}

static void test_rights(pid_t agent)
{
	struct stat st;
	struct wire_frame f;
	struct host h;
	pid_t pid, second;
	int status;

	ok(stat(socket_path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_uid == 0,
	   "the socket is 0600 and root's");
	agent_stop(agent);
	second = agent_start(65534);
	host_connect(&h);
	ok(host_expect(&h, WIRE_HELLO, &f), "root may connect whoever the owner is");
	host_end(&h);
	ok(stat(socket_path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_uid == 65534, "--socket-owner owns it");
	for (uid_t uid = 65533; uid <= 65534; uid++) {
		chmod(socket_path, 0666); /* so that it is not the mode that answers */
		pid = fork();
		if (pid == 0) {
			if (setgid(uid) < 0 || setuid(uid) < 0)
				exit(3);
			host_connect(&h);
			exit(host_next_within(&h, &f, PATIENCE * 1000) && f.type == WIRE_HELLO ? 0 : 1);
		}
		waitpid(pid, &status, 0);
		is_num(WEXITSTATUS(status), uid == 65534 ? 0 : 1,
		       uid == 65534 ? "the owner may" : "another user may not");
	}
	agent_stop(second);
}

static void test_restart(void)
{
	struct wire_frame f;
	struct host h;
	char first[64] = "", second[64] = "";

	for (int i = 0; i < 2; i++) {
		pid_t agent = agent_start(0);
		char *to = i ? second : first, *at;

		host_connect(&h);
		ok(host_expect(&h, WIRE_HELLO, &f), "agent %d greets", i);
		at = memmem(f.payload, f.len, "session=", 8);
		memcpy(to, at ? at : "none", at ? 24 : 4);
		agent_stop(agent);
		ok(!host_expect(&h, WIRE_TIMED, &f), "and is gone");
		host_end(&h);
	}
	ok(strcmp(first, second) && strlen(first) == 24, "each start has a session of its own");
}

int main(void)
{
	pid_t agent;

	own_network();
	make_test_dir();
	agent = agent_start(0);
	test_hello();
	test_skew();
	test_status();
	test_ports();
	test_sshd();
	test_many_ports();
	test_time();
	test_garbage(agent);
	test_touch(agent);
	test_rights(agent);
	test_restart();
	remove_test_dir();
	return done();
}
