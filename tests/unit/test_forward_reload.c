/* uses: hostagent dns loop */
/* Other rules while the guest runs: what both want is not touched, the rest ends or begins. The guest is the test. */
#include "fake_guest.h"

#define P(i, key, value) "portForwards." #i "." key "=" value "\n"

static int change(const char *conf)
{
	struct err e = { 0 };
	struct kv kv = { 0 };
	int r;

	if (kv_parse(conf, strlen(conf), "test", &kv, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	events = 0;
	last_event[0] = all_events[0] = '\0';
	r = forward_reload(f, &kv, &e);
	kv_free(&kv);
	spin();
	return r;
}

static bool told(const char *type, const char *proto, const char *guest_addr, const char *host_addr)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"type\":\"%s\",\"protocol\":\"%s\",\"guestAddr\":\"%s\",\"hostAddr\":\"%s\"}", type,
		 proto, guest_addr, host_addr);
	return strstr(all_events, text) != NULL;
}

/* The port of the guest that a connection to the host's port is opened to; 0: refused. */
static int leads_to(const char *ip, int port)
{
	struct wire_frame fr;
	struct wire_addr to = { 0 };
	int fd = client(ip, port);

	if (fd < 0)
		return 0;
	if (hear(WIRE_OPEN, &fr) && wire_open_get(fr.payload, fr.len, &to) == 0)
		say(WIRE_RESET, fr.stream, NULL, 0);
	close(fd);
	spin();
	return to.port;
}

static bool echoes(int fd, uint32_t id)
{
	struct wire_frame fr;
	char buf[4];

	if (write(fd, "ping", 4) != 4 || !hear(WIRE_DATA, &fr) || fr.stream != id)
		return false;
	say(WIRE_DATA, id, "pong", 4);
	return take(fd, buf, 4) == 4 && !memcmp(buf, "pong", 4);
}

/* A listener, a static port and a socket that stay; others come and go around them. */
static void test_unchanged(void)
{
	char conf[1024], path[100], other[100];
	uint32_t id;
	int fd;

	snprintf(path, sizeof(path), "%s/stays.sock", dir);
	snprintf(other, sizeof(other), "%s/goes.sock", dir);
	snprintf(conf, sizeof(conf), "portForwards=4\n" P(0, "static", "true") P(0, "proto", "tcp") P(0, "guestPort0", "3000")
		 P(1, "guestSocket", "/run/a.sock") "portForwards.1.hostSocket=%s\n"
		 P(2, "guestSocket", "/run/b.sock") "portForwards.2.hostSocket=%s\n"
		 P(3, "static", "true") P(3, "proto", "tcp") P(3, "guestPort0", "3001"), path, other);
	begin(conf, false);
	announce('+', "tcp", "127.0.0.1", 8080);
	announce('+', "udp", "127.0.0.1", 8081);
	fd = client("127.0.0.1", 8080);
	id = through(fd);
	is_num(change(conf), 0, "the same rules once more");
	ok(events == 0, "change nothing: %u, %s", events, all_events);
	snprintf(conf, sizeof(conf), "portForwards=3\n" P(0, "guestSocket", "/run/a.sock") "portForwards.0.hostSocket=%s\n"
		 P(1, "static", "true") P(1, "proto", "tcp") P(1, "guestPort0", "3002")
		 P(2, "static", "true") P(2, "proto", "tcp") P(2, "guestPort0", "3000"), path);
	is_num(change(conf), 0, "others");
	ok(events == 3, "one static port and one socket go, one port comes: %u, %s", events, all_events);
	ok(told("stopping", "tcp", "127.0.0.1:3001", "127.0.0.1:3001"), "the port that goes");
	ok(told("stopping", "unix", "/run/b.sock", other) && access(other, F_OK) < 0, "the socket that goes, with its file");
	ok(told("forwarding", "tcp", "127.0.0.1:3002", "127.0.0.1:3002"), "the port that comes");
	is_num(leads_to("127.0.0.1", 3000), 3000, "the other static one stays");
	is_num(leads_to("127.0.0.1", 3001), 0, "nobody listens at what went");
	is_num(leads_to("127.0.0.1", 3002), 3002, "and there is the new one");
	ok(access(path, F_OK) == 0, "the socket stays");
	ok(echoes(fd, id), "a connection was not interrupted");
	is_num(leads_to("127.0.0.1", 8080), 8080, "nor the port it came by");
	close(fd);
	end();
}

/* What the guest listens on is known, also where no rule wanted it before. */
static void test_listeners(void)
{
	uint32_t id;
	int fd;

	begin("portForwards=1\n" P(0, "guestPort0", "8000") P(0, "guestPort1", "8009") P(0, "ignore", "true"), false);
	announce('+', "tcp", "127.0.0.1", 8001);
	announce('+', "tcp", "192.168.5.15", 8020);
	announce('+', "tcp", "127.0.0.1", 8030);
	announce('+', "tcp", "127.0.0.1", 80);
	fd = client("127.0.0.1", 8030);
	id = through(fd);
	ok(!strstr(all_events, "\"forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:8001"), "8001 is ignored");
	is_num(change("portForwards=3\n" P(0, "guestPort0", "8020") P(0, "guestIP", "192.168.5.15") P(0, "hostPort0", "9020")
		      P(1, "guestPort0", "8030") P(1, "ignore", "true") P(2, "guestPort0", "80")), 0, "the opposite");
	ok(told("forwarding", "tcp", "127.0.0.1:8001", "127.0.0.1:8001"), "what was ignored is forwarded");
	ok(told("forwarding", "tcp", "192.168.5.15:8020", "127.0.0.1:9020"), "and what no rule was about");
	ok(told("forwarding", "tcp", "127.0.0.1:80", "127.0.0.1:80"), "and a privileged port, which a rule names now");
	ok(told("stopping", "tcp", "127.0.0.1:8030", "127.0.0.1:8030"), "what was forwarded is not any more");
	ok(strstr(all_events, "{\"type\":\"not-forwarding\",\"protocol\":\"tcp\",\"guestAddr\":\"127.0.0.1:8030\"}") != NULL,
	   "which is told");
	ok(events == 5, "and nothing else: %u, %s", events, all_events);
	is_num(leads_to("127.0.0.1", 8030), 0, "no new connection there");
	ok(echoes(fd, id), "one that was made before lives on");
	close(fd);
	is_num(leads_to("127.0.0.1", 9020), 8020, "the new place leads to its listener");
	announce('-', "tcp", "192.168.5.15", 8020);
	is_num(leads_to("127.0.0.1", 9020), 0, "and goes with it");
	is_num(change("portForwards=0\n"), 0, "no rules");
	ok(told("stopping", "tcp", "127.0.0.1:80", "127.0.0.1:80"), "a privileged port that no rule names ends");
	is_num(leads_to("127.0.0.1", 8030), 8030, "and 8030 is back");
	end();
}

/* One address is part of the other: the old one must be closed before the new one can be opened. */
static void test_overlap(void)
{
	begin("portForwards=1\n" P(0, "guestPort0", "8080") P(0, "proto", "tcp"), false);
	announce('+', "tcp", "0.0.0.0", 8080);
	announce('+', "tcp", "0.0.0.0", 8081);
	is_num(change("portForwards=1\n" P(0, "guestPort0", "8080") P(0, "hostIP", "0.0.0.0")), 0, "to every address");
	ok(told("forwarding", "tcp", "0.0.0.0:8080", "0.0.0.0:8080"), "it is open: %s", all_events);
	is_num(change("portForwards=1\n" P(0, "guestPort0", "8080") P(0, "hostIP", "127.0.0.2")), 0, "and to one of them");
	ok(told("forwarding", "tcp", "0.0.0.0:8080", "127.0.0.2:8080"), "it is open: %s", all_events);
	is_num(leads_to("127.0.0.1", 8080), 0, "only there");
	is_num(change("portForwards=2\n" P(0, "guestPort0", "8080") P(0, "hostPort0", "8081")
		      P(1, "guestPort0", "8081") P(1, "hostPort0", "8080")), 0, "two that change places");
	is_num(leads_to("127.0.0.1", 8081), 8080, "one");
	is_num(leads_to("127.0.0.1", 8080), 8081, "and the other");
	end();
}

static void test_static(void)
{
	begin("portForwards=1\n" P(0, "static", "true") P(0, "guestPort0", "3000") P(0, "hostPort0", "4000"), false);
	announce('+', "tcp", "127.0.0.1", 4000);
	is_num(change("portForwards=1\n" P(0, "static", "true") P(0, "guestPort0", "3005") P(0, "hostPort0", "4000")), 0,
	       "another port of the guest at the same place");
	ok(told("forwarding", "tcp", "127.0.0.1:3005", "127.0.0.1:4000") &&
	   told("forwarding", "udp", "127.0.0.1:3005", "127.0.0.1:4000"), "is told: %s", all_events);
	is_num(leads_to("127.0.0.1", 4000), 3005, "and led to");
	is_num(change("portForwards=1\n" P(0, "static", "true") P(0, "guestPort0", "x")
		      P(0, "guestPort1", "9") P(0, "hostPort0", "70000")), -1, "rules that make no sense");
	is_num(leads_to("127.0.0.1", 4000), 3005, "change nothing");
	is_num(change("portForwards=0\n"), 0, "no static one any more");
	is_num(leads_to("127.0.0.1", 4000), 4000, "its place is the listener's that it hid");
	announce('-', "tcp", "127.0.0.1", 4000);
	is_num(leads_to("127.0.0.1", 4000), 0, "and goes with that");
	is_num(change("portForwards=1\n" P(0, "static", "true") P(0, "guestPort0", "5000") P(0, "guestPort1", "5999")
		      P(0, "hostPort0", "5000") P(0, "hostPort1", "5999") P(0, "proto", "tcp")), 0, "a thousand ports");
	is_num(change("portForwards=1\n" P(0, "static", "true") P(0, "guestPort0", "6000") P(0, "guestPort1", "6999")
		      P(0, "hostPort0", "6000") P(0, "hostPort1", "6999") P(0, "proto", "tcp")), 0, "and a thousand others");
	is_num(leads_to("127.0.0.1", 5999), 0, "the old ones are gone");
	is_num(leads_to("127.0.0.1", 6999), 6999, "and do not count against the new ones");
	end();
}

static void test_ssh(void)
{
	static const char *const there = "portForwards=1\n" P(0, "guestSocket", "/run/a.sock") P(0, "hostSocket", "/tmp/b.sock")
		P(0, "reverse", "true");

	begin(there, false);
	is_num(ssh_calls, 1, "ssh has it");
	is_num(change(there), 0, "no change");
	is_num(ssh_calls, 1, "is none for ssh");
	is_num(change("portForwards=1\n" P(0, "guestSocket", "/run/c.sock") P(0, "hostSocket", "/tmp/b.sock")
		      P(0, "reverse", "true")), 0, "another path in the guest");
	is_num(ssh_calls, 3, "is one cancelled and one made");
	is_str(last_ssh, "forward -R /tmp/b.sock /run/c.sock", "the new one");
	is_num(change("portForwards=0\n"), 0, "none");
	is_str(last_ssh, "cancel -R /tmp/b.sock /run/c.sock", "is cancelled as it was made");
	end();
	begin("portForwards=1\n" P(0, "static", "true") P(0, "proto", "tcp") P(0, "guestPort0", "3000"), true);
	is_num(change("portForwards=1\n" P(0, "static", "true") P(0, "proto", "tcp") P(0, "guestPort0", "3001")), 0, "plain");
	ok(ssh_calls == 3 && !strcmp(last_ssh, "forward -L 127.0.0.1:3001 127.0.0.1:3001"), "by ssh too: %s", last_ssh);
	end();
}

int main(void)
{
	char cmd[96];

	signal(SIGPIPE, SIG_IGN);
	own_network();
	snprintf(dir, sizeof(dir), "/tmp/test-reload.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	base = event_base_new();
	test_unchanged();
	test_listeners();
	test_overlap();
	test_static();
	test_ssh();
	event_base_free(base);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : done();
}
