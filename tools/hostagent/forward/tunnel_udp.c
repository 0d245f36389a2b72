/* tunnel_udp - UDP: one socket on the host, a stream for each peer that sends to it, until it is idle. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "oswatch.h"
#include "tunnel_int.h"

enum {
	DATAGRAM_MAX = 65536,
	BATCH = 64,           /* datagrams read before others have their turn */
	SWEEP_S = 15,
};

struct flow {
	struct tunnel t;
	struct tunnel_udp *u;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	int64_t used; /* mono_ms */
	struct flow *next;
};

struct tunnel_udp {
	struct tunnels *ts;
	int fd;
	struct event *readable, *sweep;
	struct wire_addr to;
	unsigned *count;
	bool (*may)(void *arg, int fd, const struct sockaddr *peer); /* NULL: everybody may */
	void *may_arg;
	struct flow *flows;
};

static uint8_t datagram[DATAGRAM_MAX];

static struct flow *of(struct tunnel *t)
{
	return (struct flow *)t;
}

static bool udp_data(struct tunnel *t, const uint8_t *p, uint32_t n)
{
	struct flow *w = of(t);

	w->used = mono_ms();
	sendto(w->u->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&w->peer, w->peer_len);
	return true; /* a datagram that cannot be sent is lost, as datagrams may be */
}

/* The guest has answered our own end. */
static void udp_eof(struct tunnel *t)
{
	t->eof_sent = true;
}

static size_t udp_buffered(const struct tunnel *t)
{
	(void)t;
	return 0;
}

static bool udp_pump(struct tunnel *t)
{
	(void)t;
	return false;
}

static void udp_close(struct tunnel *t, bool cut)
{
	struct flow **p = &of(t)->u->flows;

	(void)cut;
	while (*p != of(t))
		p = &(*p)->next;
	*p = of(t)->next;
	free(of(t));
}

static const struct tunnel_kind udp_kind = { udp_data, udp_eof, udp_buffered, udp_pump, udp_close };

/* The flow that was used last is the first to be looked at. */
static struct flow *flow_of(struct tunnel_udp *u, const struct sockaddr_storage *peer, socklen_t len)
{
	struct flow **p = &u->flows, *w;

	while (*p && ((*p)->peer_len != len || memcmp(&(*p)->peer, peer, len)))
		p = &(*p)->next;
	w = *p;
	if (!w)
		return NULL;
	*p = w->next;
	w->next = u->flows;
	u->flows = w;
	return w;
}

static struct flow *new_flow(struct tunnel_udp *u, const struct sockaddr_storage *peer, socklen_t len)
{
	struct timeval every = { .tv_sec = SWEEP_S };
	struct flow *w;

	if (u->may && !u->may(u->may_arg, u->fd, (const struct sockaddr *)peer))
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->u = u;
	memcpy(&w->peer, peer, len);
	w->peer_len = len;
	if (!tunnel_begin(u->ts, &w->t, &udp_kind, &u->to, u->count)) {
		free(w);
		return NULL;
	}
	w->next = u->flows;
	u->flows = w;
	if (!event_pending(u->sweep, EV_TIMEOUT, NULL))
		event_add(u->sweep, &every);
	return w;
}

/* What does not fit is lost: the guest's credit and the channel's room bound what waits. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct tunnel_udp *u = arg;

	(void)what;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		ssize_t n = recvfrom(fd, datagram, sizeof(datagram), MSG_DONTWAIT, (struct sockaddr *)&peer, &len);
		struct flow *w;

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 || !tunnels_are_up(u->ts))
			continue;
		w = flow_of(u, &peer, len);
		if (!w)
			w = new_flow(u, &peer, len);
		if (!w || (uint32_t)n > w->t.may_send || tunnels_waiting(u->ts) > TUNNEL_OUT_MAX)
			continue;
		w->used = mono_ms();
		w->t.may_send -= (uint32_t)n;
		tunnel_send(u->ts, WIRE_DATA, w->t.id, datagram, (uint32_t)n);
	}
}

static void on_sweep(evutil_socket_t unused, short what, void *arg)
{
	struct timeval every = { .tv_sec = SWEEP_S };
	struct tunnel_udp *u = arg;
	struct flow *next;

	(void)unused;
	(void)what;
	for (struct flow *w = u->flows; w; w = next) {
		next = w->next;
		if (mono_ms() - w->used > TUNNEL_UDP_IDLE_S * 1000)
			tunnel_reset(&w->t);
	}
	if (u->flows)
		event_add(u->sweep, &every);
}

struct tunnel_udp *tunnel_udp_new(struct tunnels *ts, int fd, const struct wire_addr *to, unsigned *count)
{
	struct tunnel_udp *u = xcalloc(1, sizeof(*u));

	u->ts = ts;
	u->fd = fd;
	u->to = *to;
	u->count = count;
	u->readable = event_new(tunnels_base(ts), fd, EV_READ | EV_PERSIST, on_readable, u);
	u->sweep = event_new(tunnels_base(ts), -1, 0, on_sweep, u);
	if (u->readable && u->sweep && event_add(u->readable, NULL) == 0)
		return u;
	tunnel_udp_free(u);
	errno = ENOMEM;
	return NULL;
}

void tunnel_udp_guard(struct tunnel_udp *u, bool (*may)(void *arg, int fd, const struct sockaddr *peer), void *arg)
{
	u->may = may;
	u->may_arg = arg;
}

void tunnel_udp_target(struct tunnel_udp *u, const struct wire_addr *to)
{
	u->to = *to;
}

void tunnel_udp_free(struct tunnel_udp *u)
{
	while (u->flows)
		tunnel_reset(&u->flows->t);
	if (u->readable)
		event_free(u->readable);
	if (u->sweep)
		event_free(u->sweep);
	close(u->fd);
	free(u);
}
