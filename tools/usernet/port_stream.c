/* port_stream - see port.h. As many frames as there are come with one read, and go with one write. */
#include "port.h"

#include <errno.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "wire.h"

#define INPUT_SIZE (256u << 10) /* what is read at once; much longer than a frame */

struct stream {
	size_t n; /* bytes in `in`, of a frame that has not come whole */
	uint8_t in[INPUT_SIZE];
};

static int stream_write(struct port *p)
{
	while (p->at < p->len) {
		ssize_t n = send(p->fd, p->out + p->at, p->len - p->at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 1 : -1;
		p->at += (size_t)n;
	}
	return 0;
}

static void stream_free(struct port *p)
{
	free(p->own);
}

static const struct port_type stream_type = { "stream", stream_write, NULL, stream_free };

/* The bytes of whole frames at the start of the input. -1: a length that no frame has, after which nothing can be read. */
static ssize_t whole_frames(const struct stream *s)
{
	size_t at = 0;

	while (s->n - at >= FRAME_PREFIX) {
		uint32_t len = wire_get32(s->in + at);

		if (len > FRAME_MAX)
			return -1;
		if (s->n - at < FRAME_PREFIX + len)
			break;
		at += FRAME_PREFIX + len;
	}
	return (ssize_t)at;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct port *p = arg;
	struct stream *s = p->own;
	ssize_t n = read(fd, s->in + s->n, INPUT_SIZE - s->n), whole;

	(void)what;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		port_close(p);
		return;
	}
	s->n += (size_t)n;
	whole = whole_frames(s);
	if (whole < 0) {
		warn_msg("port %u sent something that is no frame, and was closed", p->id);
		port_close(p);
		return;
	}
	switch_input(p, s->in, (size_t)whole);
	s->n -= (size_t)whole;
	memmove(s->in, s->in + whole, s->n);
}

int stream_port(struct net_switch *sw, int fd)
{
	struct port *p;

	evutil_make_socket_nonblocking(fd);
	p = port_new(sw, &stream_type, fd, on_readable);
	if (!p)
		return -1;
	p->own = xmalloc(sizeof(struct stream));
	((struct stream *)p->own)->n = 0;
	return 0;
}

void stream_on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *sw)
{
	(void)l;
	(void)from;
	(void)len;
	if (stream_port(sw, fd) < 0)
		warn_msg("a machine was turned away: there are %u already", PORTS_MAX);
}
