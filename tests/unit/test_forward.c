/* uses: hostagent dns loop */
/* Port forwarding on the host, with a guest agent that is played by the test: it announces, lies, floods, and vanishes.
 * */
#include "fake_guest.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static void test_stream(void)
{
	struct wire_addr to;
	struct wire_frame fr;
	char buf[16];
	uint32_t id;
	int fd;

	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8080);
	is_str(last_event,
	       "{\"type\":\"forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:8080\",\"hostAddr\":\"127.0.0.1:8080\"}",
	       "the event");
	fd = client("127.0.0.1", 8080);
	ok(fd >= 0 && hear(WIRE_OPEN, &fr) && wire_open_get(fr.payload, fr.len, &to) == 0 && to.port == 8080 &&
	   to.proto == WIRE_TCP &&
	   to.family == 4, "a connection becomes OPEN");
	id = fr.stream;
	opened(id, 0);
	ok(write(fd, "hello", 5) == 5 && hear(WIRE_DATA, &fr) && fr.stream == id && fr.len == 5 &&
	   !memcmp(fr.payload, "hello", 5),
	   "data to the guest");
	say(WIRE_DATA, id, "world", 5);
	ok(take(fd, buf, 5) == 5 && !memcmp(buf, "world", 5), "and back");
	shutdown(fd, SHUT_WR);
	ok(hear_type(WIRE_EOF, id), "the client's end is told");
	say(WIRE_DATA, id, "late", 4);
	ok(take(fd, buf, 4) == 4, "the answer after it still comes");
	say(WIRE_EOF, id, NULL, 0);
	is_num(take(fd, buf, 1), 0, "then the end");
	close(fd);
	fd = client("127.0.0.1", 8080);
	id = through(fd);
	say(WIRE_RESET, id, NULL, 0);
	is_num(take(fd, buf, 1), -ECONNRESET, "a reset is one");
	close(fd);
	fd = client("127.0.0.1", 8080);
	ok(hear(WIRE_OPEN, &fr), "another");
	opened(fr.stream, ECONNREFUSED);
	is_num(take(fd, buf, 1), -ECONNRESET, "the guest refuses");
	close(fd);
	fd = client("127.0.0.1", 8080);
	id = through(fd);
	announce('-', "tcp", "127.0.0.1", 8080);
	ok(strstr(last_event, "\"stopping\"") != NULL, "the listener goes");
	is_num(client("127.0.0.1", 8080), -ECONNREFUSED, "its place is free");
	say(WIRE_DATA, id, "x", 1);
	ok(take(fd, buf, 1) == 1, "but the connection lives");
	close(fd);
	ok(hear_type(WIRE_EOF, id), "until it ends");
	end();
}

static void test_never(void)
{
	static const struct { const char *proto, *ip; int port; } never[] = {
		{ "tcp", "0.0.0.0", 22 }, { "tcp", "127.0.0.1", 22 }, { "tcp", "::1", 22 }, { "tcp", "::", SSH },
		{ "udp", "0.0.0.0", SSH },
		{ "tcp", "192.168.5.15", 8000 }, { "tcp", "127.0.0.1", 80 }, { "udp", "127.0.0.1", 53 },
	};
	cJSON *j;

	begin("portForwards=0\n", false);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		announce('+', never[i].proto, never[i].ip, never[i].port);
	is_num(client("127.0.0.1", 22), -ECONNREFUSED, "not 22");
	is_num(client("127.0.0.1", SSH), -ECONNREFUSED, "not our port for ssh");
	is_num(client("127.0.0.1", 8000), -ECONNREFUSED, "not what no rule allows");
	is_num(client("127.0.0.1", 80), -ECONNREFUSED, "no low port, even for root");
	ok(!strstr(all_events, "\"forwarding\""), "no event says so");
	j = forward_json(f);
	is_num((long long)cJSON_GetObjectItem(j, "notForwarded")->valuedouble, 6, "six without a rule");
	is_num(cJSON_GetArraySize(cJSON_GetObjectItem(j, "list")), 2, "two that failed");
	ok(strstr(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(j, "list"), 0), "error")->valuestring,
		  "privileged"),
	   "for that reason");
	cJSON_Delete(j);
	end();
	begin("portForwards=1\nportForwards.0.guestPort0=80\n", false);
	announce('+', "tcp", "127.0.0.1", 80);
	ok(client("127.0.0.1", 80) >= 0, "a low port that a rule names is bound");
	end();
}

static void test_taken(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7777),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char me[64];

	ok(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0, "somebody listens on 7777");
	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 7777);
	snprintf(me, sizeof(me), "(pid %d)", (int)getpid());
	ok(strstr(last_event, "\"failed\"") && strstr(last_event, "in use") && strstr(last_event, me),
	   "said, and by whom: %s", last_event);
	close(fd);
	for (int64_t stop = now_ms() + PATIENCE_MS; !strstr(last_event, "\"forwarding\"") && now_ms() < stop;)
		wait_a_bit(10);
	ok(strstr(last_event, "\"forwarding\"") != NULL, "forwarded when the port has become free");
	end();
}

/* The port is another instance's: its host agent has it, whose folder has the instance's name. */
static void test_other_instance(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7778),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	char folder[96], byte;
	int ready[2];
	pid_t other;

	snprintf(folder, sizeof(folder), "%s/web-1", dir);
	if (mkdir(folder, 0700) < 0 || pipe(ready) < 0)
		ok(false, "a folder");
	other = fork();
	if (other == 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "lima-hostagent");
		if (chdir(folder) == 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0)
			(void)!write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	ok(read(ready[0], &byte, 1) == 1, "another host agent listens on 7778");
	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 7778);
	ok(strstr(last_event, "\"failed\"") && strstr(last_event, "for the instance 'web-1'"), "said, and whose: %s",
	   last_event);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	for (int64_t stop = now_ms() + PATIENCE_MS; !strstr(last_event, "\"forwarding\"") && now_ms() < stop;)
		wait_a_bit(10);
	ok(strstr(last_event, "\"forwarding\"") != NULL, "forwarded when that instance has ended");
	end();
}

/* What ssh says no to again and again is one event, not one for each attempt. */
static void test_ssh_fails(void)
{
	unsigned calls;
	int64_t answered;

	begin("portForwards=1\nportForwards.0.static=true\nportForwards.0.guestPort0=3000\n", true);
	forward_ssh_result(f, 1, false, "no");
	ok(events == 1 && strstr(last_event, "\"failed\""), "it is told");
	for (int64_t stop = now_ms() + PATIENCE_MS; ssh_calls < 2 && now_ms() < stop;)
		wait_a_bit(10);
	is_num(ssh_calls, 2, "ssh is asked again");
	forward_ssh_result(f, 1, false, "no");
	is_num(events, 1, "the same answer is no news");
	calls = ssh_calls;
	answered = now_ms();
	for (int64_t stop = now_ms() + PATIENCE_MS; ssh_calls == calls && now_ms() < stop;)
		wait_a_bit(10);
	ok(now_ms() - answered >= 1900, "the next attempt waits twice as long");
	forward_ssh_result(f, 1, true, "");
	ok(events == 2 && strstr(last_event, "\"forwarding\""), "and may succeed");
	end();
}

static void test_same_place(void)
{
	struct wire_frame fr;
	struct wire_addr to;
	unsigned before;
	int fd;

	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8081);
	announce('+', "tcp", "::", 8081);
	announce('+', "tcp", "::", 8081);
	is_num(events, 1, "two listeners, one place");
	announce('-', "tcp", "127.0.0.1", 8081);
	is_num(events, 1, "the first goes: the place stays");
	fd = client("127.0.0.1", 8081);
	ok(fd >= 0 && hear(WIRE_OPEN, &fr) && wire_open_get(fr.payload, fr.len, &to) == 0 && to.family == 6,
	   "and leads to the second");
	close(fd);
	announce('-', "tcp", "::", 8081);
	ok(events == 2 && strstr(last_event, "\"stopping\""), "until that goes");
	announce('+', "tcp", "0.0.0.0", 8082);
	before = events;
	say(WIRE_PORTS, 0, "=\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", WIRE_PORT_SIZE);
	announce('+', "tcp", "0.0.0.0", 8082);
	wait_a_bit(1500);
	is_num(events, before, "a list that is told again changes nothing");
	say(WIRE_PORTS, 0, "=\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", WIRE_PORT_SIZE);
	for (int64_t stop = now_ms() + PATIENCE_MS; events == before && now_ms() < stop;)
		wait_a_bit(10);
	ok(strstr(last_event, "\"stopping\"") != NULL, "what is missing from it is closed");
	end();
}

static void test_back(void)
{
	char buf[4];
	int fd, old;

	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8083);
	old = client("127.0.0.1", 8083);
	through(old);
	guest_vanish();
	is_num(take(old, buf, 1), -ECONNRESET, "the guest vanishes: its connections are cut");
	fd = client("127.0.0.1", 8083);
	ok(fd >= 0, "a client meanwhile has to wait");
	ok(write(fd, "hi", 2) == 2, "it may write");
	wait_a_bit(50);
	guest_connect();
	ok(through(fd) != 0, "and is connected when the guest is back");
	close(fd);
	close(old);
	end();
}

static void test_udp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(5300),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct wire_frame fr;
	struct wire_addr to;
	char buf[16];
	uint32_t ids[2];
	int fds[2];

	begin("portForwards=1\nportForwards.0.guestPort0=53\nportForwards.0.hostPort0=5300\nportForwards.0.proto=udp\n",
	      false);
	announce('+', "udp", "0.0.0.0", 53);
	ok(strstr(last_event, "\"udp\"") && strstr(last_event, "127.0.0.1:5300"), "udp is forwarded");
	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (connect(fds[i], (struct sockaddr *)&a, sizeof(a)) < 0 || write(fds[i], "ask", 3) != 3)
			printf("# cannot send\n");
		ok(hear(WIRE_OPEN, &fr) && wire_open_get(fr.payload, fr.len, &to) == 0 && to.proto == WIRE_UDP &&
		   to.port == 53,
		   "each client has a stream");
		ids[i] = fr.stream;
		ok(hear(WIRE_DATA, &fr) && fr.stream == ids[i] && fr.len == 3, "and a datagram is a frame");
		opened(ids[i], 0);
	}
	say(WIRE_DATA, ids[1], "second", 6);
	say(WIRE_DATA, ids[0], "first", 5);
	ok(take(fds[0], buf, 5) == 5 && !memcmp(buf, "first", 5), "the answer to the first");
	ok(take(fds[1], buf, 6) == 6 && !memcmp(buf, "second", 6), "to the second");
	for (int i = 0; i < 2000; i++)
		if (write(fds[0], "0123456789012345678901234567890123456789", 40) < 0)
			spin();
	wait_a_bit(50);
	announce('-', "udp", "0.0.0.0", 53);
	ok(hear(WIRE_RESET, &fr) && hear(WIRE_RESET, &fr), "when the listener goes, the flows end");
	close(fds[0]);
	close(fds[1]);
	end();
}

static void test_fixed(void)
{
	char conf[1024], path[100], buf[4];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct wire_frame fr;
	struct wire_addr to;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/sub/docker.sock", dir);
	snprintf(conf, sizeof(conf), "portForwards=4\nportForwards.0.static=true\nportForwards.0.guestPort0=3000\n"
		 "portForwards.0.guestPort1=3003\nportForwards.0.hostPort0=4000\n"
		 "portForwards.1.guestSocket=/run/docker.sock\nportForwards.1.hostSocket=%s\n"
		 "portForwards.2.guestSocket=/run/agent.sock\nportForwards.2.hostSocket=%s/agent.sock\nportForwards.2.reverse=true\n"
		 "portForwards.3.static=true\nportForwards.3.guestPort0=3001\nportForwards.3.hostPort0=4901\n", path,
		dir);
	begin(conf, false);
	is_num(events, 4 + 4 + 1, "four ports for tcp and udp, one socket; the second rule for 3001 comes too late");
	ok(ssh_calls == 1 && !strncmp(last_ssh, "forward -R ", 11), "reverse is a matter for ssh: %s", last_ssh);
	fd = client("127.0.0.1", 4003);
	ok(fd >= 0 && hear(WIRE_OPEN, &fr) && wire_open_get(fr.payload, fr.len, &to) == 0 && to.port == 3003,
	   "a static port of a range");
	close(fd);
	announce('+', "tcp", "127.0.0.1", 3001);
	is_num(events, 9, "is not forwarded twice");
	is_num(client("127.0.0.1", 4901), -ECONNREFUSED, "nor by a later rule");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "the socket is 0600 (case 45)");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	ok(connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && hear(WIRE_OPEN, &fr) &&
	   wire_open_get(fr.payload, fr.len, &to) == 0 &&
	   to.proto == WIRE_UNIX && !strcmp(to.path, "/run/docker.sock"), "and leads to the guest's");
	opened(fr.stream, 0);
	say(WIRE_DATA, fr.stream, "ok", 2);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	is_num(take(fd, buf, 2), 2, "with data");
	close(fd);
	end();
	ok(stat(path, &st) < 0, "the socket is removed");
	ok(!strncmp(last_ssh, "cancel -R ", 10), "and the reverse one cancelled");

	begin("portForwards=2\nportForwards.0.static=true\nportForwards.0.guestPort0=3000\nportForwards.1.guestPort0=3001\n", true);
	ok(ssh_calls == 1 && !strcmp(last_ssh, "forward -L 127.0.0.1:3000 127.0.0.1:3000"),
	   "plain: static tcp by ssh: %s", last_ssh);
	forward_ssh_result(f, 1, false, "ssh says no");
	ok(strstr(last_event, "\"failed\"") && strstr(last_event, "ssh says no"), "its failure is told");
	end();
}

/* What a range given as static becomes: each port, but for those that another rule has, and nothing silently left out. */
static void test_static_ranges(void)
{
	char text[64];
	cJSON *j;
	int fd;

	/* SSH is 60022 here: 60020 to 60024 without it; 3 ports of the second rule were taken by the first. */
	begin("portForwards=3\nportForwards.0.static=true\nportForwards.0.proto=tcp\nportForwards.0.guestPort0=60020\n"
	      "portForwards.0.guestPort1=60024\nportForwards.0.hostPort0=5020\nportForwards.0.hostPort1=5024\n"
	      "portForwards.1.ignore=true\nportForwards.1.guestPort0=60026\nportForwards.1.guestPort1=60026\n"
	      "portForwards.2.static=true\nportForwards.2.proto=tcp\nportForwards.2.guestPort0=60022\n"
	      "portForwards.2.guestPort1=60027\nportForwards.2.hostPort0=6022\nportForwards.2.hostPort1=6027\n",
	      false);
	for (int port = 5020; port <= 5024; port++) {
		fd = client("127.0.0.1", port);
		is_num(fd >= 0, port != 5020 + SSH - 60020, "the first rule: each port but that of ssh");
		if (fd >= 0)
			close(fd);
	}
	for (int port = 6022; port <= 6027; port++)
		is_num(client("127.0.0.1", port) >= 0, port == 6025 || port == 6027, "the second rule: what is left");
	snprintf(text, sizeof(text), "\"not-forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:%d\"", SSH);
	ok(strstr(all_events, text) != NULL, "the port of ssh in a range is told as not forwarded");
	ok(strstr(all_events, "127.0.0.1:60026") != NULL, "and an ignored one");
	end();

	begin("portForwards=1\nportForwards.0.static=true\nportForwards.0.proto=udp\nportForwards.0.guestPort0=3000\n"
	      "portForwards.0.guestPort1=3002\n", true);
	is_num(events, 3, "a plain guest, udp only: three ports");
	ok(strstr(last_event, "\"failed\"") && strstr(last_event, "ssh cannot forward udp"), "cannot be had: %s", last_event);
	end();

	begin("portForwards=1\nportForwards.0.static=true\nportForwards.0.proto=tcp\nportForwards.0.guestPort0=10001\n"
	      "portForwards.0.guestPort1=11030\n", false);
	j = forward_json(f);
	is_num(cJSON_GetArraySize(cJSON_GetObjectItem(j, "list")), FORWARD_LISTENERS_MAX, "as many as may be");
	is_num((long long)cJSON_GetObjectItem(j, "notForwarded")->valuedouble, 1030 - FORWARD_LISTENERS_MAX,
	       "the rest is counted");
	cJSON_Delete(j);
	end();
}

static void test_path_taken(void)
{
	char conf[256], path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/precious", dir);
	file = fopen(path, "w");
	fclose(file);
	snprintf(conf, sizeof(conf),
		 "portForwards=1\nportForwards.0.guestSocket=/run/x.sock\nportForwards.0.hostSocket=%s\n", path);
	begin(conf, false);
	ok(strstr(last_event, "not a socket") != NULL, "a file in the way is not removed: %s", last_event);
	end();
	ok(access(path, F_OK) == 0, "it is still there");
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
	test_stream();
	test_never();
	test_taken();
	test_other_instance();
	test_ssh_fails();
	test_same_place();
	test_back();
	test_udp();
	test_fixed();
	test_static_ranges();
	test_path_taken();
	event_base_free(base);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : done();
}
