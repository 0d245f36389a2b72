/* pause - a listener that rests when a connection cannot be accepted.
 *
 * Mostly there are no descriptors left then. The connection stays in the queue of the kernel, so a loop that went on would spin.
 */
#ifndef LOOP_PAUSE_H
#define LOOP_PAUSE_H

#include <event2/event.h>

#define PAUSE_S 1

struct evconnlistener;
struct pause;

/* Whoever accepts on `l` stays the same: a callback, or evhttp. It will not block from now on. `name` says in messages what it
 * listens on and has to stay; `say` is called with each message. */
struct pause *pause_new(struct event_base *base, struct evconnlistener *l, const char *name, void (*say)(const char *message));
/* Before or after the listener is freed, but with nothing of the loop run in between. NULL is fine. */
void pause_free(struct pause *p);

#endif
