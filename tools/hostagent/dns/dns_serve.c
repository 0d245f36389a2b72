/* dns_serve - see dns_serve.h. */
#include "dns_serve.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/dns.h"
#include "dns/dns_msg.h"
#include "err.h"
#include "wire.h"

struct client;

struct server {
	struct event_base *base;
	struct dns *dns;
	int fd;
	struct event *readable, *term, *intr;
	struct evconnlistener *listener;
	unsigned jobs, clients;
	struct client *list;
};

/* A query that came as a datagram. */
struct datagram {
	struct server *s;
	struct sockaddr_in from;
};

/* A connection: one query after the other, so that a client that does not read has one answer waiting. */
struct client {
	struct server *s;
	struct bufferevent *bev;
	struct dns_job *job;
	bool busy, writing;
	struct client *next;
};

/* --- UDP --- */

static void on_udp_answer(void *arg, const uint8_t *reply, size_t n)
{
	struct datagram *d = arg;

	if (n && sendto(d->s->fd, reply, n, 0, (struct sockaddr *)&d->from, sizeof(d->from)) < 0) {
		/* A lost datagram: the client asks again. */
	}
	d->s->jobs--;
	free(d);
}

static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t p[DNS_MESSAGE_MAX];
	struct server *s = arg;
	struct datagram *d;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, p, sizeof(p), 0, (struct sockaddr *)&from, &len);

	(void)what;
	if (n <= 0 || s->jobs >= DNS_SERVE_JOBS)
		return;
	d = xmalloc(sizeof(*d));
	*d = (struct datagram){ s, from };
	s->jobs++;
	/* It lives until the answer is there or the process ends. */
	dns_answer(s->dns, p, (size_t)n, DNS_UDP, on_udp_answer, d);
}

/* --- TCP --- */

static void client_free(struct client *c)
{
	struct client **at = &c->s->list;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->job)
		dns_cancel(c->job);
	c->s->clients--;
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
	job = dns_answer(c->s->dns, p + 2, n, DNS_TCP, on_tcp_answer, c);
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
	struct timeval idle = { .tv_sec = DNS_SERVE_IDLE_S };
	struct server *s = arg;
	struct client *c;

	(void)l;
	(void)from;
	(void)len;
	if (s->clients >= DNS_SERVE_CONNECTIONS) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct client){ .s = s, .next = s->list };
	s->list = c;
	s->clients++;
	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(c->bev, on_client_read, on_client_written, on_client_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 2 + DNS_MESSAGE_MAX);
	bufferevent_set_timeouts(c->bev, &idle, &idle);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* --- the start --- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct server *s = arg;

	(void)sig;
	(void)what;
	event_base_loopbreak(s->base);
}

static void say_where(const char *proto, int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	getsockname(fd, (struct sockaddr *)&at, &len);
	printf("%s 127.0.0.1:%d\n", proto, ntohs(at.sin_port));
}

static int listen_udp(struct server *s, uint16_t port, struct err *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot listen on UDP port %u", port);
	s->readable = event_new(s->base, s->fd, EV_READ | EV_PERSIST, on_datagram, s);
	event_add(s->readable, NULL);
	say_where("udp", s->fd);
	return 0;
}

static int listen_tcp(struct server *s, uint16_t port, struct err *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = evconnlistener_new_bind(s->base, on_accept, s,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, -1,
					      (struct sockaddr *)&at, sizeof(at));
	if (!s->listener)
		return err_sys(e, EXIT_UNAVAIL, "cannot listen on TCP port %u", port);
	say_where("tcp", evconnlistener_get_fd(s->listener));
	return 0;
}

static int add_hosts(struct dns *d, const struct strv *hosts, struct err *e)
{
	for (size_t i = 0; i < hosts->n; i++) {
		char *name = xstrdup(hosts->v[i]), *value = strchr(name, '=');
		int r;

		if (value)
			*value++ = '\0';
		r = value ? dns_host(d, name, value, e) : err_set(e, EXIT_USAGE, "--host %s: NAME=VALUE is needed", name);
		free(name);
		if (r < 0)
			return -1;
	}
	return dns_host(d, "host.lima.internal", DNS_SERVE_GATEWAY, e);
}

static void catch_signals(struct server *s)
{
	signal(SIGPIPE, SIG_IGN);
	s->term = evsignal_new(s->base, SIGTERM, on_signal, s);
	s->intr = evsignal_new(s->base, SIGINT, on_signal, s);
	event_add(s->term, NULL);
	event_add(s->intr, NULL);
}

int dns_serve(const struct dns_serve_options *o)
{
	struct server s = { .fd = -1 };
	struct err e = { 0 };

	s.base = event_base_new();
	s.dns = dns_new(s.base, o->ipv6, NULL, NULL);
	catch_signals(&s);
	if (add_hosts(s.dns, &o->hosts, &e) < 0 || listen_udp(&s, o->udp_port, &e) < 0 ||
	    (o->tcp && listen_tcp(&s, o->tcp_port, &e) < 0))
		return err_report(&e);
	if (fflush(stdout)) {
		err_sys(&e, EXIT_IOERR, "cannot write to standard output");
		return err_report(&e);
	}
	event_base_dispatch(s.base);
	return 0;
}
