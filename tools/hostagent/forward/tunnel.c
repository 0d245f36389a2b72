/* tunnel - see tunnel.h. Here: the table of streams, credit, turns. tunnel_tcp.c and tunnel_udp.c have the sockets. */
#include "tunnel.h"

#include <event2/buffer.h>
#include <stdlib.h>

#include "buf.h"
#include "hostagent/log.h"
#include "tunnel_int.h"

enum { BUCKETS = 1024, TURNS = 64, LOW = TUNNEL_OUT_MAX / 2, IO_SIZE = 262144 };

struct tunnels {
	struct event_base *base;
	struct bufferevent *guest;
	struct evbuffer *stage; /* frames of this round of the loop, see send_stage */
	struct evbuffer_cb_entry *on_out;
	struct event *pump;
	struct tunnel *bucket[BUCKETS];
	struct tunnel *queue, **queue_end;
	unsigned count;
	uint32_t last_id;
	struct log_limit limit;
};

static struct tunnel **place_of(struct tunnels *ts, uint32_t id)
{
	struct tunnel **p = &ts->bucket[id % BUCKETS];

	while (*p && (*p)->id != id)
		p = &(*p)->next_in_bucket;
	return p;
}

struct evbuffer *tunnels_out(struct tunnels *ts)
{
	event_active(ts->pump, EV_TIMEOUT, 0);
	return ts->stage;
}

size_t tunnels_waiting(const struct tunnels *ts)
{
	return evbuffer_get_length(ts->stage) + evbuffer_get_length(bufferevent_get_output(ts->guest));
}

/* Straight into the channel when nothing waits before it: to watch for "writable" and to be told costs three system calls
 * and a turn of the loop, which a small frame can do without. */
static void send_stage(struct tunnels *ts)
{
	struct evbuffer *out = bufferevent_get_output(ts->guest);

	if (evbuffer_get_length(ts->stage) && !evbuffer_get_length(out))
		evbuffer_write(ts->stage, bufferevent_getfd(ts->guest));
	evbuffer_add_buffer(out, ts->stage);
}

struct event_base *tunnels_base(struct tunnels *ts)
{
	return ts->base;
}

bool tunnels_are_up(const struct tunnels *ts)
{
	return ts->guest != NULL;
}

unsigned tunnels_count(const struct tunnels *ts)
{
	return ts->count;
}

void tunnel_send(struct tunnels *ts, uint8_t type, uint32_t id, const void *p, uint32_t n)
{
	uint8_t header[WIRE_HEADER];

	if (!ts->guest)
		return;
	wire_header(header, type, id, n);
	evbuffer_add(tunnels_out(ts), header, sizeof(header));
	if (n)
		evbuffer_add(tunnels_out(ts), p, n);
}

/* ---- turns: each stream that has something puts one frame into the channel, then the next ---- */

void tunnel_wants(struct tunnel *t)
{
	struct tunnels *ts = t->ts;

	if (t->queued)
		return;
	t->queued = true;
	t->next_in_queue = NULL;
	*ts->queue_end = t;
	ts->queue_end = &t->next_in_queue;
	event_active(ts->pump, EV_TIMEOUT, 0);
}

static void leave_queue(struct tunnel *t)
{
	struct tunnel **p = &t->ts->queue;

	if (!t->queued)
		return;
	while (*p != t)
		p = &(*p)->next_in_queue;
	*p = t->next_in_queue;
	if (!*p)
		t->ts->queue_end = p;
	t->queued = false;
}

static bool out_has_room(struct tunnels *ts)
{
	return tunnels_waiting(ts) < TUNNEL_OUT_MAX;
}

static void on_pump(evutil_socket_t unused, short what, void *arg)
{
	struct tunnels *ts = arg;

	(void)unused;
	(void)what;
	for (int i = 0; ts->guest && i < TURNS && ts->queue && out_has_room(ts); i++) {
		struct tunnel *t = ts->queue;

		leave_queue(t);
		if (t->kind->pump(t))
			tunnel_wants(t);
	}
	if (!ts->guest)
		return;
	send_stage(ts);
	event_del(ts->pump); /* made active by the frames that are sent now */
	if (ts->queue && out_has_room(ts))
		event_active(ts->pump, EV_TIMEOUT, 0);
}

/* The channel has written something. */
static void on_out(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct tunnels *ts = arg;

	if (ts->queue && info->n_deleted && evbuffer_get_length(out) <= LOW)
		event_active(ts->pump, EV_TIMEOUT, 0);
}

/* ---- life and death ---- */

static uint32_t free_id(struct tunnels *ts)
{
	do
		ts->last_id++;
	while (ts->last_id == 0 || *place_of(ts, ts->last_id));
	return ts->last_id;
}

bool tunnel_begin(struct tunnels *ts, struct tunnel *t, const struct tunnel_kind *kind, const struct wire_addr *to,
		  unsigned *count)
{
	uint8_t open[1 + WIRE_PATH_MAX + WIRE_OPEN_SIZE];
	size_t len;

	if (!ts->guest || ts->count >= WIRE_STREAMS_MAX) {
		if (ts->guest)
			log_limited(&ts->limit, "more than %u connections to the guest: refused", WIRE_STREAMS_MAX);
		return false;
	}
	t->kind = kind;
	t->ts = ts;
	t->id = free_id(ts);
	t->may_send = t->may_receive = t->window = WIRE_CREDIT;
	t->count = count;
	if (count)
		++*count;
	t->next_in_bucket = NULL;
	*place_of(ts, t->id) = t;
	ts->count++;
	len = wire_open_put(open, to);
	tunnel_send(ts, WIRE_OPEN, t->id, open, (uint32_t)len);
	return true;
}

void tunnel_end(struct tunnel *t, bool cut)
{
	leave_queue(t);
	*place_of(t->ts, t->id) = t->next_in_bucket;
	t->ts->count--;
	if (t->count)
		--*t->count;
	t->kind->close(t, cut);
}

void tunnel_reset(struct tunnel *t)
{
	tunnel_send(t->ts, WIRE_RESET, t->id, NULL, 0);
	tunnel_end(t, true);
}

bool tunnel_finish(struct tunnel *t)
{
	if (!t->eof_sent || !t->eof_guest || t->kind->buffered(t))
		return false;
	tunnel_end(t, false);
	return true;
}

static size_t all_buffered(const struct tunnels *ts)
{
	size_t sum = 0;

	for (int i = 0; i < BUCKETS; i++)
		for (const struct tunnel *t = ts->bucket[i]; t; t = t->next_in_bucket)
			sum += t->kind->buffered(t);
	return sum;
}

/* Tops the guest's credit up when a quarter of the window has become free; the window of a stream whose reader keeps up
 * grows. */
void tunnel_credit(struct tunnel *t)
{
	size_t held = t->kind->buffered(t);
	uint32_t more;
	uint8_t p[4];

	if (t->eof_guest || held + t->may_receive > t->window - t->window / 4)
		return;
	if (held == 0 && t->window < WIRE_CREDIT_MAX && all_buffered(t->ts) < TUNNEL_BUFFERED_MAX)
		t->window *= 2;
	more = t->window - (uint32_t)held - t->may_receive;
	wire_put32(p, more);
	tunnel_send(t->ts, WIRE_CREDIT_MORE, t->id, p, sizeof(p));
	t->may_receive += more;
}

/* ---- frames ---- */

static void on_opened(struct tunnel *t, const struct wire_frame *f)
{
	uint32_t error = f->len == 4 ? wire_get32(f->payload) : 0;

	if (f->len != 4 || t->opened) {
		tunnel_reset(t);
		return;
	}
	t->opened = true;
	if (error)
		tunnel_end(t, true);
}

static void on_data(struct tunnel *t, const struct wire_frame *f)
{
	if (!t->opened || t->eof_guest || f->len > t->may_receive) {
		log_limited(&t->ts->limit, "the guest agent sent what it may not on a connection, which is closed");
		tunnel_reset(t);
		return;
	}
	t->may_receive -= f->len;
	if (t->kind->data(t, f->payload, f->len))
		tunnel_credit(t);
	else
		tunnel_reset(t);
}

static void on_eof(struct tunnel *t, const struct wire_frame *f)
{
	(void)f;
	if (t->eof_guest)
		return;
	t->eof_guest = true;
	t->kind->eof(t);
	tunnel_finish(t);
}

static void on_reset(struct tunnel *t, const struct wire_frame *f)
{
	(void)f;
	tunnel_end(t, true);
}

static void on_credit(struct tunnel *t, const struct wire_frame *f)
{
	uint32_t more = f->len == 4 ? wire_get32(f->payload) : UINT32_MAX;

	if (more > WIRE_CREDIT_MAX || t->may_send + more > 2 * WIRE_CREDIT_MAX) {
		tunnel_reset(t);
		return;
	}
	t->may_send += more;
	tunnel_wants(t);
}

void tunnels_frame(struct tunnels *ts, const struct wire_frame *f)
{
	static void (*const handlers[])(struct tunnel *t, const struct wire_frame *f) = {
		[WIRE_OPENED] = on_opened, [WIRE_DATA] = on_data, [WIRE_EOF] = on_eof,
		[WIRE_RESET] = on_reset, [WIRE_CREDIT_MORE] = on_credit,
	};
	struct tunnel *t = *place_of(ts, f->stream);

	if (ts->guest && t && f->type < sizeof(handlers) / sizeof(handlers[0]) && handlers[f->type])
		handlers[f->type](t, f);
}

/* ---- the channel ---- */

struct tunnels *tunnels_new(struct event_base *base)
{
	struct tunnels *ts = xcalloc(1, sizeof(*ts));

	ts->base = base;
	ts->queue_end = &ts->queue;
	ts->stage = evbuffer_new();
	ts->pump = event_new(base, -1, 0, on_pump, ts);
	return ts;
}

void tunnels_up(struct tunnels *ts, struct bufferevent *guest)
{
	tunnels_down(ts);
	ts->guest = guest;
	bufferevent_set_max_single_read(guest, IO_SIZE);
	bufferevent_set_max_single_write(guest, IO_SIZE);
	ts->on_out = evbuffer_add_cb(bufferevent_get_output(guest), on_out, ts);
}

void tunnels_down(struct tunnels *ts)
{
	if (!ts->guest)
		return;
	evbuffer_remove_cb_entry(bufferevent_get_output(ts->guest), ts->on_out);
	evbuffer_drain(ts->stage, evbuffer_get_length(ts->stage));
	ts->guest = NULL;
	for (int i = 0; i < BUCKETS; i++)
		while (ts->bucket[i])
			tunnel_end(ts->bucket[i], true);
}

void tunnels_free(struct tunnels *ts)
{
	if (!ts)
		return;
	tunnels_down(ts);
	event_free(ts->pump);
	evbuffer_free(ts->stage);
	free(ts);
}
