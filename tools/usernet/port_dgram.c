/* port_dgram - see port.h. The other end of a datagram socket can go without our being told; the first frame that cannot be
 * sent to it says so. Where somebody else comes with its address, one is sent to find out. */
#include "port.h"

#include <errno.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "wire.h"

#define INPUT_SIZE (1u << 20) /* what is read in one round, as long as a longest frame fits */
enum { PASS_WAIT_S = 10 };    /* for the descriptor to come after the connection */

/* The input is handed on before the next one is read, so that all ports can use the same. */
static uint8_t input[INPUT_SIZE];

static int dgram_write(struct port *p)
{
	while (p->at < p->len) {
		uint32_t len = wire_get32(p->out + p->at);

		if (send(p->fd, p->out + p->at + FRAME_PREFIX, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
				return 1;
			if (errno != EMSGSIZE)
				return -1;
			p->counts.dropped++;
		}
		p->at += FRAME_PREFIX + len;
	}
	return 0;
}

/* Asked by a frame of a type for experiments, which nobody minds. */
static bool dgram_alive(struct port *p)
{
	uint8_t f[60] = { 0 };

	memcpy(f, &p->macs[0], MAC_LEN);
	f[2 * MAC_LEN] = 0x88;
	f[2 * MAC_LEN + 1] = 0xb5;
	return send(p->fd, f, sizeof(f), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EAGAIN || errno == EWOULDBLOCK ||
	       errno == ENOBUFS || errno == EINTR;
}

static const struct port_type dgram_type = { "dgram", dgram_write, dgram_alive, NULL };

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct port *p = arg;
	size_t at = 0;
	ssize_t n = 0;

	(void)what;
	while (INPUT_SIZE - at >= FRAME_PREFIX + FRAME_MAX) {
		n = recv(fd, input + at + FRAME_PREFIX, FRAME_MAX, MSG_DONTWAIT);
		if (n <= 0)
			break;
		wire_put32(input + at, (uint32_t)n);
		at += FRAME_PREFIX + (size_t)n;
	}
	switch_input(p, input, at);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		port_close(p);
}

int dgram_port(struct net_switch *sw, int fd)
{
	int type = 0, size = 1 << 20;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_DGRAM) {
		close(fd);
		return -1;
	}
	evutil_make_socket_nonblocking(fd);
	/* A frame must fit; the rest is up to the limits of the host. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return port_new(sw, &dgram_type, fd, on_readable) ? 0 : -1;
}

/* --- the connection that brings the socket --- */

struct bringer {
	struct net_switch *sw;
	struct event *ready;
};

/* The first descriptor of a message; others that came with it are closed. -1: none. */
static int take_fd(struct msghdr *m)
{
	int first = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (first < 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

static int receive_fd(int from)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	char text[64];
	struct iovec v = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	return recvmsg(from, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0 ? -1 : take_fd(&m);
}

static void on_bring(evutil_socket_t conn, short what, void *arg)
{
	struct bringer *b = arg;
	int fd = what & EV_READ ? receive_fd(conn) : -1;

	if (fd < 0)
		warn_msg("a connection brought no socket");
	else if (dgram_port(b->sw, fd) < 0)
		warn_msg("a socket was turned away: it is not one for datagrams, or there are %u machines already", PORTS_MAX);
	event_free(b->ready);
	close(conn);
	free(b);
}

void dgram_on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *sw)
{
	struct timeval limit = { .tv_sec = PASS_WAIT_S };
	struct bringer *b = xcalloc(1, sizeof(*b));

	(void)l;
	(void)from;
	(void)len;
	b->sw = sw;
	b->ready = event_new(switch_base(sw), fd, EV_READ, on_bring, b);
	event_add(b->ready, &limit);
}
