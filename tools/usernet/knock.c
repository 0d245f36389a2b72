/* knock - see knock.h. */
#include "knock.h"

#include <stdlib.h>

#include "buf.h"
#include "oswatch.h"

enum { PORT_FIRST = 49152, SEQUENCE = 1 };

struct knock {
	struct knocks *all;
	uint32_t ip;
	uint16_t port, from;
	int64_t deadline;
	struct event *timer;
	knock_fn *fn;
	void *arg;
	struct knock *next;
};

/* The guest is who has the lease; one with an address of its own choice cannot be found. */
static void send_segment(const struct knock *k, uint32_t seq, uint8_t flags)
{
	const struct mac *mac = leases_mac(k->all->leases, k->ip);
	const struct subnet *s = k->all->subnet;
	struct frame_ends ends = { .src = s->dns_mac, .ip_src = s->dns, .ip_dst = k->ip, .sport = k->from, .dport = k->port };
	struct buf out = { 0 };

	if (!mac)
		return;
	ends.dst = *mac;
	frame_tcp(&out, &ends, seq, 0, flags);
	switch_send(k->all->sw, (uint8_t *)out.data, out.len);
	buf_free(&out);
}

static void end(struct knock *k, bool open)
{
	struct knock **at = &k->all->list;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->all->count--;
	event_free(k->timer);
	k->fn(k->arg, open);
	free(k);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct knock *k = arg;
	int64_t left = k->deadline - mono_ms(), wait = left < KNOCK_EVERY_MS ? left : KNOCK_EVERY_MS;
	struct timeval t = { .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };

	(void)fd;
	(void)what;
	if (left <= 0) {
		end(k, false);
		return;
	}
	send_segment(k, SEQUENCE, TCP_SYN);
	evtimer_add(k->timer, &t);
}

bool knock_begin(struct knocks *k, uint32_t ip, uint16_t port, unsigned timeout_s, knock_fn *fn, void *arg)
{
	struct timeval now = { 0 };
	struct knock *new;

	if (k->count == KNOCKS_MAX)
		return false;
	new = xcalloc(1, sizeof(*new));
	k->last_port = k->last_port < PORT_FIRST || k->last_port == 65535 ? PORT_FIRST : (uint16_t)(k->last_port + 1);
	*new = (struct knock){ .all = k, .ip = ip, .port = port, .from = k->last_port, .fn = fn, .arg = arg, .next = k->list };
	new->deadline = mono_ms() + timeout_s * 1000ll;
	new->timer = evtimer_new(k->base, on_timer, new);
	evtimer_add(new->timer, &now);
	k->list = new;
	k->count++;
	return true;
}

bool knock_frame(struct knocks *k, const struct frame *f)
{
	struct knock *at = k->list;

	while (at && !(at->ip == f->ip_src && at->port == f->sport && at->from == f->dport))
		at = at->next;
	if (!at)
		return false;
	if ((f->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) && f->tcp_ack == SEQUENCE + 1) {
		send_segment(at, SEQUENCE + 1, TCP_RST);
		end(at, true);
	}
	return true; /* refused: it may listen later */
}

void knocks_free(struct knocks *k)
{
	for (struct knock *at = k->list, *next; at; at = next) {
		next = at->next;
		end(at, false);
	}
}
