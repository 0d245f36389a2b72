/* usernet - see usernet.h. */
#include "usernet.h"

#include <errno.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api.h"
#include "dns/dns_tcp.h"
#include "file.h"
#include "lock.h"
#include "loop/pause.h"
#include "oswatch.h"
#include "port.h"
#include "unixsock.h"

#define DNS_PORT 53
#define RESERVED 512u /* descriptors for ports, clients, listeners and questions to name servers */
#define DESCRIPTORS (OUTSIDE_SOCKETS_MAX + RESERVED)

static void on_frame_out(void *arg, const uint8_t *p, size_t n)
{
	switch_send(((struct usernet *)arg)->sw, p, n);
}

/* --- what is unique --- */

/* A file beside the pid file. The caller frees it. */
static char *beside(const struct usernet_options *o, const char *name)
{
	const char *slash = strrchr(o->pid_file, '/');
	char *dir = slash ? xstrndup(o->pid_file, (size_t)(slash - o->pid_file)) : xstrdup("."), *path;

	path = path_join(*dir ? dir : "/", name);
	free(dir);
	return path;
}

/* The lock says that the network runs; the number in the pid file is for people. */
static int take_lock(const struct usernet_options *o, struct lock *l, struct err *e)
{
	char *path = beside(o, "lock");
	int r = lock_take(path, 0, l, e);
	pid_t holder;

	if (r < 0 && e->code == EXIT_TRYAGAIN) {
		lock_held(path, &holder);
		err_set(e, EXIT_TRYAGAIN, "the network of %s is run by process %ld already", o->pid_file,
			(long)holder);
	}
	free(path);
	return r;
}

static int write_pid(const char *path, struct err *e)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	return file_write(path, text, (size_t)n, 0644, e);
}

/* --- start and end --- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	((struct usernet *)arg)->stop = true;
}

/* Before anybody is told that we are there. */
static void watch_signals(struct usernet *u)
{
	static const int numbers[USERNET_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };

	for (int i = 0; i < USERNET_SIGNALS; i++) {
		u->signals[i] = evsignal_new(u->base, numbers[i], on_signal, u);
		event_add(u->signals[i], NULL);
	}
}

/* Each connection of a guest needs a descriptor. Returns for how many there are some, besides those that we need. */
static unsigned raise_limits(void)
{
	struct rlimit r;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return OUTSIDE_SOCKETS_MAX;
	if (r.rlim_cur < DESCRIPTORS) {
		r.rlim_cur = r.rlim_max < DESCRIPTORS ? r.rlim_max : DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	if (r.rlim_cur >= DESCRIPTORS)
		return OUTSIDE_SOCKETS_MAX;
	return r.rlim_cur > 2 * RESERVED ? (unsigned)r.rlim_cur - RESERVED : (unsigned)r.rlim_cur / 2;
}

/* libslirp's descriptors change what they wait for often; libevent then tells the kernel the outcome of each round only. */
static struct event_base *new_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base;

	event_config_set_flag(c, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(c);
	event_config_free(c);
	return base;
}

/* Names over TCP: a socket that libslirp connects guests with. */
static struct dns_job *resolve(void *arg, const uint8_t *query, size_t n, enum dns_transport transport, dns_answer_fn *fn,
			       void *fn_arg)
{
	return names_answer(&((struct usernet *)arg)->names, query, n, transport, fn, fn_arg);
}

static void say(const char *message)
{
	warn_msg("%s", message);
}

static int door_open(struct usernet *u, struct door *d, const char *path, evconnlistener_cb on_accept, struct err *e)
{
	int fd = unixsock_listen(path, e);

	if (fd < 0)
		return -1;
	d->path = path;
	d->listener = evconnlistener_new(u->base, on_accept, u->sw, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	d->pause = pause_new(u->base, d->listener, path, say);
	return 0;
}

static void door_close(struct door *d)
{
	if (!d->path)
		return;
	unlink(d->path);
	pause_free(d->pause);
	evconnlistener_free(d->listener);
	*d = (struct door){ 0 };
}

static int serve_dns(struct usernet *u, struct err *e)
{
	u->dns_path = beside(u->opt, "dns.sock");
	if (door_open(u, &u->questions, u->dns_path, NULL, e) < 0)
		return -1;
	u->dns_tcp = dns_tcp_new(u->base, u->questions.listener, resolve, u);
	return outside_serve(u->outside, u->subnet.dns, DNS_PORT, u->dns_path, e);
}

static int open_sockets(struct usernet *u, struct err *e)
{
	if (serve_dns(u, e) < 0 || door_open(u, &u->streams, u->opt->listen_qemu, stream_on_accept, e) < 0 ||
	    door_open(u, &u->dgrams, u->opt->listen_fd, dgram_on_accept, e) < 0)
		return -1;
	return api_start(u, u->opt->endpoint, e);
}

static int open_network(struct usernet *u, struct err *e)
{
	const struct usernet_options *o = u->opt;

	if (leases_open(&u->leases, &u->subnet, o->leases_file, e) < 0 ||
	    (o->leases && leases_add_text(&u->leases, o->leases, e) < 0))
		return -1;
	u->leases.fn = api_lease;
	u->leases.arg = u;
	u->base = new_base();
	watch_signals(u);
	u->outside = outside_new(u->base, &u->subnet, u->sockets, on_frame_out, u, e);
	if (!u->outside)
		return -1;
	names_init(&u->names, u->base);
	u->sw = switch_new(u->base, gate_inspect, &u->gate);
	switch_reserve(u->sw, &u->subnet.gateway_mac);
	switch_reserve(u->sw, &u->subnet.dns_mac);
	u->gate = (struct gate){ .subnet = &u->subnet, .leases = &u->leases, .names = &u->names, .outside = u->outside,
				 .sw = u->sw, .knocks = &u->knocks };
	u->knocks = (struct knocks){ .base = u->base, .subnet = &u->subnet, .leases = &u->leases, .sw = u->sw };
	u->forwards = (struct forwards){ .outside = u->outside, .subnet = &u->subnet };
	return open_sockets(u, e);
}

static void close_network(struct usernet *u)
{
	knocks_free(&u->knocks);
	api_free(u);
	door_close(&u->streams);
	door_close(&u->dgrams);
	dns_tcp_free(u->dns_tcp);
	door_close(&u->questions);
	free(u->dns_path);
	gate_free(&u->gate);
	if (u->sw)
		names_free(&u->names);
	forwards_free(&u->forwards);
	outside_free(u->outside);
	if (u->sw)
		switch_free(u->sw);
	for (int i = 0; i < USERNET_SIGNALS; i++)
		if (u->signals[i])
			event_free(u->signals[i]);
	if (u->base)
		event_base_free(u->base);
	leases_free(&u->leases);
}

static int say_ready(const struct usernet_options *o, struct err *e)
{
	static const char text[] = "ready\n";

	if (o->ready_fd < 0)
		return 0;
	if (fd_write_all(o->ready_fd, text, sizeof(text) - 1) < 0)
		return err_sys(e, EXIT_IOERR, "cannot write to --ready-fd %d", o->ready_fd);
	close(o->ready_fd);
	return 0;
}

static void loop(struct usernet *u)
{
	while (!u->stop) {
		outside_prepare(u->outside);
		event_base_loop(u->base, EVLOOP_ONCE);
		outside_finish(u->outside);
		switch_flush(u->sw);
	}
}

int usernet_run(const struct usernet_options *o)
{
	struct usernet u = { .opt = o };
	struct lock lock = { -1 };
	struct err e = { 0 };
	int r;

	fds_close_all(o->ready_fd); /* pipes of whoever started us would never end */
	u.sockets = raise_limits();
	r = subnet_parse(o->subnet, o->mtu, &u.subnet, &e);
	if (r == 0)
		r = take_lock(o, &lock, &e);
	if (r == 0) {
		r = open_network(&u, &e);
		if (r == 0)
			r = write_pid(o->pid_file, &e);
		if (r == 0)
			r = say_ready(o, &e);
		if (r == 0)
			loop(&u);
		close_network(&u);
		unlink(o->pid_file);
	}
	lock_release(&lock);
	return r < 0 ? err_report(&e) : 0;
}
