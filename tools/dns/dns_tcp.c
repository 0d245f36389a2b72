/* dns_tcp - see dns_tcp.h. */
#include "dns_tcp.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "dns_msg.h"
#include "wire.h"

struct client;

struct dns_tcp {
	struct event_base *base;
	struct evconnlistener *listener;
	dns_resolve_fn *resolve;
	void *arg;
	unsigned clients;
	struct client *list;
};

/* A connection: one query after the other, so that a client that does not read has one answer waiting. */
struct client {
	struct dns_tcp *t;
	struct bufferevent *bev;
	struct dns_job *job;
	bool busy, writing;
	struct client *next;
};

static void client_free(struct client *c)
{
	struct client **at = &c->t->list;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->job)
		dns_cancel(c->job);
	c->t->clients--;
	bufferevent_free(c->bev);
	free(c);
}

static void on_tcp_answer(void *arg, const uint8_t *reply, size_t n)
{
	struct client *c = arg;
	uint8_t len[2];

	c->busy = false;
	c->job = NULL;
	if (n == 0) {
		bufferevent_trigger_event(c->bev, BEV_EVENT_EOF, BEV_OPT_DEFER_CALLBACKS);
		return;
	}
	wire_put16(len, (uint16_t)n);
	c->writing = true;
	bufferevent_write(c->bev, len, sizeof(len));
	bufferevent_write(c->bev, reply, n);
}

static void on_client_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t have = evbuffer_get_length(in), n;
	struct client *c = arg;
	struct dns_job *job;
	uint8_t *p;

	if (c->busy || c->writing || have < 2)
		return;
	p = evbuffer_pullup(in, 2);
	n = wire_get16(p);
	if (have < 2 + n)
		return;
	p = evbuffer_pullup(in, (ev_ssize_t)(2 + n));
	c->busy = true;
	job = c->t->resolve(c->t->arg, p + 2, n, DNS_TCP, on_tcp_answer, c);
	if (c->busy)
		c->job = job;
	evbuffer_drain(in, 2 + n);
}

static void on_client_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	c->writing = false;
	on_client_read(bev, arg);
}

static void on_client_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what; /* the end, an error or a time-out: all the same */
	client_free(arg);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct timeval idle = { .tv_sec = DNS_TCP_IDLE_S };
	struct dns_tcp *t = arg;
	struct client *c;

	(void)l;
	(void)from;
	(void)len;
	if (t->clients >= DNS_TCP_CONNECTIONS) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct client){ .t = t, .next = t->list };
	t->list = c;
	t->clients++;
	c->bev = bufferevent_socket_new(t->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(c->bev, on_client_read, on_client_written, on_client_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 2 + DNS_MESSAGE_MAX);
	bufferevent_set_timeouts(c->bev, &idle, &idle);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

struct dns_tcp *dns_tcp_new(struct event_base *base, struct evconnlistener *l, dns_resolve_fn *resolve, void *arg)
{
	struct dns_tcp *t = xcalloc(1, sizeof(*t));

	*t = (struct dns_tcp){ .base = base, .listener = l, .resolve = resolve, .arg = arg };
	evconnlistener_set_cb(l, on_accept, t);
	return t;
}

void dns_tcp_free(struct dns_tcp *t)
{
	if (!t)
		return;
	evconnlistener_disable(t->listener);
	for (struct client *c = t->list, *next; c; c = next) {
		next = c->next;
		client_free(c);
	}
	free(t);
}
