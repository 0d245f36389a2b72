/* dns_serve - see dns_serve.h. */
#include "dns_serve.h"

#include <arpa/inet.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/dns.h"
#include "dns/dns_msg.h"
#include "dns/dns_tcp.h"
#include "err.h"

struct server {
	struct event_base *base;
	struct dns *dns;
	int fd;
	struct event *readable, *term, *intr;
	struct evconnlistener *listener;
	unsigned jobs;
};

/* A query that came as a datagram. */
struct datagram {
	struct server *s;
	struct sockaddr_in from;
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

static struct dns_job *resolve(void *arg, const uint8_t *query, size_t n, enum dns_transport transport, dns_answer_fn *fn,
			       void *fn_arg)
{
	return dns_answer(((struct server *)arg)->dns, query, n, transport, fn, fn_arg);
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
	s->listener = evconnlistener_new_bind(s->base, NULL, NULL,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, -1,
					      (struct sockaddr *)&at, sizeof(at));
	if (!s->listener)
		return err_sys(e, EXIT_UNAVAIL, "cannot listen on TCP port %u", port);
	dns_tcp_new(s->base, s->listener, resolve, s); /* until the process ends */
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
