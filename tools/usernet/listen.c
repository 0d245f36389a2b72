/* listen - see listen.h. */
#include "listen.h"

#include <errno.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "port.h"

enum { BACKLOG = 64, PAUSE_S = 1 };

struct port_listener {
	struct evconnlistener *listener;
	struct event *resume;
	bool wrapped;
	void (*fn)(void *arg, int fd);
	void *arg;
};

int unix_listen(const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t old;
	int fd, r;

	if (snprintf(un.sun_path, sizeof(un.sun_path), "%s", path) >= (int)sizeof(un.sun_path))
		return err_set(e, EXIT_USAGE, "%s: longer than the %zu bytes that the path of a socket can have", path,
			       sizeof(un.sun_path) - 1);
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return err_set(e, EXIT_CANTCREATE, "%s is in the way: it is not a socket; remove it", path);
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a socket");
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(old);
	if (r < 0 || listen(fd, BACKLOG) < 0) {
		err_sys(e, EXIT_CANTCREATE, "cannot listen on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct port_listener *p = arg;

	(void)l;
	(void)from;
	(void)len;
	p->fn(p->arg, fd);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(((struct port_listener *)arg)->listener);
}

/* The connection stays in the queue of the kernel, so without a pause the loop would spin. evhttp keeps the argument of its
 * listener for itself, so that this one takes what is wrapped from here. */
static struct port_listener *wrapped;

static void on_error(struct evconnlistener *l, void *arg)
{
	struct port_listener *p = wrapped && wrapped->listener == l ? wrapped : arg;
	struct timeval t = { .tv_sec = PAUSE_S };

	warn_msg("cannot accept a connection: %s", strerror(errno));
	evconnlistener_disable(l);
	evtimer_add(p->resume, &t);
}

struct port_listener *port_listener_new(struct event_base *base, int fd, void (*fn)(void *arg, int fd), void *arg)
{
	struct port_listener *p = xcalloc(1, sizeof(*p));

	p->fn = fn;
	p->arg = arg;
	p->listener = evconnlistener_new(base, on_accept, p, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	p->resume = evtimer_new(base, on_resume, p);
	evconnlistener_set_error_cb(p->listener, on_error);
	return p;
}

struct port_listener *port_listener_wrap(struct event_base *base, struct evconnlistener *l)
{
	struct port_listener *p = xcalloc(1, sizeof(*p));

	p->listener = l;
	p->resume = evtimer_new(base, on_resume, p);
	p->wrapped = true;
	wrapped = p;
	evconnlistener_set_error_cb(l, on_error);
	return p;
}

void port_listener_free(struct port_listener *p)
{
	if (!p)
		return;
	if (p->wrapped)
		wrapped = NULL;
	else
		evconnlistener_free(p->listener);
	event_free(p->resume);
	free(p);
}
