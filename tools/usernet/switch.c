/* switch - see switch.h. The addresses are in a table with open addressing that is made anew when a port goes, which is rare;
 * it is at most half full, because the ports can have only so many. */
#include "switch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "wire.h"

#define TABLE_SIZE (2u * PORTS_MAX * PORT_MACS_MAX)
#define QUEUE_KEEP (256u << 10) /* a queue that is empty and larger is given back */

struct entry {
	struct mac mac;
	struct port *port; /* NULL: free */
};

struct net_switch {
	struct event_base *base;
	inspect_fn *inspect;
	void *arg;
	struct port *ports, *dirty;
	unsigned count, last_id;
	struct mac own[SWITCH_OWN_MAX];
	unsigned own_count;
	struct entry table[TABLE_SIZE];
};

/* --- addresses --- */

static size_t hash(const struct mac *m)
{
	uint64_t v = 0;

	memcpy(&v, m, sizeof(*m));
	return (size_t)(v * 0x9e3779b97f4a7c15u >> 40) % TABLE_SIZE;
}

/* Where the address is, or the free place where it would be. */
static size_t place(const struct net_switch *sw, const struct mac *m)
{
	size_t i = hash(m);

	while (sw->table[i].port && !mac_equal(&sw->table[i].mac, m))
		i = (i + 1) % TABLE_SIZE;
	return i;
}

struct port *switch_find(const struct net_switch *sw, const struct mac *m)
{
	return sw->table[place(sw, m)].port;
}

void switch_reserve(struct net_switch *sw, const struct mac *m)
{
	if (sw->own_count < SWITCH_OWN_MAX)
		sw->own[sw->own_count++] = *m;
}

/* False when the address is ours or another port's, or one too many. */
static bool learn(struct port *p, const struct mac *m)
{
	struct entry *e = &p->sw->table[place(p->sw, m)];

	if (e->port && e->port != p && e->port->type->alive && !e->port->type->alive(e->port)) {
		port_close(e->port); /* a machine that was started again */
		e = &p->sw->table[place(p->sw, m)];
	}
	if (e->port)
		return e->port == p;
	for (unsigned i = 0; i < p->sw->own_count; i++)
		if (mac_equal(&p->sw->own[i], m))
			return false;
	if (p->mac_count == PORT_MACS_MAX)
		return false;
	p->macs[p->mac_count++] = *m;
	*e = (struct entry){ *m, p };
	return true;
}

static void table_again(struct net_switch *sw)
{
	memset(sw->table, 0, sizeof(sw->table));
	for (struct port *p = sw->ports; p; p = p->next)
		for (unsigned i = 0; !p->closing && i < p->mac_count; i++)
			sw->table[place(sw, &p->macs[i])] = (struct entry){ p->macs[i], p };
}

/* --- queues --- */

static void mark_dirty(struct port *p)
{
	if (p->dirty)
		return;
	p->dirty = true;
	p->next_dirty = p->sw->dirty;
	p->sw->dirty = p;
}

/* Room for n more bytes; false when the queue would get too long. */
static bool make_room(struct port *p, size_t n)
{
	size_t waiting = p->len - p->at;

	if (waiting + n > PORT_QUEUE_MAX)
		return false;
	if (p->at && p->len + n > p->cap) {
		memmove(p->out, p->out + p->at, waiting);
		p->at = 0;
		p->len = waiting;
	}
	if (p->len + n > p->cap) {
		p->cap = p->cap * 2 > p->len + n ? p->cap * 2 : p->len + n + 65536;
		p->out = xrealloc(p->out, p->cap);
	}
	return true;
}

/* Counts frames in wire form that go to a port. */
static void count_sent(struct port *p, const uint8_t *wire, size_t n, bool dropped)
{
	for (size_t at = 0; at < n;) {
		uint32_t len = wire_get32(wire + at);

		at += FRAME_PREFIX + len;
		if (dropped) {
			p->counts.dropped++;
			continue;
		}
		p->counts.tx_frames++;
		p->counts.tx_bytes += len;
	}
}

static void port_send_wire(struct port *p, const uint8_t *wire, size_t n)
{
	bool fits = !p->closing && make_room(p, n);

	count_sent(p, wire, n, !fits);
	if (!fits)
		return;
	memcpy(p->out + p->len, wire, n);
	p->len += n;
	mark_dirty(p);
}

void port_send(struct port *p, const uint8_t *frame, size_t n)
{
	if (p->closing || !make_room(p, FRAME_PREFIX + n)) {
		p->counts.dropped++;
		return;
	}
	wire_put32(p->out + p->len, (uint32_t)n);
	memcpy(p->out + p->len + FRAME_PREFIX, frame, n);
	p->len += FRAME_PREFIX + n;
	p->counts.tx_frames++;
	p->counts.tx_bytes += n;
	mark_dirty(p);
}

static void drain(struct port *p)
{
	int r = p->type->write(p);

	if (r < 0) {
		port_close(p);
		return;
	}
	if (p->at == p->len) {
		p->at = p->len = 0;
		if (p->cap > QUEUE_KEEP) {
			free(p->out);
			p->out = NULL;
			p->cap = 0;
		}
	}
	if (r > 0 && !p->blocked)
		event_add(p->writable, NULL);
	else if (r == 0 && p->blocked)
		event_del(p->writable);
	p->blocked = r > 0;
}

/* A run of frames for one port. When nothing waits there, they are written from where they are. */
static void forward(struct port *p, const uint8_t *wire, size_t n)
{
	struct port borrowed;

	if (n == 0)
		return;
	if (p->at < p->len || p->blocked || p->closing) {
		port_send_wire(p, wire, n);
		return;
	}
	borrowed = *p;
	borrowed.out = (uint8_t *)(uintptr_t)wire; /* only read */
	borrowed.at = 0;
	borrowed.len = n;
	if (p->type->write(&borrowed) < 0) {
		port_close(p);
		return;
	}
	/* The rest waits as it is: a frame that went out in part is ended by its rest. */
	count_sent(p, wire, n, false);
	if (borrowed.at < n && make_room(p, n - borrowed.at)) {
		memcpy(p->out + p->len, wire + borrowed.at, n - borrowed.at);
		p->len += n - borrowed.at;
		mark_dirty(p);
	}
}

/* --- frames --- */

static void flood(struct net_switch *sw, const struct port *from, const uint8_t *wire, size_t n)
{
	for (struct port *p = sw->ports; p; p = p->next)
		if (p != from && !p->closing)
			port_send_wire(p, wire, n);
}

/* The verdict on one frame, and for those to be switched the port; NULL: to all others. A frame for an address that nobody has
 * used yet is dropped: whoever wants to be reached asks for an address or answers ARP first, and no guest is to see
 * what is meant for another one. */
static enum verdict judge(struct port *from, const uint8_t *p, size_t n, struct port **to)
{
	struct net_switch *sw = from->sw;
	enum verdict v = VERDICT_REFUSE;
	struct frame f;

	from->counts.rx_frames++;
	from->counts.rx_bytes += n;
	*to = NULL;
	if (frame_parse(p, n, &f) && !mac_is_group(&f.src) && learn(from, &f.src))
		v = sw->inspect(sw->arg, from, &f, p, n);
	if (v == VERDICT_REFUSE)
		from->counts.refused++;
	else if (v == VERDICT_SWITCH)
		*to = mac_is_group(&f.dst) ? NULL : switch_find(sw, &f.dst);
	return v == VERDICT_SWITCH && !*to && !mac_is_group(&f.dst) ? VERDICT_TAKEN : v;
}

void switch_input(struct port *from, const uint8_t *wire, size_t n)
{
	struct port *run_to = NULL;
	size_t run = 0, at = 0; /* where the run begins */

	while (at < n && !from->closing) {
		size_t whole = FRAME_PREFIX + wire_get32(wire + at);
		struct port *to;
		enum verdict v = judge(from, wire + at + FRAME_PREFIX, whole - FRAME_PREFIX, &to);

		if (v != VERDICT_SWITCH || to != run_to || to == from) {
			if (run_to)
				forward(run_to, wire + run, at - run);
			run_to = v == VERDICT_SWITCH && to != from ? to : NULL;
			run = at;
		}
		if (v == VERDICT_SWITCH && !to)
			flood(from->sw, from, wire + at, whole);
		at += whole;
	}
	if (run_to)
		forward(run_to, wire + run, at - run);
}

void switch_send(struct net_switch *sw, const uint8_t *p, size_t n)
{
	struct port *to;
	struct mac dst;

	if (n < ETH_HEADER || n > FRAME_MAX)
		return;
	memcpy(&dst, p, sizeof(dst));
	if (!mac_is_group(&dst)) {
		to = switch_find(sw, &dst);
		if (to)
			port_send(to, p, n);
		return;
	}
	for (to = sw->ports; to; to = to->next)
		if (!to->closing)
			port_send(to, p, n);
}

/* --- ports --- */

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain(arg);
}

struct port *port_new(struct net_switch *sw, const struct port_type *type, int fd, event_callback_fn readable)
{
	struct port *p;

	if (sw->count == PORTS_MAX) {
		close(fd);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	*p = (struct port){ .sw = sw, .type = type, .fd = fd, .id = ++sw->last_id, .next = sw->ports };
	p->readable = event_new(sw->base, fd, EV_READ | EV_PERSIST, readable, p);
	p->writable = event_new(sw->base, fd, EV_WRITE | EV_PERSIST, on_writable, p);
	event_add(p->readable, NULL);
	sw->ports = p;
	sw->count++;
	return p;
}

void port_close(struct port *p)
{
	if (p->closing)
		return;
	p->closing = true;
	event_del(p->readable);
	event_del(p->writable);
	table_again(p->sw);
	mark_dirty(p);
}

static void port_free(struct port *p)
{
	struct port **at = &p->sw->ports;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->sw->count--;
	if (p->type->free)
		p->type->free(p);
	event_free(p->readable);
	event_free(p->writable);
	close(p->fd);
	free(p->out);
	free(p);
}

void switch_flush(struct net_switch *sw)
{
	struct port *next;

	while (sw->dirty) {
		struct port *p = sw->dirty;

		sw->dirty = NULL;
		for (; p; p = next) {
			next = p->next_dirty;
			p->dirty = false;
			if (!p->closing && !p->blocked)
				drain(p);
			if (p->closing && !p->dirty)
				port_free(p);
		}
	}
}

struct net_switch *switch_new(struct event_base *base, inspect_fn *inspect, void *arg)
{
	struct net_switch *sw = xcalloc(1, sizeof(*sw));

	sw->base = base;
	sw->inspect = inspect;
	sw->arg = arg;
	return sw;
}

void switch_free(struct net_switch *sw)
{
	for (struct port *p = sw->ports; p; p = p->next)
		port_close(p);
	switch_flush(sw);
	free(sw);
}

struct port *switch_first(const struct net_switch *sw)
{
	return sw->ports;
}

struct event_base *switch_base(const struct net_switch *sw)
{
	return sw->base;
}
