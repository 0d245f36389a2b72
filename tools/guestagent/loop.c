/* loop - see loop.h. libevent would be ten times the rest of this program. */
#include "loop.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	LOOKS = 150, /* for an answer, before we sleep: about a third of a millisecond under emulation, less without */
};

static int epoll_fd = -1;
static struct epoll_event batch[BATCH];
static int batch_size, looks;
static struct timer *timers;

int64_t loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1;
}

int loop_open(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd < 0 ? -1 : 0;
}

int loop_add(struct source *s, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events | EPOLLET, .data.ptr = s };

	s->fd = -1;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -1;
	s->fd = fd;
	return 0;
}

void loop_change(struct source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, s->fd, &ev);
}

/* Events of this round that are still to be handed out must not reach a source that is gone. */
void loop_close(struct source *s)
{
	if (s->fd < 0)
		return;
	for (int i = 0; i < batch_size; i++)
		if (batch[i].data.ptr == s)
			batch[i].data.ptr = NULL;
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->fd = -1;
}

void timer_set(struct timer *t, void (*fire)(struct timer *), int64_t ms)
{
	int64_t due = loop_now() + ms;

	t->fire = fire;
	if (!t->due || t->due > due)
		t->due = due;
	if (t->listed)
		return;
	t->listed = true;
	t->next = timers;
	timers = t;
}

void timer_clear(struct timer *t)
{
	t->due = 0;
}

/* Without asking for the time: that can be a trap into the hypervisor. 0: no timer is set. */
static int64_t first_due(void)
{
	int64_t first = 0;

	for (struct timer *t = timers; t; t = t->next)
		if (t->due && (!first || t->due < first))
			first = t->due;
	return first;
}

static int wait_time(void)
{
	int64_t first = first_due(), left;

	if (!first)
		return -1;
	left = first - loop_now();
	return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void fire_due(void)
{
	int64_t now = first_due() ? loop_now() : 0;

	for (struct timer *t = now ? timers : NULL; t; t = t->next) {
		if (!t->due || t->due > now)
			continue;
		t->due = 0;
		t->fire(t);
	}
}

void loop_expect(void)
{
	looks = LOOKS;
}

void loop_once(bool busy)
{
	batch_size = epoll_wait(epoll_fd, batch, BATCH, busy || looks ? 0 : wait_time());
	if (batch_size == 0 && looks) {
		looks--;
		sched_yield(); /* whoever is to answer may be waiting for this very CPU */
	}
	for (int i = 0; i < batch_size; i++) {
		struct source *s = batch[i].data.ptr;

		if (s)
			s->ready(s, batch[i].events);
	}
	batch_size = 0;
	fire_due();
}
