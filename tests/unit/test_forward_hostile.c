/* uses: hostagent dns loop */
/* Port forwarding against a guest that means harm, and against crowds: floods of listeners, frames out of order, streams that
 * nobody asked for, resets, credit that was never given, more connections than there may be. */
#include "fake_guest.h"

#include <sys/stat.h>
#include <sys/un.h>

static void test_flood(void)
{
	static uint8_t all[1000 * WIRE_PORT_SIZE];
	cJSON *j;
	int open = 0;

	begin("portForwards=0\n", false);
	for (int port = 1; port <= 65000; port += 1000) {
		for (int i = 0; i < 1000; i++)
			record(all + i * WIRE_PORT_SIZE, '+', "tcp", "127.0.0.1", port + i);
		say(WIRE_PORTS, 0, all, sizeof(all));
	}
	wait_a_bit(50);
	j = forward_json(f);
	open = cJSON_GetArraySize(cJSON_GetObjectItem(j, "list"));
	ok(open > 900 && open <= FORWARD_LISTENERS_MAX, "65000 listeners make %d places", open);
	ok(events < 2 * FORWARD_BURST, "and %u events", events);
	cJSON_Delete(j);
	end();
	begin("portForwards=0\n", false);
	for (int i = 0; i < 3000; i++) {
		announce('+', "tcp", "127.0.0.1", 9000 + i % 2);
		announce('-', "tcp", "127.0.0.1", 9000 + i % 2);
	}
	ok(events < 100, "3000 times up and down make %u events", events);
	announce('+', "tcp", "127.0.0.1", 9000);
	for (int64_t stop = now_ms() + PATIENCE_MS; !strstr(last_event, "\"forwarding\"") && now_ms() < stop;)
		wait_a_bit(10);
	ok(client("127.0.0.1", 9000) >= 0, "a listener that stays is forwarded in the end");
	end();
}

static void test_no_credit(void)
{
	static char block[WIRE_CHUNK];
	size_t got = 0, wrote = 0;
	struct wire_frame fr;
	uint32_t id, other;
	int fd, fd2;
	char buf[8];

	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8084);
	fd = client("127.0.0.1", 8084);
	id = through(fd);
	fd2 = client("127.0.0.1", 8084);
	other = through(fd2);
	for (int i = 0; i < 1000; i++) {
		ssize_t n = write(fd, block, sizeof(block));

		wrote += n > 0 ? (size_t)n : 0;
		spin();
	}
	ok(wrote < 16 << 20, "a client that the guest does not read is held up after %zu bytes", wrote);
	while (hear_within(&fr, 200))
		got += fr.type == WIRE_DATA && fr.stream == id ? fr.len : 0;
	is_num((long long)got, WIRE_CREDIT, "the guest gets what it gave credit for");
	ok(write(fd2, "abc", 3) == 3 && hear(WIRE_DATA, &fr) && fr.stream == other && fr.len == 3,
	   "another stream goes on");
	grant(id, 1000);
	ok(hear(WIRE_DATA, &fr) && fr.stream == id && fr.len == 1000, "credit lets more through");
	/* The other way: a client that does not read. */
	for (got = 0; got + sizeof(block) <= WIRE_CREDIT; got += sizeof(block))
		say(WIRE_DATA, id, block, sizeof(block));
	say(WIRE_DATA, other, "xyz", 3);
	ok(take(fd2, buf, 3) == 3 && !memcmp(buf, "xyz", 3), "does not hold up the other either");
	for (int i = 0; i < 400; i++)
		say(WIRE_DATA, id, block, sizeof(block));
	ok(hear_type(WIRE_RESET, id), "a guest that sends without credit loses the stream");
	close(fd);
	close(fd2);
	end();
}

static void test_hostile(void)
{
	static const uint8_t types[] = { 0, 2, 3, 5, 6, 16, 17, 18, 19, 20, 21, 22, 32, 255 };
	uint8_t p[64];
	struct wire_frame fr;
	uint32_t id;
	int fds[8];

	srand(11);
	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8085);
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 8; i++)
			fds[i] = client("127.0.0.1", 8085);
		for (int i = 0; i < 100; i++) {
			for (size_t k = 0; k < sizeof(p); k++)
				p[k] = (uint8_t)rand();
			p[0] = "+-=\6\21\1"[rand() % 6];
			p[1] = rand() % 2 ? 6 : 17;
			p[2] = rand() % 2 ? 4 : 6;
			say(types[(size_t)rand() % sizeof(types)], (uint32_t)(round * 8 + rand() % 12), p,
			    (size_t)rand() % sizeof(p));
		}
		while (hear_within(&fr, 0))
			;
		for (int i = 0; i < 8; i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
	announce('+', "tcp", "127.0.0.1", 8085);
	grant(99999, 1);
	id = through(client("127.0.0.1", 8085));
	ok(id != 0, "after 20000 frames of nonsense a connection still goes through");
	grant(id, UINT32_MAX);
	ok(hear_type(WIRE_RESET, id), "credit without measure ends the stream");
	end();
}

/* Only the host opens streams: a guest that wants to reach something here is not heard. */
static void test_no_way_out(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7779),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct wire_addr to = { .proto = WIRE_TCP, .family = 4, .port = 7779, .ip = { 127, 0, 0, 1 } };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	uint8_t open[1 + WIRE_PATH_MAX + WIRE_OPEN_SIZE];
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int path = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct wire_frame fr;
	cJSON *j;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/private.sock", dir);
	ok(bind(tcp, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(tcp, 1) == 0 &&
	   bind(path, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(path, 1) == 0, "services of the host");
	begin("portForwards=0\n", false);
	for (uint32_t id = 1; id < 50; id++) {
		say(WIRE_OPEN, id, open, wire_open_put(open, &to));
		say(WIRE_OPENED, id, "\0\0\0\0", 4);
		say(WIRE_DATA, id, "GET / HTTP/1.0\r\n\r\n", 18);
	}
	to.proto = WIRE_UNIX;
	snprintf(to.path, sizeof(to.path), "%s", un.sun_path);
	say(WIRE_OPEN, 77, open, wire_open_put(open, &to));
	wait_a_bit(50);
	ok(accept(tcp, NULL, NULL) < 0 && errno == EAGAIN, "the guest cannot connect to a port");
	ok(accept(path, NULL, NULL) < 0 && errno == EAGAIN, "nor to a socket");
	ok(!hear_within(&fr, 0), "it gets no answer");
	j = forward_json(f);
	is_num((long long)cJSON_GetObjectItem(j, "streams")->valuedouble, 0, "there is no stream");
	cJSON_Delete(j);
	end();
	close(tcp);
	close(path);
}

/* One port on thousands of addresses is one place, and the list of those who want it has an end. */
static void test_addresses(void)
{
	enum { N = 6000 };
	static uint8_t all[2000 * WIRE_PORT_SIZE];
	char ip[32];
	cJSON *j;

	begin("portForwards=1\nportForwards.0.guestIP=0.0.0.0\nportForwards.0.guestIPMustBeZero=false\n", false);
	for (int i = 0; i < N; i += 2000) {
		for (int k = 0; k < 2000; k++) {
			snprintf(ip, sizeof(ip), "10.1.%d.%d", (i + k) / 250, (i + k) % 250);
			record(all + k * WIRE_PORT_SIZE, '+', "tcp", ip, 8090);
		}
		say(WIRE_PORTS, 0, all, sizeof(all));
	}
	wait_a_bit(20);
	j = forward_json(f);
	is_num(cJSON_GetArraySize(cJSON_GetObjectItem(j, "list")), 1, "6000 listeners on one port have one place");
	is_num((long long)cJSON_GetObjectItem(j, "notForwarded")->valuedouble, N - FORWARD_GUEST_MAX, "more than are kept are counted");
	cJSON_Delete(j);
	ok(client("127.0.0.1", 8090) >= 0, "it works");
	end();
}

/* Resets from both sides, before and after the guest has answered. */
static void test_storm(void)
{
	struct linger now = { .l_onoff = 1 };
	struct wire_frame fr;
	uint32_t id;
	cJSON *j;
	int fd, before, after;

	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8087);
	close(client("127.0.0.1", 8087));
	before = dup(0);
	close(before);
	for (int i = 0; i < 2000; i++) {
		fd = client("127.0.0.1", 8087);
		if (!hear(WIRE_OPEN, &fr))
			break;
		id = fr.stream;
		if (i % 4 == 0)
			opened(id, 0);
		if (i % 4 == 1)
			say(WIRE_RESET, id, NULL, 0);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
		if (i % 4 == 2)
			opened(id, 0);
		say(WIRE_RESET, id, NULL, 0);
		say(WIRE_EOF, id, NULL, 0);
	}
	say(WIRE_RESET, 1, NULL, 0);
	while (hear_within(&fr, 50))
		;
	j = forward_json(f);
	is_num((long long)cJSON_GetObjectItem(j, "streams")->valuedouble, 0, "2000 resets leave no stream");
	cJSON_Delete(j);
	after = dup(0);
	close(after);
	is_num(after, before, "and no descriptor");
	end();
}

static void test_many(void)
{
	enum { N = 1000 };
	static int fds[N + 50];
	static uint32_t ids[N];
	struct wire_frame fr;
	char buf[8];
	int good = 0, refused = 0;
	cJSON *j;

	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8086);
	for (int i = 0; i < N; i++) {
		fds[i] = client("127.0.0.1", 8086);
		ids[i] = through(fds[i]);
	}
	for (int i = 0; i < N; i++)
		say(WIRE_DATA, ids[i], &ids[i], 4);
	for (int i = 0; i < N; i++)
		good += take(fds[i], buf, 4) == 4 && !memcmp(buf, &ids[i], 4);
	is_num(good, N, "1000 connections at once");
	for (int i = 0; i < 50; i++)
		fds[N + i] = client("127.0.0.1", 8086);
	wait_a_bit(50);
	for (int i = 0; i < 50; i++)
		refused += read(fds[N + i], buf, 1) < 0 && errno == ECONNRESET;
	is_num(refused, N + 50 - (int)WIRE_STREAMS_MAX, "more than the limit are refused");
	for (int i = 0; i < N + 50; i++)
		close(fds[i]);
	while (hear_within(&fr, 100))
		if (fr.type == WIRE_EOF)
			say(WIRE_EOF, fr.stream, NULL, 0);
	for (int i = 0; i < 24; i++)
		opened(ids[N - 1] + 1 + (uint32_t)i, ECONNREFUSED);
	spin();
	j = forward_json(f);
	is_num((long long)cJSON_GetObjectItem(j, "streams")->valuedouble, 0, "all of them end");
	cJSON_Delete(j);
	end();
}

int main(void)
{
	char cmd[96];

	signal(SIGPIPE, SIG_IGN);
	own_network();
	snprintf(dir, sizeof(dir), "/tmp/test-forward.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	base = event_base_new();
	test_flood();
	test_no_credit();
	test_hostile();
	test_no_way_out();
	test_addresses();
	test_storm();
	test_many();
	event_base_free(base);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : done();
}
