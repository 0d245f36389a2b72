/* ask - see ask.h. */
#include "ask.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "unixsock.h"

#define HEAD_MAX 8192

struct ask {
	struct bufferevent *bev;
	struct buf head, body;
	int status; /* -1: not known yet */
	void (*line)(void *arg, const char *line);
	void (*done)(void *arg, int status, const char *body);
	void *arg;
	bool calling, cancelled; /* cancelled by who is called with a line: freed behind it */
};

static void ask_free(struct ask *k)
{
	bufferevent_free(k->bev);
	buf_free(&k->head);
	buf_free(&k->body);
	free(k);
}

static void end(struct ask *k, int status)
{
	void (*done)(void *, int, const char *) = k->done;
	struct buf body = k->body;
	void *arg = k->arg;

	k->body = (struct buf){ 0 };
	ask_free(k);
	done(arg, status, buf_str(&body));
	buf_free(&body);
}

/* Lines of the head until the empty one. false: it is no answer. */
static bool read_head(struct ask *k, struct evbuffer *in)
{
	size_t n;
	char *line;

	while (k->status < 0 && (line = evbuffer_readln(in, &n, EVBUFFER_EOL_CRLF)) != NULL) {
		bool first = !k->head.len, empty = n == 0;

		if (k->head.len + n < HEAD_MAX)
			buf_addf(&k->head, "%s\n", line);
		free(line);
		if (first && strncmp(buf_str(&k->head), "HTTP/1.", 7) != 0)
			return false;
		if (empty && sscanf(buf_str(&k->head), "HTTP/1.%*d %d", &k->status) != 1)
			return false;
	}
	return k->status >= 0 || evbuffer_get_length(in) < HEAD_MAX;
}

static bool read_lines(struct ask *k, struct evbuffer *in)
{
	bool fine = true;
	char *line;

	k->calling = true;
	while (!k->cancelled && (line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF)) != NULL) {
		k->line(k->arg, line);
		free(line);
	}
	k->calling = false;
	if (k->cancelled)
		ask_free(k);
	else
		fine = evbuffer_get_length(in) < ASK_LINE_MAX;
	return fine;
}

static bool read_body(struct ask *k, struct evbuffer *in)
{
	size_t n = evbuffer_get_length(in);

	if (k->body.len + n > ASK_BODY_MAX)
		return false;
	buf_add(&k->body, evbuffer_pullup(in, -1), n);
	evbuffer_drain(in, n);
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct ask *k = arg;
	bool fine = k->status >= 0 || read_head(k, in);

	if (fine && k->status >= 0)
		fine = k->line && k->status == 200 ? read_lines(k, in) : read_body(k, in);
	if (!fine)
		end(k, -1);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct ask *k = arg;

	(void)bev;
	end(k, what & BEV_EVENT_EOF ? k->status : -1);
}

struct ask *ask_start(struct event_base *base, const struct ask_spec *spec)
{
	struct timeval limit = { .tv_sec = ASK_S };
	struct err ignored = { 0 };
	int fd = unixsock_connect(spec->socket, 0, &ignored);
	struct ask *k;

	if (fd < 0)
		return NULL;
	k = xcalloc(1, sizeof(*k));
	*k = (struct ask){ .status = -1, .line = spec->line, .done = spec->done, .arg = spec->arg };
	k->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(k->bev, on_read, NULL, on_event, k);
	if (!spec->line)
		bufferevent_set_timeouts(k->bev, &limit, &limit);
	evbuffer_add_printf(bufferevent_get_output(k->bev), "%s %s HTTP/1.0\r\nHost: lima\r\nContent-Length: %zu\r\n\r\n%s",
			    spec->method, spec->path, spec->body ? strlen(spec->body) : 0, spec->body ? spec->body : "");
	bufferevent_enable(k->bev, EV_READ | EV_WRITE);
	return k;
}

void ask_cancel(struct ask *k)
{
	if (k && k->calling)
		k->cancelled = true;
	else if (k)
		ask_free(k);
}
