/* fake_guest - the guest's side of the wire, for tests of port forwarding: the forward module on one end of a socket
 * pair, the test in the role of the guest agent on the other, and clients on the host. One thread: whoever waits, turns
 * the event loop.
 */
#ifndef LIMA_FAKE_GUEST_H
#define LIMA_FAKE_GUEST_H

#include "hostagent/forward/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hostagent/forward/tunnel.h"
#include "tap.h"

enum { SSH = 60022, PATIENCE_MS = 20000 };

static struct event_base *base;
static struct forward *f;
static struct bufferevent *channel; /* the host's end */
static struct wire_reader from_guest, to_guest;
static int guest = -1; /* the guest's end */
static bool owner_only;
static uid_t owner;
static unsigned events, ssh_calls;
static char last_event[512], all_events[200000], last_ssh[512], dir[64] __attribute__((unused));

/* ---- the host ---- */

static inline void on_event(void *arg, cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	(void)arg;
	snprintf(last_event, sizeof(last_event), "%s", text);
	if (strlen(all_events) + strlen(text) + 2 < sizeof(all_events))
		strcat(strcat(all_events, text), "\n");
	events++;
	free(text);
	cJSON_Delete(o);
}

static inline void on_ssh(void *arg, unsigned id, bool cancel, bool reverse, const char *local, const char *remote)
{
	(void)arg;
	(void)id;
	ssh_calls++;
	snprintf(last_ssh, sizeof(last_ssh), "%s %s %s %s", cancel ? "cancel" : "forward", reverse ? "-R" : "-L", local,
		 remote);
}

static inline void on_read(struct bufferevent *b, void *arg)
{
	struct wire_frame fr;

	(void)arg;
	while (evbuffer_get_length(bufferevent_get_input(b))) {
		size_t room;
		uint8_t *p = wire_space(&from_guest, &room);

		wire_fed(&from_guest, (size_t)bufferevent_read(b, p, room));
		while (wire_next(&from_guest, &fr))
			if (fr.type != WIRE_HELLO)
				forward_frame(f, &fr);
	}
}

static inline void guest_connect(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		exit(1);
	wire_reset(&from_guest);
	wire_reset(&to_guest);
	guest = pair[1];
	channel = bufferevent_socket_new(base, pair[0], BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(channel, on_read, NULL, NULL, NULL);
	bufferevent_enable(channel, EV_READ | EV_WRITE);
	forward_guest_up(f, channel);
}

static inline void guest_vanish(void)
{
	forward_guest_gone(f);
	bufferevent_free(channel);
	close(guest);
	guest = -1;
}

static inline void begin(const char *conf, bool plain)
{
	struct forward_options o = { .ssh_port = SSH, .plain = plain, .owner_only = owner_only, .owner = owner };
	struct forward_ops ops = { .event = on_event, .ssh = on_ssh };
	struct err e = { 0 };
	struct kv kv = { 0 };

	events = ssh_calls = 0;
	last_event[0] = all_events[0] = last_ssh[0] = '\0';
	if (kv_parse(conf, strlen(conf), "test", &kv, &e) < 0 || !(f = forward_new(base, &kv, &o, &ops, &e))) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	kv_free(&kv);
	guest_connect();
}

static inline void end(void)
{
	guest_vanish();
	forward_free(f);
}

static inline void spin(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void wait_a_bit(int64_t ms)
{
	for (int64_t stop = now_ms() + ms; now_ms() < stop;) {
		spin();
		poll(NULL, 0, 1);
	}
}

/* ---- the guest ---- */

static inline void say(uint8_t type, uint32_t stream, const void *p, size_t n)
{
	uint8_t h[WIRE_HEADER];
	struct { const void *p; size_t n; } parts[2] = { { h, WIRE_HEADER }, { p, n } };

	wire_header(h, type, stream, (uint32_t)n);
	for (int i = 0; i < 2; i++)
		for (size_t done = 0; done < parts[i].n;) {
			ssize_t w = write(guest, (const char *)parts[i].p + done, parts[i].n - done);

			done += w > 0 ? (size_t)w : 0;
			spin();
		}
}

static inline void record(uint8_t *p, char op, const char *proto, const char *ip, int port)
{
	struct wire_addr a = { .proto = strcmp(proto, "udp") ? WIRE_TCP : WIRE_UDP, .port = (uint16_t)port };

	a.family = strchr(ip, ':') ? 6 : 4;
	inet_pton(a.family == 6 ? AF_INET6 : AF_INET, ip, a.ip);
	wire_port_put(p, op, &a);
}

static inline void announce(char op, const char *proto, const char *ip, int port)
{
	uint8_t p[WIRE_PORT_SIZE];

	record(p, op, proto, ip, port);
	say(WIRE_PORTS, 0, p, sizeof(p));
	spin();
}

/* The next frame from the host, false when none comes in time. */
static inline bool hear_within(struct wire_frame *fr, int64_t ms)
{
	for (int64_t stop = now_ms() + ms;;) {
		size_t room;
		uint8_t *p;
		ssize_t n;

		if (wire_next(&to_guest, fr))
			return true;
		spin();
		p = wire_space(&to_guest, &room);
		n = read(guest, p, room);
		if (n > 0)
			wire_fed(&to_guest, (size_t)n);
		else if (now_ms() > stop)
			return false;
		else
			poll(NULL, 0, 1);
	}
}

static inline bool hear(uint8_t type, struct wire_frame *fr)
{
	while (hear_within(fr, PATIENCE_MS))
		if (fr->type == type)
			return true;
	return false;
}

static inline bool hear_type(uint8_t type, uint32_t id)
{
	struct wire_frame fr;

	return hear(type, &fr) && fr.stream == id;
}

static inline void opened(uint32_t id, int error)
{
	uint8_t p[4];

	wire_put32(p, (uint32_t)error);
	say(WIRE_OPENED, id, p, 4);
}

static inline void grant(uint32_t id, uint32_t more)
{
	uint8_t p[4];

	wire_put32(p, more);
	say(WIRE_CREDIT_MORE, id, p, 4);
}

/* ---- clients on the host ---- */

static inline int client(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ip, &a.sin_addr);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		return fd;
	}
	close(fd);
	return -errno;
}

static inline ssize_t take(int fd, char *buf, size_t n)
{
	size_t have = 0;

	for (int64_t stop = now_ms() + PATIENCE_MS; have < n && now_ms() < stop;) {
		ssize_t r = read(fd, buf + have, n - have);

		if (r == 0 || (r < 0 && errno != EAGAIN))
			return have ? (ssize_t)have : r < 0 ? -errno : 0;
		have += r > 0 ? (size_t)r : 0;
		spin();
	}
	return (ssize_t)have;
}

/* A connection through to the guest: its id. */
static inline uint32_t through(int fd)
{
	struct wire_frame fr;

	if (fd < 0 || !hear(WIRE_OPEN, &fr))
		return 0;
	opened(fr.stream, 0);
	return fr.stream;
}

/* A network of our own, so that ports are free and known: needs root. */
static inline void own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = -1;

	if (unshare(CLONE_NEWNET) == 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0) {
		printf("Bail out! a network namespace is needed: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
}

#endif
