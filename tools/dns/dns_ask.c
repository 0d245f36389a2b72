/* dns_ask - see dns_ask.h. */
#include "dns_ask.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "oswatch.h"
#include "wire.h"

#define SILENT_MS 60000

struct dns_ask {
	struct dns_servers *s;
	dns_ask_fn *fn;
	void *arg;
	uint8_t *query;
	size_t n;
	uint16_t id;    /* the client's; ours is in the query */
	bool whole, tcp, tcp_round, started;
	unsigned generation; /* of the servers in `order` */
	unsigned order[DNS_SERVERS_MAX], tries, servers;
	unsigned try; /* counts through `servers` * attempts */
	int64_t deadline;
	int fd;
	struct event *readable, *timer;
	struct bufferevent *bev;
	struct buf best; /* an answer that is better than none */
};

static void next_try(struct dns_ask *k);

static void close_try(struct dns_ask *k)
{
	if (k->readable)
		event_free(k->readable);
	k->readable = NULL;
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	if (k->bev)
		bufferevent_free(k->bev);
	k->bev = NULL;
}

void dns_ask_cancel(struct dns_ask *k)
{
	close_try(k);
	event_free(k->timer);
	buf_free(&k->best);
	free(k->query);
	free(k);
}

static void finish(struct dns_ask *k)
{
	struct buf reply = k->best;
	dns_ask_fn *fn = k->fn;
	void *arg = k->arg;

	k->best = (struct buf){ 0 };
	if (reply.len)
		wire_put16((uint8_t *)reply.data, k->id);
	dns_ask_cancel(k);
	fn(arg, (const uint8_t *)reply.data, reply.len);
	buf_free(&reply);
}

static unsigned current(const struct dns_ask *k)
{
	return k->order[k->try % k->servers];
}

static const union dns_addr *server(const struct dns_ask *k)
{
	return &k->s->conf.server[current(k)];
}

/* The server of this try did not answer. */
static void silent(struct dns_ask *k)
{
	k->s->silent_until[current(k)] = mono_ms() + SILENT_MS;
	k->tcp = k->tcp_round;
	k->try++;
	next_try(k);
}

static void take_answer(struct dns_ask *k, const uint8_t *p, size_t n)
{
	unsigned rcode = dns_rcode_of(p);
	bool poor = rcode == DNS_SERVFAIL || rcode == DNS_NOTIMP || rcode == DNS_REFUSED;

	k->s->silent_until[current(k)] = 0;
	k->best.len = 0;
	buf_add(&k->best, p, n);
	if (dns_truncated(p) && k->whole && !k->tcp) {
		k->tcp = true; /* the same server */
		next_try(k);
	} else if (poor) {
		k->tcp = k->tcp_round;
		k->try++;
		next_try(k);
	} else {
		finish(k);
	}
}

/* --- UDP --- */

static void on_datagram(evutil_socket_t fd, short what, void *arg)
{
	static uint8_t p[DNS_MESSAGE_MAX];
	struct dns_ask *k = arg;
	ssize_t n = recv(fd, p, sizeof(p), 0);

	(void)what;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		silent(k); /* nobody is there, says its machine */
	else if (n > 0 && dns_is_answer_to(p, (size_t)n, k->query, k->n))
		take_answer(k, p, (size_t)n);
}

static int try_udp(struct dns_ask *k)
{
	const union dns_addr *to = server(k);

	k->fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (k->fd < 0 || connect(k->fd, &to->sa, dns_addr_size(to)) < 0 || send(k->fd, k->query, k->n, 0) < 0)
		return -1;
	k->readable = event_new(k->s->base, k->fd, EV_READ | EV_PERSIST, on_datagram, k);
	return event_add(k->readable, NULL);
}

/* --- TCP --- */

static void on_stream(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct dns_ask *k = arg;
	size_t have = evbuffer_get_length(in), n;
	uint8_t *p;

	if (have < 2)
		return;
	p = evbuffer_pullup(in, 2);
	n = wire_get16(p);
	if (have < 2 + n)
		return;
	p = evbuffer_pullup(in, (ev_ssize_t)(2 + n)) + 2;
	if (dns_is_answer_to(p, n, k->query, k->n))
		take_answer(k, p, n);
	else
		silent(k);
}

static void on_stream_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		silent(arg);
}

static int try_tcp(struct dns_ask *k)
{
	const union dns_addr *to = server(k);
	uint8_t len[2];
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	k->bev = bufferevent_socket_new(k->s->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(k->bev, on_stream, NULL, on_stream_event, k);
	bufferevent_setwatermark(k->bev, EV_READ, 0, 2 + DNS_MESSAGE_MAX);
	wire_put16(len, (uint16_t)k->n);
	bufferevent_write(k->bev, len, sizeof(len));
	bufferevent_write(k->bev, k->query, k->n);
	bufferevent_enable(k->bev, EV_READ | EV_WRITE);
	return bufferevent_socket_connect(k->bev, &to->sa, (int)dns_addr_size(to));
}

/* --- one after the other --- */

static void on_timer(evutil_socket_t unused, short what, void *arg)
{
	struct dns_ask *k = arg;

	(void)unused;
	(void)what;
	if (k->started) {
		silent(k);
	} else {
		k->started = true;
		next_try(k);
	}
}

/* Whether there is something left to try; goes over to TCP when UDP brought nothing at all. */
static bool more(struct dns_ask *k)
{
	if (mono_ms() >= k->deadline)
		return false;
	if (k->try >= k->servers && k->best.len)
		return false;
	if (k->try < k->tries)
		return true;
	if (k->tcp_round)
		return false;
	k->tcp_round = k->tcp = true;
	k->try = 0;
	k->tries = k->servers;
	return true;
}

static void arm(struct dns_ask *k, int64_t ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(k->timer, &t);
}

/* Servers that lately did not answer come last. */
static void set_order(struct dns_ask *k)
{
	struct dns_servers *s = k->s;
	unsigned first = s->conf.rotate ? s->next++ % s->conf.servers : 0;
	int64_t now = mono_ms();

	k->generation = s->conf.generation;
	k->try = k->servers = 0;
	for (int silent_ones = 0; silent_ones < 2; silent_ones++)
		for (unsigned i = 0; i < s->conf.servers; i++) {
			unsigned at = (first + i) % s->conf.servers;

			if ((s->silent_until[at] > now) == silent_ones)
				k->order[k->servers++] = at;
		}
	k->tries = k->servers * s->conf.attempts;
}

static void next_try(struct dns_ask *k)
{
	int64_t left, ms = (int64_t)k->s->conf.timeout_s * 1000;

	close_try(k);
	if (k->s->conf.generation != k->generation)
		set_order(k); /* the servers have changed */
	if (!more(k)) {
		event_del(k->timer);
		finish(k);
		return;
	}
	left = k->deadline - mono_ms();
	if ((k->tcp ? try_tcp(k) : try_udp(k)) < 0)
		ms = 0; /* from the loop, so that many unreachable servers do not recurse */
	arm(k, ms < left ? ms : left > 0 ? left : 0);
}

struct dns_ask *dns_ask(struct dns_servers *s, const uint8_t *query, size_t n, bool whole, dns_ask_fn *fn, void *arg)
{
	struct dns_ask *k = xcalloc(1, sizeof(*k));
	uint16_t id;

	dns_conf_refresh(&s->conf);
	if (s->generation != s->conf.generation)
		memset(s->silent_until, 0, sizeof(s->silent_until));
	s->generation = s->conf.generation;
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (uint16_t)mono_ms();
	*k = (struct dns_ask){ .s = s, .fn = fn, .arg = arg, .n = n, .whole = whole, .fd = -1 };
	k->query = xmalloc(n);
	memcpy(k->query, query, n);
	k->id = wire_get16(query);
	wire_put16(k->query, id);
	k->tcp = k->tcp_round = s->conf.use_tcp;
	k->deadline = mono_ms() + DNS_ASK_MAX_MS;
	set_order(k);
	k->timer = evtimer_new(s->base, on_timer, k);
	arm(k, 0);
	return k;
}
