/* httpd - see httpd.h. */
#include "httpd.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "pause.h"
#include "unixsock.h"
#include "utf8.h"

#define HEADERS_MAX 8192
#define IDLE_S 30
#define FOLLOW_S 100000000 /* who follows may be silent: for ever. (-1 would mean libevent's own 50 seconds.) */
#define LAG_MAX (1u << 20) /* bytes that one may be behind */
#define FLUSH_ROUNDS 16

/* All methods, so that a wrong one is answered by us. */
#define METHODS                                                                                                               \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | \
	 EVHTTP_REQ_PATCH)

struct follower {
	struct evhttp_request *req;
	struct evhttp_connection *conn;
	struct follower *next;
};

struct held {
	struct evhttp_request *req;
	int what;
	struct held *next;
};

struct httpd {
	struct httpd_spec spec;
	struct event_base *base;
	const char *path;
	struct evhttp *server;
	struct pause *pause;
	struct held *held;
	struct follower *followers;
};

/* --- answers --- */

void httpd_reply(struct evhttp_request *req, int code, const char *json)
{
	struct evbuffer *body = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/json");
	evbuffer_add_printf(body, "%s\n", json);
	evhttp_send_reply(req, code, NULL, body);
	evbuffer_free(body);
}

void httpd_reply_free(struct evhttp_request *req, int code, char *json)
{
	httpd_reply(req, code, json);
	free(json);
}

void httpd_error(struct evhttp_request *req, int code, const char *message)
{
	struct buf b = { 0 };

	buf_adds(&b, "{\"message\":");
	json_string(&b, message);
	buf_addc(&b, '}');
	httpd_reply(req, code, buf_str(&b));
	buf_free(&b);
}

/* --- later --- */

void httpd_hold(struct httpd *h, struct evhttp_request *req, int what)
{
	struct held *new = xcalloc(1, sizeof(*new));

	*new = (struct held){ req, what, h->held };
	h->held = new;
}

void httpd_release(struct httpd *h, struct evhttp_request *req)
{
	struct held **at = &h->held, *gone;

	while (*at && (*at)->req != req)
		at = &(*at)->next;
	gone = *at;
	if (gone)
		*at = gone->next;
	free(gone);
}

struct evhttp_request *httpd_held(const struct httpd *h, int what)
{
	for (const struct held *at = h->held; at; at = at->next)
		if (at->what == what)
			return at->req;
	return NULL;
}

static bool is_held(const struct httpd *h, const struct evhttp_request *req)
{
	for (const struct held *at = h->held; at; at = at->next)
		if (at->req == req)
			return true;
	return false;
}

/* --- streams --- */

static void forget(struct httpd *h, struct follower *gone)
{
	struct follower **at = &h->followers;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	free(gone);
}

/* The connection is about to be freed. When the client ended it, the request was taken from it and is ours to free. */
static void on_follower_gone(struct evhttp_connection *conn, void *arg)
{
	struct httpd *h = arg;

	for (struct follower *f = h->followers; f; f = f->next) {
		if (f->conn != conn)
			continue;
		if (!evhttp_request_get_connection(f->req))
			evhttp_request_free(f->req);
		forget(h, f);
		return;
	}
}

void httpd_follow(struct httpd *h, struct evhttp_request *req)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);
	struct follower *f = xcalloc(1, sizeof(*f));

	*f = (struct follower){ req, conn, h->followers };
	h->followers = f;
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/jsonl");
	evhttp_add_header(evhttp_request_get_output_headers(req), "Cache-Control", "no-store");
	evhttp_connection_set_closecb(conn, on_follower_gone, h);
	evhttp_connection_set_timeout(conn, FOLLOW_S);
	evhttp_send_reply_start(req, HTTP_OK, NULL);
}

void httpd_send(struct evhttp_request *req, const char *line)
{
	struct evbuffer *b = evbuffer_new();

	evbuffer_add(b, line, strlen(line));
	evhttp_send_reply_chunk(req, b);
	evbuffer_free(b);
}

static bool lags(const struct follower *f)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(f->conn);

	return evbuffer_get_length(bufferevent_get_output(bev)) > LAG_MAX;
}

void httpd_send_all(struct httpd *h, const char *line)
{
	for (struct follower *f = h->followers, *next; f; f = next) {
		next = f->next;
		if (lags(f)) {
			h->spec.say("one who follows the events reads too slowly and was dropped");
			evhttp_connection_free(f->conn); /* on_follower_gone follows */
		} else {
			httpd_send(f->req, line);
		}
	}
}

/* --- the server --- */

static void on_request(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const struct httpd *h = arg;

	if (is_held(h, req))
		return;
	for (size_t i = 0; path && i < h->spec.n; i++) {
		const struct httpd_route *r = &h->spec.routes[i];

		if (strcmp(path, r->path) != 0)
			continue;
		if (evhttp_request_get_command(req) == r->method) {
			r->fn(req, h->spec.arg);
			return;
		}
		evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", r->method == EVHTTP_REQ_GET ? "GET" : "POST");
		httpd_error(req, HTTP_BADMETHOD, "this path does not know that method");
		return;
	}
	httpd_error(req, HTTP_NOTFOUND, "there is nothing under that path");
}

struct httpd *httpd_new(struct event_base *base, const char *path, const struct httpd_spec *spec, struct err *e)
{
	int fd = unixsock_listen(path, e);
	struct evconnlistener *l;
	struct httpd *h;

	if (fd < 0)
		return NULL;
	h = xcalloc(1, sizeof(*h));
	h->spec = *spec;
	h->base = base;
	h->path = path;
	h->server = evhttp_new(base);
	l = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!h->server || !l || !evhttp_bind_listener(h->server, l)) {
		free(h);
		err_set(e, EXIT_UNAVAIL, "cannot serve %s", path);
		return NULL;
	}
	h->pause = pause_new(base, l, path, spec->say);
	evhttp_set_max_headers_size(h->server, HEADERS_MAX);
	evhttp_set_max_body_size(h->server, (ev_ssize_t)spec->body_max);
	evhttp_set_timeout(h->server, IDLE_S);
	evhttp_set_allowed_methods(h->server, METHODS);
	evhttp_set_gencb(h->server, on_request, h);
	return h;
}

void httpd_free(struct httpd *h)
{
	if (!h)
		return;
	while (h->followers) {
		struct evhttp_request *req = h->followers->req;

		evhttp_connection_set_closecb(h->followers->conn, NULL, NULL);
		forget(h, h->followers);
		evhttp_send_reply_end(req);
	}
	for (int i = 0; i < FLUSH_ROUNDS; i++)
		event_base_loop(h->base, EVLOOP_NONBLOCK);
	evhttp_free(h->server);
	pause_free(h->pause);
	unlink(h->path);
	free(h);
}
