/* stream - see stream.h. */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "dial.h"

enum {
	BUCKETS = 256,
	CHUNKS_A_TURN = 32,  /* then the host may speak */
	QUESTION_MAX = 4096, /* bytes at once that may be a question and not a part of a long transfer */
	DATAGRAM = 65536,    /* room for the largest one */
	BUFFERED_MAX = 8 << 20, /* of all streams together; beyond it no stream is given more than its first credit */
};

struct stream {
	struct source src;
	uint32_t id;
	bool datagram;
	bool connecting, opened; /* `opened`: OPENED was sent */
	bool readable;           /* there may be more to read */
	bool hung_up;            /* an end is among it, which is no news any more */
	bool eof_in, eof_out;    /* the socket has no more; the host has no more */
	bool eof_sent, dead;     /* dead: RESET is still to be sent */
	uint32_t may_send;       /* the credit that the host gave us */
	uint32_t may_receive;    /* what is left of that which it has from us */
	uint32_t window;         /* how much we like to have on the way */
	uint32_t owed;           /* taken by the socket, not given back as credit yet */
	struct buf pending;      /* from the host, not taken by the socket yet */
	bool queued;
	struct stream *next_in_bucket, *next_in_queue;
};

static struct stream *buckets[BUCKETS];
static struct stream *queue, **queue_end = &queue;
static unsigned count;
static size_t buffered;

static struct stream **place_of(uint32_t id)
{
	struct stream **p = &buckets[id % BUCKETS];

	while (*p && (*p)->id != id)
		p = &(*p)->next_in_bucket;
	return p;
}

static void enqueue(struct stream *s)
{
	if (s->queued)
		return;
	s->queued = true;
	s->next_in_queue = NULL;
	*queue_end = s;
	queue_end = &s->next_in_queue;
}

static struct stream *dequeue(void)
{
	struct stream *s = queue;

	queue = s->next_in_queue;
	if (!queue)
		queue_end = &queue;
	s->queued = false;
	return s;
}

static void take_from_queue(struct stream *s)
{
	struct stream **p = &queue;

	if (!s->queued)
		return;
	while (*p != s)
		p = &(*p)->next_in_queue;
	*p = s->next_in_queue;
	if (!*p)
		queue_end = p;
}

static void forget_pending(struct stream *s)
{
	buffered -= s->pending.len;
	buf_free(&s->pending);
}

static void destroy(struct stream *s)
{
	*place_of(s->id) = s->next_in_bucket;
	take_from_queue(s);
	loop_close(&s->src);
	forget_pending(s);
	free(s);
	count--;
}

/* Closing so that the other end of the socket learns that something was cut off. */
static void abort_socket(struct stream *s)
{
	struct linger now = { .l_onoff = 1 };

	if (s->src.fd >= 0)
		setsockopt(s->src.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loop_close(&s->src);
}

/* The stream is over on our side; the host hears it when there is room. */
static void fail(struct stream *s)
{
	abort_socket(s);
	forget_pending(s);
	s->dead = true;
	enqueue(s);
}

static void settle_window(struct stream *s, uint32_t n)
{
	s->owed += n;
	if (s->owed >= s->window / 4)
		enqueue(s);
}

/* Gives the socket what waits for it. */
static void write_pending(struct stream *s)
{
	size_t done = 0;

	while (done < s->pending.len) {
		ssize_t n = send(s->src.fd, s->pending.data + done, s->pending.len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			fail(s);
			return;
		}
		if (n < 0)
			break;
		done += (size_t)n;
	}
	buffered -= done;
	buf_eat(&s->pending, done);
	if (s->pending.len == 0)
		buf_free(&s->pending);
	settle_window(s, (uint32_t)done);
	if (s->pending.len == 0 && s->eof_out) {
		shutdown(s->src.fd, SHUT_WR);
		enqueue(s);
	}
}

static int socket_error(int fd)
{
	int e = 0;
	socklen_t len = sizeof(e);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	return e;
}

static void answer_open(struct channel *c, uint32_t id, int error)
{
	uint8_t p[4];

	wire_put32(p, (uint32_t)error);
	channel_send(c, WIRE_OPENED, id, p, sizeof(p));
}

static void socket_ready(struct source *src, uint32_t events)
{
	struct stream *s = (struct stream *)((char *)src - offsetof(struct stream, src));
	int error = (events & EPOLLERR) ? socket_error(src->fd) : 0;

	if (s->datagram)
		error = 0; /* nobody listens now: somebody may, later */
	if (error && !s->connecting) {
		fail(s);
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->hung_up = true;
	if (s->connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
		s->connecting = false;
		s->dead = error != 0;
		s->window = error ? (uint32_t)error : s->window; /* until it is told, see say_opened */
	}
	enqueue(s);
}

static void on_open(struct channel *c, const struct wire_frame *f)
{
	struct wire_addr to;
	struct stream *s;
	bool pending;
	int fd;

	if (*place_of(f->stream) || f->stream == 0)
		return;
	if (wire_open_get(f->payload, f->len, &to) < 0 || count >= WIRE_STREAMS_MAX) {
		answer_open(c, f->stream, count >= WIRE_STREAMS_MAX ? EMFILE : EINVAL);
		return;
	}
	fd = dial(&to, &c->peer, &pending);
	if (fd < 0) {
		answer_open(c, f->stream, errno);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->id = f->stream;
	s->src.ready = socket_ready;
	s->datagram = to.proto == WIRE_UDP;
	s->connecting = pending;
	s->may_send = s->may_receive = s->window = WIRE_CREDIT;
	if (loop_add(&s->src, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP) < 0) {
		answer_open(c, f->stream, errno);
		close(fd);
		free(s);
		return;
	}
	*place_of(s->id) = s;
	count++;
	enqueue(s);
	loop_expect();
}

static void on_data(struct stream *s, const uint8_t *p, uint32_t n)
{
	ssize_t done = 0;

	if (n > s->may_receive || s->eof_out) { /* more than it was allowed to */
		fail(s);
		return;
	}
	s->may_receive -= n;
	if (s->datagram) {
		if (!s->connecting && send(s->src.fd, p, n, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
			send(s->src.fd, p, n, MSG_NOSIGNAL); /* that was the answer to the one before */
		loop_expect();
		settle_window(s, n);
		return;
	}
	if (!s->connecting && s->pending.len == 0)
		done = send(s->src.fd, p, n, MSG_NOSIGNAL);
	if (n <= QUESTION_MAX)
		loop_expect();
	if (done < 0 && errno != EAGAIN && errno != EINTR) {
		fail(s);
		return;
	}
	if (done < 0)
		done = 0;
	buf_add(&s->pending, p + done, n - (size_t)done);
	buffered += n - (size_t)done;
	settle_window(s, (uint32_t)done);
}

static void on_eof(struct stream *s)
{
	s->eof_out = true;
	s->eof_in = s->eof_in || s->datagram; /* nobody is left to read an answer, and the socket knows no end */
	if (!s->connecting && s->pending.len == 0)
		shutdown(s->src.fd, SHUT_WR);
	enqueue(s);
}

static void on_credit(struct stream *s, uint32_t more)
{
	if (more > WIRE_CREDIT_MAX || s->may_send + more > 2 * WIRE_CREDIT_MAX)
		fail(s);
	else if ((s->may_send += more) > 0 && s->readable)
		enqueue(s);
}

void stream_frame(struct channel *c, const struct wire_frame *f)
{
	struct stream *s = *place_of(f->stream);

	if (f->type == WIRE_OPEN)
		on_open(c, f);
	else if (!s || s->dead)
		return;
	else if (f->type == WIRE_DATA)
		on_data(s, f->payload, f->len);
	else if (f->type == WIRE_EOF)
		on_eof(s);
	else if (f->type == WIRE_CREDIT_MORE && f->len == 4)
		on_credit(s, wire_get32(f->payload));
	else if (f->type == WIRE_RESET) {
		abort_socket(s);
		destroy(s);
	}
}

/* ---- what streams say to the host ---- */

/* Credit for what the socket took; a stream whose socket keeps up is given twice as much to have on the way. */
static void give_credit(struct channel *c, struct stream *s)
{
	uint8_t p[4];
	uint32_t more = s->owed;

	if (s->owed < s->window / 4 || s->eof_out)
		return;
	if (s->pending.len == 0 && s->window < WIRE_CREDIT_MAX && buffered < BUFFERED_MAX) {
		more += s->window;
		s->window *= 2;
	}
	wire_put32(p, more);
	if (!channel_send(c, WIRE_CREDIT_MORE, s->id, p, sizeof(p)))
		return;
	s->may_receive += more;
	s->owed = 0;
}

/* One chunk from the socket. False: nothing was there, or it may not be sent. */
static bool read_chunk(struct channel *c, struct stream *s)
{
	size_t most = s->datagram ? DATAGRAM : s->may_send < WIRE_CHUNK ? s->may_send : WIRE_CHUNK;
	ssize_t n;

	if (!s->readable || s->eof_in || s->may_send == 0)
		return false;
	n = recv(s->src.fd, channel_reserve(c, most), most, 0);
	if (n > 0 || (n == 0 && s->datagram)) {
		s->may_send -= (uint32_t)n < s->may_send ? (uint32_t)n : s->may_send;
		channel_commit(c, WIRE_DATA, s->id, (size_t)n);
		/* Less than was asked for was all of a byte stream; what comes from now on is told by the loop. */
		if (!s->datagram && (size_t)n < most && !s->hung_up)
			s->readable = false;
		return s->readable;
	}
	if (n == 0)
		s->eof_in = true;
	else if (s->datagram && errno == ECONNREFUSED)
		return true;
	else if (errno == EAGAIN)
		s->readable = false;
	else if (errno != EINTR)
		fail(s);
	return n < 0 && errno == EINTR;
}

/* OPENED, with the reason when it was not. */
static bool say_opened(struct channel *c, struct stream *s)
{
	s->opened = true;
	answer_open(c, s->id, s->dead ? (int)s->window : 0);
	if (!s->dead) {
		write_pending(s);
		return true;
	}
	destroy(s);
	return false;
}

/* All that the stream has to say now, at most one chunk of data. False: it is gone. */
static bool speak(struct channel *c, struct stream *s, bool *more)
{
	*more = false;
	if (s->connecting)
		return true;
	if (!s->opened && !say_opened(c, s))
		return false;
	if (!s->dead && s->pending.len)
		write_pending(s);
	if (!s->dead) {
		give_credit(c, s);
		*more = read_chunk(c, s);
	}
	if (s->dead) {
		channel_send(c, WIRE_RESET, s->id, NULL, 0);
		destroy(s);
		return false;
	}
	if (s->eof_in && !s->eof_sent)
		s->eof_sent = channel_send(c, WIRE_EOF, s->id, NULL, 0);
	if (!s->eof_sent || !s->eof_out || s->pending.len)
		return true;
	destroy(s);
	return false;
}

bool stream_pump(struct channel *c)
{
	int turn = 0;

	while (queue && turn++ < CHUNKS_A_TURN && channel_room_data(c, DATAGRAM)) {
		struct stream *s = dequeue();
		bool more;

		if (speak(c, s, &more) && more)
			enqueue(s);
	}
	return queue && channel_room_data(c, DATAGRAM);
}

bool stream_waiting(void)
{
	return queue != NULL;
}

void stream_close_all(void)
{
	for (int i = 0; i < BUCKETS; i++)
		while (buckets[i]) {
			abort_socket(buckets[i]);
			destroy(buckets[i]);
		}
}
