/* pause - see pause.h. */
#include "pause.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

struct pause {
	struct evconnlistener *listener;
	struct event *resume;
	const char *name;
	void (*say)(const char *message);
	struct pause *next;
};

/* The argument of a listener's error callback is that of who accepts, evhttp's own for one, so this one is found by its listener. */
static struct pause *all;

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct pause *p = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(p->listener);
}

static void on_error(struct evconnlistener *l, void *arg)
{
	struct timeval t = { .tv_sec = PAUSE_S };
	int saved = errno;
	struct pause *p;
	char *message;

	(void)arg;
	for (p = all; p && p->listener != l; p = p->next)
		;
	if (!p)
		return;
	message = xasprintf("cannot accept a connection on %s: %s", p->name, strerror(saved));
	p->say(message);
	free(message);
	evconnlistener_disable(l);
	evtimer_add(p->resume, &t);
}

struct pause *pause_new(struct event_base *base, struct evconnlistener *l, const char *name, void (*say)(const char *message))
{
	struct pause *p = xcalloc(1, sizeof(*p));

	*p = (struct pause){ .listener = l, .name = name, .say = say, .next = all };
	all = p;
	p->resume = evtimer_new(base, on_resume, p);
	evutil_make_socket_nonblocking(evconnlistener_get_fd(l));
	evconnlistener_set_error_cb(l, on_error);
	return p;
}

void pause_free(struct pause *p)
{
	struct pause **at = &all;

	if (!p)
		return;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	event_free(p->resume);
	free(p);
}
