/* uses: hostagent dns loop */
/* Forwards on loopback for their owner only (case 45): the clients are children with users of their own. */
#include "fake_guest.h"

#include <sys/wait.h>

#include "sockuser.h"

enum { OWNER = 12345, STRANGER = 54321 };

/* A child with another user that connects, says "hi", and tells what became of it by its exit status: 0 answered with "ok", 1
 * reset, 2 refused, 3 nothing. With `go` it closes its socket at once instead. The guest answers who is let through. */
static int as_user(uid_t uid, int family, int type, int port, bool go)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	struct wire_frame fr;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct timeval patience = { .tv_sec = type == SOCK_DGRAM ? 1 : 10 };
		int fd = setresuid(uid, uid, uid) == 0 ? socket(family, type | SOCK_CLOEXEC, 0) : -1;
		char buf[2];
		ssize_t n;

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (connect(fd, a, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0)
			_exit(errno == ECONNRESET ? 1 : 2);
		if (write(fd, "hi", 2) != 2 || go)
			_exit(go ? 0 : 1);
		n = read(fd, buf, 2);
		_exit(n == 2 ? 0 : n < 0 && errno == ECONNRESET ? 1 : 3);
	}
	if (go)
		waitpid(pid, &status, 0);
	while (hear_within(&fr, 300)) {
		if (fr.type == WIRE_OPEN)
			opened(fr.stream, 0);
		else if (fr.type == WIRE_DATA)
			say(WIRE_DATA, fr.stream, "ok", 2);
	}
	if (!go)
		waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static unsigned streams(void)
{
	cJSON *j = forward_json(f);
	unsigned n = (unsigned)cJSON_GetObjectItem(j, "streams")->valuedouble;

	cJSON_Delete(j);
	return n;
}

static void test_guarded(void)
{
	owner_only = true;
	owner = OWNER;
	begin("portForwards=2\nportForwards.0.guestPort0=8001\nportForwards.0.hostIP=::1\nportForwards.1.guestPort0=8002\n"
	      "portForwards.1.hostIP=0.0.0.0\nportForwards.1.proto=tcp\n", false);
	announce('+', "tcp", "127.0.0.1", 8000);
	announce('+', "udp", "127.0.0.1", 8000);
	announce('+', "tcp", "127.0.0.1", 8001);
	announce('+', "udp", "127.0.0.1", 8001);
	announce('+', "tcp", "127.0.0.1", 8002);
	is_num(as_user(OWNER, AF_INET, SOCK_STREAM, 8000, false), 0, "the owner is let through");
	is_num(as_user(0, AF_INET, SOCK_STREAM, 8000, false), 0, "as is root");
	is_num(as_user(STRANGER, AF_INET, SOCK_STREAM, 8000, false), 1, "somebody else is not");
	is_num(as_user(OWNER, AF_INET6, SOCK_STREAM, 8001, false), 0, "the same with IPv6: the owner");
	is_num(as_user(STRANGER, AF_INET6, SOCK_STREAM, 8001, false), 1, "somebody else");
	is_num(as_user(OWNER, AF_INET, SOCK_DGRAM, 8000, false), 0, "and with datagrams: the owner");
	is_num(as_user(STRANGER, AF_INET, SOCK_DGRAM, 8000, false), 3, "somebody else");
	is_num(as_user(OWNER, AF_INET6, SOCK_DGRAM, 8001, false), 0, "IPv6, the owner");
	is_num(as_user(STRANGER, AF_INET6, SOCK_DGRAM, 8001, false), 3, "IPv6, somebody else");
	is_num(as_user(STRANGER, AF_INET, SOCK_STREAM, 8002, false), 0, "an address for all, which a rule names, is for all");
	end();
}

/* Whose socket it was cannot be told when it is closed; the kernel says root then. */
static void test_closed(void)
{
	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8000);
	announce('+', "udp", "127.0.0.1", 8000);
	as_user(STRANGER, AF_INET, SOCK_STREAM, 8000, true);
	is_num(streams(), 0, "who connects, writes and closes is not taken for root");
	as_user(STRANGER, AF_INET, SOCK_DGRAM, 8000, true);
	is_num(streams(), 0, "nor with a datagram");
	end();
	begin("portForwards=1\nportForwards.0.static=true\nportForwards.0.proto=tcp\nportForwards.0.guestPort0=3000\n", true);
	ok(ssh_calls == 0 && strstr(last_event, "ssh cannot tell who connects") != NULL, "ssh, which cannot tell, is not asked");
	end();
	owner_only = false;
	begin("portForwards=0\n", false);
	announce('+', "tcp", "127.0.0.1", 8000);
	is_num(as_user(STRANGER, AF_INET, SOCK_STREAM, 8000, false), 0, "without the option everybody is let through");
	end();
}

/* The question itself, with sockets of ours only. */
static void test_question(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } }, peer, ours;
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), s;
	uid_t uid = 77;

	if (bind(l, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(l, 1) < 0 || getsockname(l, (struct sockaddr *)&a, &len) < 0 ||
	    connect(c, (struct sockaddr *)&a, sizeof(a)) < 0)
		ok(false, "a connection");
	s = accept(l, (struct sockaddr *)&peer, &len);
	getsockname(s, (struct sockaddr *)&ours, &len);
	ok(socket_user(IPPROTO_TCP, (struct sockaddr *)&peer, (struct sockaddr *)&ours, &uid) && uid == 0, "an open socket has a user");
	close(c);
	ok(!socket_user(IPPROTO_TCP, (struct sockaddr *)&peer, (struct sockaddr *)&ours, &uid) && errno == ENOENT, "a closed one has none");
	close(s);
	ok(!socket_user(IPPROTO_TCP, (struct sockaddr *)&peer, (struct sockaddr *)&ours, &uid), "nor one that only waits for its time");
	peer.sin_port = htons(1);
	ok(!socket_user(IPPROTO_UDP, (struct sockaddr *)&peer, (struct sockaddr *)&ours, &uid) && errno == ENOENT, "nor one that never was");
	close(l);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	own_network();
	base = event_base_new();
	test_question();
	test_guarded();
	test_closed();
	event_base_free(base);
	return done();
}
