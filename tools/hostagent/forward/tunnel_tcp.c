/* tunnel_tcp - streams of byte-stream sockets: TCP and unix. */
#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "tunnel_int.h"

enum { READ_AHEAD = 131072 };

struct tcp {
	struct tunnel t;
	struct bufferevent *bev;
	int fd;
	bool shut;
};

static struct tcp *of(const struct tunnel *t)
{
	return (struct tcp *)t;
}

static size_t tcp_buffered(const struct tunnel *t)
{
	return evbuffer_get_length(bufferevent_get_output(of(t)->bev));
}

/* Straight into the socket when nothing waits before it: that saves a round of the event loop for each frame. */
static bool tcp_data(struct tunnel *t, const uint8_t *p, uint32_t n)
{
	ssize_t done = 0;

	if (tcp_buffered(t) == 0)
		done = send(of(t)->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (done < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (done < 0)
		done = 0;
	if ((size_t)done < n)
		evbuffer_add(bufferevent_get_output(of(t)->bev), p + done, n - (size_t)done);
	return true;
}

static void shut_when_written(struct tunnel *t)
{
	if (!t->eof_guest || of(t)->shut || tcp_buffered(t))
		return;
	shutdown(of(t)->fd, SHUT_WR);
	of(t)->shut = true;
}

static bool tcp_pump(struct tunnel *t)
{
	struct evbuffer *in = bufferevent_get_input(of(t)->bev);
	size_t n = evbuffer_get_length(in);
	uint8_t header[WIRE_HEADER];

	if (n > WIRE_CHUNK)
		n = WIRE_CHUNK;
	if (n > t->may_send)
		n = t->may_send;
	if (n) {
		wire_header(header, WIRE_DATA, t->id, (uint32_t)n);
		evbuffer_add(tunnels_out(t->ts), header, sizeof(header));
		evbuffer_remove_buffer(in, tunnels_out(t->ts), n);
		t->may_send -= (uint32_t)n;
	}
	if (evbuffer_get_length(in) < READ_AHEAD / 2 && !t->eof_ours)
		bufferevent_enable(of(t)->bev, EV_READ);
	if (evbuffer_get_length(in))
		return t->may_send > 0;
	if (t->eof_ours && !t->eof_sent) {
		tunnel_send(t->ts, WIRE_EOF, t->id, NULL, 0);
		t->eof_sent = true;
		tunnel_finish(t);
	}
	return false;
}

static void tcp_close(struct tunnel *t, bool cut)
{
	struct linger now = { .l_onoff = 1 };

	if (cut)
		setsockopt(of(t)->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	bufferevent_free(of(t)->bev);
	free(of(t));
}

/* Not by a high watermark: with that, libevent calls us again and again while the buffer is full. */
static void on_read(struct bufferevent *bev, void *arg)
{
	if (evbuffer_get_length(bufferevent_get_input(bev)) >= READ_AHEAD)
		bufferevent_disable(bev, EV_READ);
	tunnel_wants(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct tunnel *t = arg;

	(void)bev;
	shut_when_written(t);
	tunnel_credit(t);
	tunnel_finish(t);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct tunnel *t = arg;

	(void)bev;
	if (what & BEV_EVENT_ERROR) {
		tunnel_reset(t);
	} else if (what & BEV_EVENT_EOF) {
		t->eof_ours = true;
		tunnel_wants(t);
	}
}

static const struct tunnel_kind tcp_kind = { tcp_data, shut_when_written, tcp_buffered, tcp_pump, tcp_close };

void tunnel_connect(struct tunnels *ts, int fd, const struct wire_addr *to, unsigned *count)
{
	struct tcp *c = xcalloc(1, sizeof(*c));
	struct linger now = { .l_onoff = 1 };
	int one = 1;

	c->fd = fd;
	c->bev = bufferevent_socket_new(tunnels_base(ts), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev || !tunnel_begin(ts, &c->t, &tcp_kind, to, count)) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		if (c->bev)
			bufferevent_free(c->bev);
		else
			close(fd);
		free(c);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on a unix socket, which needs it not */
	bufferevent_setcb(c->bev, on_read, on_written, on_event, &c->t);
	bufferevent_set_max_single_read(c->bev, READ_AHEAD);
	bufferevent_set_max_single_write(c->bev, READ_AHEAD);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}
