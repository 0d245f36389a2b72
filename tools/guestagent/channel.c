/* channel - see channel.h. */
#include "channel.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { PORT_BUFFER = 4096 }; /* the virtio driver reads no more at once */

int channel_start(struct channel *c, int fd, bool port, const char *name, void (*ready)(struct source *, uint32_t))
{
	c->src.ready = ready;
	c->port = port;
	c->name = name;
	c->up = !port;
	channel_forget(c);
	c->watched = EPOLLIN | EPOLLRDHUP | EPOLLET;
	if (loop_add(&c->src, fd, c->watched) == 0)
		return 0;
	close(fd);
	return -1;
}

void channel_stop(struct channel *c)
{
	loop_close(&c->src);
	c->up = false;
	channel_forget(c);
}

void channel_forget(struct channel *c)
{
	wire_reset(&c->in);
	c->readable = false;
	c->skipped = 0;
	c->head = c->tail = c->torn = 0;
}

/* Level-triggered while the host is there, so that a short message costs one read and not a second one that finds nothing;
 * and without EPOLLOUT while nothing is queued, as a virtio port says "writable" after each write. */
void channel_watch(struct channel *c, bool more)
{
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET;

	if (c->up)
		events = (more ? EPOLLIN | EPOLLRDHUP : 0u) | (c->head < c->tail ? EPOLLOUT : 0u);
	if (c->src.fd >= 0 && events != c->watched)
		loop_change(&c->src, events);
	c->watched = events;
}

static size_t room(const struct channel *c)
{
	return sizeof(c->out) - (c->tail - c->head);
}

bool channel_room(const struct channel *c, size_t len)
{
	return c->up && room(c) >= WIRE_HEADER + len;
}

bool channel_room_data(const struct channel *c, size_t len)
{
	return channel_room(c, len + CHANNEL_RESERVE);
}

uint8_t *channel_reserve(struct channel *c, size_t len)
{
	if (sizeof(c->out) - c->tail < WIRE_HEADER + len) {
		memmove(c->out, c->out + c->head, c->tail - c->head);
		c->tail -= c->head;
		c->head = 0;
	}
	return c->out + c->tail + WIRE_HEADER;
}

void channel_commit(struct channel *c, uint8_t type, uint32_t stream, size_t len)
{
	wire_header(c->out + c->tail, type, stream, (uint32_t)len);
	c->tail += WIRE_HEADER + len;
}

bool channel_send(struct channel *c, uint8_t type, uint32_t stream, const void *payload, size_t len)
{
	if (!channel_room(c, len))
		return false;
	if (len)
		memcpy(channel_reserve(c, len), payload, len);
	else
		channel_reserve(c, 0);
	channel_commit(c, type, stream, len);
	return true;
}

/* How much to write next. The virtio driver makes one buffer of each write, at most 32 KiB: when those hold whole
 * frames, an agent that is killed leaves no half frame behind for the next one to be mistaken for. */
static size_t next_write(const struct channel *c)
{
	size_t n = c->torn;

	while (c->head + n < c->tail) {
		size_t frame = WIRE_HEADER + wire_get32(c->out + c->head + n + 12);

		if (n && n + frame > WIRE_HEADER + WIRE_CHUNK)
			break;
		n += frame;
	}
	return n;
}

int channel_flush(struct channel *c)
{
	while (c->up && c->head < c->tail) {
		size_t n = next_write(c);
		ssize_t w = write(c->src.fd, c->out + c->head, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return errno == EAGAIN ? 0 : -1;
		c->head += (size_t)w;
		c->torn = n - (size_t)w;
	}
	if (c->head == c->tail)
		c->head = c->tail = 0;
	return 0;
}

int channel_read(struct channel *c)
{
	size_t space;
	uint8_t *p = wire_space(&c->in, &space);
	ssize_t n;

	do
		n = read(c->src.fd, p, space);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		wire_fed(&c->in, (size_t)n);
	if (n < (ssize_t)(space < PORT_BUFFER ? space : PORT_BUFFER)) /* what may have come since is told by the loop */
		c->readable = false;
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	/* The end of a socket; on a virtio port it only says that nobody is on the other side at the moment. */
	return n > 0 ? 1 : c->port ? 0 : -1;
}
