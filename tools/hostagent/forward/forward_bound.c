/* forward_bound - places on the host: opened, failed, tried again, held back when they come and go too often. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "forward_int.h"
#include "forward_listen.h"
#include "oswatch.h"
#include "sockuser.h"

enum {
	RETRY_MS = 1000,     /* after a failure that may pass; doubled each time */
	RETRY_MAX_MS = 60000,
	FLAP_FREE = 5,       /* a place may come and go that often before it has to wait */
	FLAP_FIRST_MS = 100, /* doubled each time */
	FLAP_MAX_MS = 5000,
	FLAP_FORGET_MS = 10000,
	ACCEPT_PAUSE_MS = 500,
	TOKEN_WAIT_MS = 200,
};

static bool is_at(const struct bound *b, uint8_t proto, const struct ip *ip, uint16_t port, const char *path)
{
	if (path || b->path)
		return path && b->path && !strcmp(path, b->path);
	return b->proto == proto && b->port == port && !memcmp(&b->ip, ip, sizeof(*ip));
}

struct bound *bound_find(struct forward *f, uint8_t proto, const struct ip *ip, uint16_t port, const char *path)
{
	for (size_t i = 0; i < f->n_bound; i++)
		if (is_at(f->bound[i], proto, ip, port, path))
			return f->bound[i];
	return NULL;
}

struct bound *bound_get(struct forward *f, uint8_t proto, const struct ip *ip, uint16_t port, const char *path)
{
	struct bound *b = bound_find(f, proto, ip, port, path);

	if (b)
		return b;
	if (f->n_bound == FORWARD_LISTENERS_MAX) {
		log_limited(&f->limit, "more than %d ports to forward: the rest is not", FORWARD_LISTENERS_MAX);
		return NULL;
	}
	b = xcalloc(1, sizeof(*b));
	b->f = f;
	b->id = ++f->last_id;
	b->proto = path ? WIRE_UNIX : proto;
	if (ip)
		b->ip = *ip;
	b->port = port;
	b->path = path ? xstrdup(path) : NULL;
	f->bound = xrealloc(f->bound, (f->n_bound + 1) * sizeof(*f->bound));
	f->bound[f->n_bound++] = b;
	return b;
}

static void fail(struct bound *b, bool retry, const char *why)
{
	bool news = strcmp(b->error, why) != 0; /* none when it was opened, or worked meanwhile */

	b->state = BOUND_FAILED;
	snprintf(b->error, sizeof(b->error), "%s", why);
	b->retry_ms = news ? RETRY_MS : 2 * b->retry_ms < RETRY_MAX_MS ? 2 * b->retry_ms : RETRY_MAX_MS;
	b->due = retry ? mono_ms() + b->retry_ms : 0;
	forward_arm(b->f);
	if (!news)
		return;
	log_limited(&b->f->limit, "not forwarded: %s", why);
	forward_tell(b->f, "failed", &b->to, b);
}

/* Every user of the host can reach a loopback address. */
static bool guarded(const struct bound *b)
{
	return b->f->opt.owner_only && !b->path && ip_loopback(&b->ip);
}

/* Whether the one at the other end may use the place; `fd` is our socket. */
static bool welcome(void *arg, int fd, const struct sockaddr *peer)
{
	struct bound *b = arg;
	struct sockaddr_storage ours = { 0 };
	socklen_t len = sizeof(ours);
	char host[64];
	uid_t uid;

	forward_host_text(b, host, sizeof(host));
	if (getsockname(fd, (struct sockaddr *)&ours, &len) < 0 ||
	    !socket_user(b->proto == WIRE_UDP ? IPPROTO_UDP : IPPROTO_TCP, peer, (struct sockaddr *)&ours, &uid)) {
		log_limited(&b->f->limit, "refused at %s, which is for its owner only: it cannot be told who connects: %s",
			    host, strerror(errno));
		return false;
	}
	if (uid == 0 || uid == b->f->opt.owner)
		return true;
	log_limited(&b->f->limit, "refused at %s, which is for its owner only: uid %u", host, (unsigned)uid);
	return false;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct linger now = { .l_onoff = 1 };
	struct bound *b = arg;

	(void)l;
	(void)len;
	if (guarded(b) && !welcome(b, fd, from)) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
		return;
	}
	tunnel_connect(b->f->tunnels, fd, &b->to, &b->connections);
}

/* No descriptors left, for example. Who waits in the kernel's queue is taken when it goes on. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	struct bound *b = arg;

	evconnlistener_disable(l);
	log_limited(&b->f->limit, "cannot accept connections at the moment: no descriptors or memory left");
	b->due = mono_ms() + ACCEPT_PAUSE_MS;
	forward_arm(b->f);
}

void bound_accept(struct bound *b, bool yes)
{
	if (b->tcp && yes)
		evconnlistener_enable(b->tcp);
	else if (b->tcp)
		evconnlistener_disable(b->tcp);
}

static int serve(struct bound *b, int fd)
{
	if (b->proto == WIRE_UDP) {
		b->udp = tunnel_udp_new(b->f->tunnels, fd, &b->to, &b->connections);
		if (b->udp && guarded(b))
			tunnel_udp_guard(b->udp, welcome, b);
		return b->udp ? 0 : -1;
	}
	b->tcp = evconnlistener_new(b->f->base, on_accept, b,
				    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED,
				    0, fd);
	if (!b->tcp) {
		close(fd);
		return -1;
	}
	evconnlistener_set_error_cb(b->tcp, on_accept_error);
	bound_accept(b, tunnels_are_up(b->f->tunnels));
	return 0;
}

static void try_open(struct bound *b)
{
	struct err e = { 0 };
	bool retry = true;
	int fd;

	if (b->path)
		fd = forward_listen_path(b->path, &retry, &e);
	else
		fd = forward_listen_ip(b->proto, &b->ip, b->port, &retry, &e);
	if (fd < 0 || serve(b, fd) < 0) {
		fail(b, retry, fd < 0 ? e.msg : "out of memory");
		return;
	}
	b->state = BOUND_OPEN;
	b->due = 0;
	b->error[0] = '\0';
	forward_tell(b->f, "forwarding", &b->to, b);
}

/* ssh(1) wants a socket's path or ADDRESS:PORT, IPv6 in brackets. */
static void ask_ssh(struct bound *b, bool cancel)
{
	char local[160], remote[160];

	forward_host_text(b, local, sizeof(local));
	forward_guest_text(&b->to, remote, sizeof(remote));
	b->f->ops.ssh(b->f->ops.arg, b->id, cancel, b->kind.reverse, local, remote);
}

static bool needs_ssh(const struct bound *b)
{
	return b->kind.reverse || b->f->opt.plain || (b->f->opt.by_ssh && !b->kind.permanent);
}

static void open_by_ssh(struct bound *b)
{
	if (guarded(b)) {
		fail(b, false, "ssh cannot tell who connects, as LIMA_FORWARD_OWNER_ONLY asks for");
		return;
	}
	if (!b->f->ops.ssh || b->proto == WIRE_UDP) {
		fail(b, false,
		     b->proto == WIRE_UDP ? "ssh cannot forward udp" : "this needs ssh, which is not available");
		return;
	}
	b->state = BOUND_BY_SSH;
	b->due = 0;
	ask_ssh(b, false);
}

/* A rule that the user did not write must not use root's right to low ports. */
static bool allowed(const struct bound *b)
{
	return b->path || !b->kind.built_in || !forward_port_privileged(b->port);
}

static void open_now(struct bound *b)
{
	char why[128], host[64];

	if (!b->kind.permanent && !forward_take_token(b->f)) {
		b->due = mono_ms() + TOKEN_WAIT_MS;
		forward_arm(b->f);
	} else if (!allowed(b)) {
		forward_host_text(b, host, sizeof(host));
		snprintf(why, sizeof(why), "%s is a privileged port; a rule in portForwards may name it", host);
		fail(b, false, why);
	} else if (needs_ssh(b)) {
		open_by_ssh(b);
	} else {
		try_open(b);
	}
}

/* How long a place that comes and goes has to wait before it comes again. */
static int64_t penalty(const struct bound *b)
{
	int64_t ms = FLAP_FIRST_MS;

	for (unsigned i = FLAP_FREE; i < b->flaps && ms < FLAP_MAX_MS; i++)
		ms *= 2;
	return b->flaps < FLAP_FREE ? 0 : ms < FLAP_MAX_MS ? ms : FLAP_MAX_MS;
}

void bound_open(struct bound *b, const struct wire_addr *to)
{
	int64_t now = mono_ms();

	b->to = *to;
	b->error[0] = '\0';
	b->state = BOUND_WAITING;
	b->due = now + penalty(b);
	if (b->due <= now)
		open_now(b);
	else
		forward_arm(b->f);
}

void bound_move(struct bound *b, const struct wire_addr *to)
{
	if (b->state == BOUND_BY_SSH) {
		bound_close(b);
		bound_open(b, to);
		return;
	}
	b->to = *to;
	if (b->udp)
		tunnel_udp_target(b->udp, to);
}

static void release(struct bound *b)
{
	if (b->state == BOUND_BY_SSH)
		ask_ssh(b, true);
	if (b->tcp)
		evconnlistener_free(b->tcp);
	if (b->tcp && b->path)
		unlink(b->path);
	if (b->udp)
		tunnel_udp_free(b->udp);
	b->tcp = NULL;
	b->udp = NULL;
}

void bound_close(struct bound *b)
{
	int64_t now = mono_ms();
	bool was = b->state == BOUND_OPEN || b->state == BOUND_BY_SSH;

	release(b);
	b->flaps = now - b->closed < FLAP_FORGET_MS ? b->flaps + 1 : 1;
	b->closed = now;
	b->state = BOUND_IDLE;
	b->due = now + FLAP_FORGET_MS;
	forward_arm(b->f);
	if (was)
		forward_tell(b->f, "stopping", &b->to, b);
}

/* Whether what another kind of place may do, or by whom it is served, makes it another place. */
static bool must_reopen(const struct bound *b, const struct bound_kind *kind)
{
	struct bound other = *b;

	other.kind = *kind;
	return kind->reverse != b->kind.reverse || needs_ssh(&other) != needs_ssh(b) || allowed(&other) != allowed(b);
}

void bound_set(struct bound *b, const struct bound_kind *kind, const struct wire_addr *to)
{
	b->round = b->f->round;
	if (b->state != BOUND_IDLE && must_reopen(b, kind))
		bound_close(b);
	b->kind = *kind;
	if (b->state == BOUND_IDLE) {
		bound_open(b, to);
	} else if (memcmp(&b->to, to, sizeof(*to)) != 0) {
		bound_move(b, to);
		if (b->state == BOUND_OPEN)
			forward_tell(b->f, "forwarding", &b->to, b);
	}
}

void bound_due(struct bound *b, int64_t now)
{
	if (!b->due || b->due > now)
		return;
	b->due = 0;
	if (b->state == BOUND_WAITING || b->state == BOUND_FAILED)
		open_now(b);
	else if (b->state == BOUND_OPEN)
		bound_accept(b, tunnels_are_up(b->f->tunnels));
}

void bound_ssh_result(struct bound *b, bool ok, const char *why)
{
	if (b->state != BOUND_BY_SSH)
		return;
	if (!ok) {
		fail(b, true, why);
		return;
	}
	b->error[0] = '\0';
	forward_tell(b->f, "forwarding", &b->to, b);
}

bool bound_forgettable(const struct bound *b, int64_t now)
{
	return b->state == BOUND_IDLE && b->connections == 0 && now - b->closed >= FLAP_FORGET_MS;
}

void bound_free(struct bound *b)
{
	release(b);
	free(b->path);
	free(b);
}
