/* loop - one epoll set, a few timers, and work that is done after each round of events.
 *
 * Sources are edge-triggered unless they say otherwise: one must remember what it could not finish. That is what lets a
 * virtio port whose host end is gone (which is "readable" for as long as that lasts) sleep instead of spinning.
 */
#ifndef GUESTAGENT_LOOP_H
#define GUESTAGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor and who is called when something happens to it. `fd` is -1 while it is not in the loop. */
struct source {
	void (*ready)(struct source *s, uint32_t events);
	int fd;
};

/* A timer; zeroed = not armed. Belongs to its owner and must stay in place. */
struct timer {
	void (*fire)(struct timer *t);
	int64_t due; /* loop_now() at which to fire, 0 = not armed */
	struct timer *next;
	bool listed;
};

/* Milliseconds that never jump. */
int64_t loop_now(void);

/* Starts the loop's descriptor. Returns -1 with errno. */
int loop_open(void);
/* Adds fd with the given epoll events (EPOLLET is added). Returns -1 with errno; then s->fd is -1 and fd the caller's.
 * */
int loop_add(struct source *s, int fd, uint32_t events);
/* Waits for other events from now on; EPOLLET is not added. */
void loop_change(struct source *s, uint32_t events);
/* Removes a source and closes its descriptor. Safe at any time, also from its own `ready`; harmless when it is not in.
 * */
void loop_close(struct source *s);

/* Fires `ms` from now, or keeps an earlier time that is set already. */
void timer_set(struct timer *t, void (*fire)(struct timer *), int64_t ms);
void timer_clear(struct timer *t);

/* An answer may come at once: the loop looks for it a while before it sleeps, as going to sleep and being woken takes longer than
 * many a server, with emulated CPUs most of all. Nothing is looked for when this was not called since the last sleep. */
void loop_expect(void);
/* Waits for events once and hands them out. `busy`: there is more work, so do not wait. */
void loop_once(bool busy);

#endif
