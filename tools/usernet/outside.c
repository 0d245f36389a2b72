/* outside - see outside.h. */
#include "outside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"

/* What libslirp sets its timeout to when it has no timer running at all. */
#define NO_TIMER_MS 1000u
enum { WARN_MAX = 20 }; /* messages about what guests do wrong; then it is enough */

/* One descriptor of libslirp's. */
struct watch {
	struct event *event;
	short wanted, fired;
	unsigned round; /* in which it was asked for last */
};

struct outside {
	struct event_base *base;
	Slirp *slirp;
	void (*send)(void *arg, const uint8_t *p, size_t n);
	void *arg;
	struct watch *watch; /* by descriptor */
	size_t size;
	int top;             /* the highest descriptor that was ever watched */
	unsigned count, round, warned;
	bool touched;        /* it has to be asked again what it waits for */
	bool ready;          /* a descriptor or its time has come */
	int newest;          /* the descriptor that was first asked for in this round, -1 */
	struct event *timeout;
	int64_t deadline_ms; /* of timeout */
};

/* --- what libslirp calls --- */

static ssize_t cb_send(const void *p, size_t n, void *arg)
{
	struct outside *o = arg;

	o->send(o->arg, p, n);
	return (ssize_t)n;
}

static void cb_guest_error(const char *text, void *arg)
{
	struct outside *o = arg;

	if (o->warned++ < WARN_MAX)
		warn_msg("a guest's frame was refused: %s", text);
}

static int64_t cb_clock(void *arg)
{
	struct timespec t;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Its timers are for router advertisements of IPv6, which is off. They are made all the same. */
struct timer {
	struct event *event;
	SlirpTimerCb fn;
	void *arg;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

static void *cb_timer_new(SlirpTimerCb fn, void *fn_arg, void *arg)
{
	struct timer *t = xmalloc(sizeof(*t));

	*t = (struct timer){ NULL, fn, fn_arg };
	t->event = evtimer_new(((struct outside *)arg)->base, on_timer, t);
	return t;
}

static void cb_timer_free(void *timer, void *arg)
{
	(void)arg;
	event_free(((struct timer *)timer)->event);
	free(timer);
}

static void cb_timer_mod(void *timer, int64_t at_ms, void *arg)
{
	int64_t left = at_ms - cb_clock(arg) / 1000000;
	struct timeval t = { .tv_sec = left > 0 ? left / 1000 : 0, .tv_usec = left > 0 ? left % 1000 * 1000 : 0 };

	evtimer_add(((struct timer *)timer)->event, &t);
}

static void cb_register(int fd, void *arg)
{
	(void)fd;
	((struct outside *)arg)->touched = true;
}

static void forget(struct outside *o, int fd)
{
	struct watch *w = &o->watch[fd];

	if (!w->event)
		return;
	event_free(w->event);
	*w = (struct watch){ 0 };
	o->count--;
}

/* The descriptor is closed next. */
static void cb_unregister(int fd, void *arg)
{
	struct outside *o = arg;

	if (fd >= 0 && (size_t)fd < o->size)
		forget(o, fd);
	o->touched = true;
}

static void cb_notify(void *arg)
{
	((struct outside *)arg)->ready = true;
}

static const SlirpCb callbacks = {
	.send_packet = cb_send,
	.guest_error = cb_guest_error,
	.clock_get_ns = cb_clock,
	.timer_new = cb_timer_new,
	.timer_free = cb_timer_free,
	.timer_mod = cb_timer_mod,
	.register_poll_fd = cb_register,
	.unregister_poll_fd = cb_unregister,
	.notify = cb_notify,
};

/* --- descriptors --- */

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct outside *o = arg;

	o->watch[fd].fired |= what;
	o->ready = true;
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	((struct outside *)arg)->ready = true;
}

static void make_room(struct outside *o, int fd)
{
	size_t size = o->size ? o->size : 256;

	while (size <= (size_t)fd)
		size *= 2;
	if (size == o->size)
		return;
	o->watch = xrealloc(o->watch, size * sizeof(*o->watch));
	memset(o->watch + o->size, 0, (size - o->size) * sizeof(*o->watch));
	o->size = size;
}

/* Urgent data (SLIRP_POLL_PRI) comes with the rest; libevent has no such event, and nobody uses it. */
static int add_poll(int fd, int events, void *arg)
{
	short wanted = (short)((events & SLIRP_POLL_IN ? EV_READ : 0) | (events & SLIRP_POLL_OUT ? EV_WRITE : 0));
	struct outside *o = arg;
	struct watch *w;

	make_room(o, fd);
	w = &o->watch[fd];
	w->round = o->round;
	if (fd > o->top)
		o->top = fd;
	if (!w->event) {
		w->event = event_new(o->base, fd, wanted | EV_PERSIST, on_ready, o);
		o->count++;
		o->newest = fd;
	} else if (w->wanted != wanted) {
		event_del(w->event);
		event_assign(w->event, o->base, fd, wanted | EV_PERSIST, on_ready, o);
	} else {
		return fd;
	}
	w->wanted = wanted;
	event_add(w->event, NULL);
	return fd;
}

/* An error or the end of a connection is for libevent that it can be read and written. */
static int get_revents(int fd, void *arg)
{
	struct outside *o = arg;
	const struct watch *w;

	if (fd < 0 || (size_t)fd >= o->size)
		return 0;
	w = &o->watch[fd];
	return (w->fired & EV_READ ? SLIRP_POLL_IN : 0) | (w->fired & EV_WRITE ? SLIRP_POLL_OUT : 0);
}

/* Asks libslirp what it waits for, and stops watching what it did not name. */
static void ask(struct outside *o)
{
	uint32_t timeout = UINT32_MAX;
	int64_t deadline;
	struct timeval t;

	o->touched = false;
	o->round++;
	slirp_pollfds_fill(o->slirp, &timeout, add_poll, o);
	for (int fd = 0; fd <= o->top && (size_t)fd < o->size; fd++)
		if (o->watch[fd].event && o->watch[fd].round != o->round)
			forget(o, fd);
	if (timeout >= NO_TIMER_MS) {
		event_del(o->timeout);
		return;
	}
	deadline = cb_clock(o) / 1000000 + timeout;
	if (event_pending(o->timeout, EV_TIMEOUT, NULL) && o->deadline_ms <= deadline)
		return;
	o->deadline_ms = deadline;
	t = (struct timeval){ .tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000 };
	evtimer_add(o->timeout, &t);
}

void outside_prepare(struct outside *o)
{
	if (o->touched)
		ask(o);
}

void outside_finish(struct outside *o)
{
	if (!o->ready)
		return;
	o->ready = false;
	slirp_pollfds_poll(o->slirp, 0, get_revents, o);
	for (int fd = 0; fd <= o->top && (size_t)fd < o->size; fd++)
		o->watch[fd].fired = 0;
	o->touched = true;
}

void outside_input(struct outside *o, const uint8_t *p, size_t n)
{
	slirp_input(o->slirp, p, (int)n);
	o->ready = o->touched = true;
}

bool outside_has_room(const struct outside *o)
{
	return o->count < OUTSIDE_SOCKETS_MAX;
}

unsigned outside_sockets(const struct outside *o)
{
	return o->count;
}

/* --- forwards --- */

static uint16_t port_of(int fd)
{
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	return fd >= 0 && getsockname(fd, (struct sockaddr *)&at, &len) == 0 ? ntohs(at.sin_port) : 0;
}

int outside_expose(struct outside *o, bool udp, uint32_t host, uint16_t *port, uint32_t guest, uint16_t guest_port,
		   struct err *e)
{
	struct in_addr from = { htonl(host) }, to = { htonl(guest) };
	char text[IP_TEXT];

	ask(o);
	o->newest = -1;
	errno = 0;
	if (slirp_add_hostfwd(o->slirp, udp, from, *port, to, guest_port) < 0) {
		ip_format(host, text);
		return err_sys(e, EXIT_UNAVAIL, "cannot listen on %s port %u", text, *port);
	}
	/* The listener is what libslirp now wants to have watched and did not before. */
	ask(o);
	if (*port == 0)
		*port = port_of(o->newest);
	return *port ? 0 : err_set(e, EXIT_INTERNAL, "the port that was taken is not to be found");
}

void outside_unexpose(struct outside *o, bool udp, uint32_t host, uint16_t port)
{
	struct in_addr from = { htonl(host) };

	slirp_remove_hostfwd(o->slirp, udp, from, port);
	o->touched = true;
}

int outside_serve(struct outside *o, uint32_t ip, uint16_t port, const char *path, struct err *e)
{
	struct in_addr at = { htonl(ip) };

	if (slirp_add_unix(o->slirp, path, &at, port) < 0)
		return err_set(e, EXIT_INTERNAL, "%s cannot be served to guests", path);
	return 0;
}

/* --- the start --- */

struct outside *outside_new(struct event_base *base, const struct subnet *s,
			    void (*send)(void *arg, const uint8_t *p, size_t n), void *arg, struct err *e)
{
	/* The name server is ours (names.h); for libslirp it is at the gateway, and off. */
	SlirpConfig config = {
		.version = 4, .in_enabled = true, .vnetwork.s_addr = htonl(s->net), .vnetmask.s_addr = htonl(s->mask),
		.vhost.s_addr = htonl(s->gateway), .vnameserver.s_addr = htonl(s->gateway),
		.vdhcp_start.s_addr = htonl(s->first), .if_mtu = s->mtu, .if_mru = s->mtu,
		.disable_dns = true, .disable_dhcp = true,
	};
	struct outside *o = xcalloc(1, sizeof(*o));

	o->base = base;
	o->send = send;
	o->arg = arg;
	o->touched = true;
	o->timeout = evtimer_new(base, on_timeout, o);
	o->slirp = slirp_new(&config, &callbacks, o);
	if (!o->slirp) {
		err_set(e, EXIT_UNAVAIL, "libslirp %s cannot be used", slirp_version_string());
		outside_free(o);
		return NULL;
	}
	return o;
}

void outside_free(struct outside *o)
{
	if (!o)
		return;
	if (o->slirp)
		slirp_cleanup(o->slirp);
	for (size_t fd = 0; fd < o->size; fd++)
		forget(o, (int)fd);
	event_free(o->timeout);
	free(o->watch);
	free(o);
}
