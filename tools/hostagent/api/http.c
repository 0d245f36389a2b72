/* http - see http.h. evhttp does the protocol; the limits on what a client may cost are ours. */
#include "http.h"

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostagent/agent.h"
#include "info.h"
#include "instance_files.h"
#include "hostagent/machine/machine_events.h"
#include "reload.h"
#include "screenshot.h"
#include "snapshot.h"
#include "hostagent/socket.h"
#include "utf8.h"

#define HEADERS_MAX 8192
#define BODY_MAX 4096
#define IDLE_S 30
#define FOLLOW_S 100000000 /* a follower of the events may be silent: for ever */
#define FOLLOWER_LAG_MAX (1u << 20) /* bytes that a follower may be behind before it is dropped */
#define FLUSH_ROUNDS 16
#define ACCEPT_PAUSE_S 1            /* when there are no descriptors left */

struct follower {
	struct evhttp_request *req;
	struct evhttp_connection *conn;
	struct follower *next;
};

/* A request that will be answered later. */
struct held {
	struct evhttp_request *req;
	bool info; /* it waits for http_pulse */
	struct held *next;
};

struct http {
	struct agent *a;
	struct held *held;
	struct evhttp *server;
	struct evconnlistener *listener;
	struct event *resume;
	struct follower *followers;
	struct log_limit limit;
};

/* evhttp keeps the listener's argument for itself, so its error callback finds us here. */
static struct http *the_server;

void http_reply_json(struct evhttp_request *req, int code, const char *json)
{
	struct evbuffer *body = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/json");
	evbuffer_add_printf(body, "%s\n", json);
	evhttp_send_reply(req, code, NULL, body);
	evbuffer_free(body);
}

void http_reply_error(struct evhttp_request *req, int code, const char *message)
{
	struct buf b = { 0 };

	buf_adds(&b, "{\"message\":");
	json_string(&b, message);
	buf_addc(&b, '}');
	http_reply_json(req, code, buf_str(&b));
	buf_free(&b);
}

/* --- later --- */

static void hold(struct http *h, struct evhttp_request *req, bool info)
{
	struct held *new = xcalloc(1, sizeof(*new));

	*new = (struct held){ .req = req, .info = info, .next = h->held };
	h->held = new;
}

void http_hold(struct agent *a, struct evhttp_request *req)
{
	hold(a->http, req, false);
}

static bool is_held(const struct http *h, const struct evhttp_request *req)
{
	for (const struct held *at = h->held; at; at = at->next)
		if (at->req == req)
			return true;
	return false;
}

void http_release(struct agent *a, struct evhttp_request *req)
{
	struct held **at = &a->http->held, *gone;

	while (*at && (*at)->req != req)
		at = &(*at)->next;
	gone = *at;
	if (gone)
		*at = gone->next;
	free(gone);
}

static void send_info(struct http *h, struct evhttp_request *req)
{
	char *json = info_json(h->a);

	http_reply_json(req, HTTP_OK, json);
	free(json);
}

static void get_info(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;

	if (pulse_take(h->a))
		send_info(h, req);
	else
		hold(h, req, true);
}

static struct held *next_info(const struct http *h)
{
	struct held *at = h->held;

	while (at && !at->info)
		at = at->next;
	return at;
}

void http_pulse(struct agent *a)
{
	struct held *at;

	while (a->http && (at = next_info(a->http)) != NULL) {
		struct evhttp_request *req = at->req;

		http_release(a, req);
		send_info(a->http, req);
	}
}

/* --- followers --- */

static void forget(struct http *h, struct follower *gone)
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
	struct http *h = arg;

	for (struct follower *f = h->followers; f; f = f->next) {
		if (f->conn != conn)
			continue;
		if (!evhttp_request_get_connection(f->req))
			evhttp_request_free(f->req);
		forget(h, f);
		return;
	}
}

static void send_line(struct evhttp_request *req, const char *line)
{
	struct evbuffer *b = evbuffer_new();

	evbuffer_add(b, line, strlen(line));
	evhttp_send_reply_chunk(req, b);
	evbuffer_free(b);
}

static bool lags(const struct follower *f)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(f->conn);

	return evbuffer_get_length(bufferevent_get_output(bev)) > FOLLOWER_LAG_MAX;
}

static void on_event(void *arg, const char *line)
{
	struct http *h = arg;

	for (struct follower *f = h->followers, *next; f; f = next) {
		next = f->next;
		if (lags(f)) {
			log_limited(&h->limit, "a follower of /v1/events reads too slowly and was dropped");
			evhttp_connection_free(f->conn); /* on_follower_gone follows */
		} else {
			send_line(f->req, line);
		}
	}
}

/* Whether the query is "from=now". */
static bool wants_now(const struct evhttp_request *req)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));

	return query && !strcmp(query, "from=now");
}

/* The past may have been another one: a machine that was ready and reboots is not. */
static void send_now(struct http *h, struct evhttp_request *req)
{
	char *line = events_text(agent_status(h->a));

	send_line(req, line);
	free(line);
}

static void get_events(struct evhttp_request *req, void *arg)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);
	struct http *h = arg;
	struct follower *f = xcalloc(1, sizeof(*f));
	const char *line;

	f->req = req;
	f->conn = conn;
	f->next = h->followers;
	h->followers = f;
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/jsonl");
	evhttp_add_header(evhttp_request_get_output_headers(req), "Cache-Control", "no-store");
	evhttp_connection_set_closecb(conn, on_follower_gone, h);
	/* Events may be days apart; a client that is gone is noticed by its end of the socket. (-1 would mean libevent's own
	 * 50 seconds.) */
	evhttp_connection_set_timeout(conn, FOLLOW_S);
	evhttp_send_reply_start(req, HTTP_OK, NULL);
	if (wants_now(req)) {
		send_now(h, req);
		return;
	}
	for (size_t i = 0; (line = events_line(&h->a->events, i)) != NULL; i++)
		send_line(req, line);
}

/* --- stop --- */

/* 0 and *force, or -1 when the body is neither empty nor {"force":bool}. */
static int parse_stop(struct evhttp_request *req, bool *force)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	const cJSON *value;
	cJSON *body;
	int r = -1;

	*force = false;
	if (n == 0)
		return 0;
	body = cJSON_ParseWithLength((const char *)evbuffer_pullup(in, -1), n);
	value = cJSON_GetObjectItemCaseSensitive(body, "force");
	if (cJSON_IsObject(body) && (cJSON_IsBool(value) || !body->child)) {
		*force = cJSON_IsTrue(value);
		r = 0;
	}
	cJSON_Delete(body);
	return r;
}

static void post_stop(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;
	bool force;

	if (parse_stop(req, &force) < 0) {
		http_reply_error(req, HTTP_BADREQUEST, "the body is not {\"force\":true} or {\"force\":false}");
		return;
	}
	http_reply_json(req, 202, force ? "{\"stopping\":true,\"force\":true}" : "{\"stopping\":true}");
	stop_begin(h->a, force);
}

static void post_resume(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;

	if (!machine_paused(h->a))
		http_reply_error(req, 409, "the machine is not paused");
	else if (machine_resume(h->a) < 0)
		http_reply_error(req, HTTP_SERVUNAVAIL, "QEMU cannot be asked at the moment");
	else
		http_reply_json(req, 202, "{\"resuming\":true}");
}

static void get_screenshot(struct evhttp_request *req, void *arg)
{
	screenshot_take(((struct http *)arg)->a, req);
}

static void post_reload(struct evhttp_request *req, void *arg)
{
	struct http *h = arg;
	struct err e = { 0 };
	char *json = reload(h->a, &e);

	if (json)
		http_reply_json(req, HTTP_OK, json);
	else
		http_reply_error(req, HTTP_INTERNAL, e.msg);
	free(json);
}

static void post_snapshot(struct evhttp_request *req, void *arg)
{
	snapshot_take(((struct http *)arg)->a, req);
}

/* --- the server --- */

static const struct route {
	const char *path;
	enum evhttp_cmd_type method;
	const char *allow;
	void (*fn)(struct evhttp_request *req, void *arg);
} routes[] = {
	{ "/v1/info", EVHTTP_REQ_GET, "GET", get_info },
	{ "/v1/events", EVHTTP_REQ_GET, "GET", get_events },
	{ "/v1/screenshot", EVHTTP_REQ_GET, "GET", get_screenshot },
	{ "/v1/stop", EVHTTP_REQ_POST, "POST", post_stop },
	{ "/v1/reload", EVHTTP_REQ_POST, "POST", post_reload },
	{ "/v1/resume", EVHTTP_REQ_POST, "POST", post_resume },
	{ "/v1/snapshot", EVHTTP_REQ_POST, "POST", post_snapshot },
};

static void on_request(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

	if (is_held(arg, req)) /* its connection is broken; the answer, when it comes, ends it */
		return;
	for (size_t i = 0; path && i < sizeof(routes) / sizeof(*routes); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (evhttp_request_get_command(req) == routes[i].method) {
			routes[i].fn(req, arg);
			return;
		}
		evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", routes[i].allow);
		http_reply_error(req, HTTP_BADMETHOD, "this path does not know that method");
		return;
	}
	http_reply_error(req, HTTP_NOTFOUND, "there is nothing under that path");
}

static void on_resume(evutil_socket_t unused, short what, void *arg)
{
	struct http *h = arg;

	(void)unused;
	(void)what;
	evconnlistener_enable(h->listener);
}

/* Out of descriptors, mostly. The connection stays in the queue of the kernel, so a loop would spin on it. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct timeval t = { .tv_sec = ACCEPT_PAUSE_S };
	int saved = errno;

	(void)arg; /* it is evhttp's */
	log_limited(&the_server->limit, "cannot accept a connection on %s: %s", F_HA_SOCK, strerror(saved));
	evconnlistener_disable(listener);
	evtimer_add(the_server->resume, &t);
}

int http_start(struct agent *a, struct err *e)
{
	int fd = socket_listen(F_HA_SOCK, e);
	struct http *h;

	if (fd < 0)
		return -1;
	evutil_make_socket_nonblocking(fd);
	h = xcalloc(1, sizeof(*h));
	h->a = a;
	h->server = evhttp_new(a->base);
	h->listener = evconnlistener_new(a->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!h->server || !h->listener || !evhttp_bind_listener(h->server, h->listener)) {
		free(h);
		return err_set(e, EXIT_UNAVAIL, "cannot serve %s", F_HA_SOCK);
	}
	evconnlistener_set_error_cb(h->listener, on_accept_error);
	evhttp_set_max_headers_size(h->server, HEADERS_MAX);
	evhttp_set_max_body_size(h->server, BODY_MAX);
	evhttp_set_timeout(h->server, IDLE_S);
	evhttp_set_allowed_methods(h->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
						      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(h->server, on_request, h);
	h->resume = evtimer_new(a->base, on_resume, h);
	a->events.follow = on_event;
	a->events.arg = h;
	a->http = the_server = h;
	return 0;
}

void http_free(struct agent *a)
{
	struct http *h = a->http;

	if (!h)
		return;
	a->events.follow = NULL;
	http_pulse(a);
	screenshots_end(a);
	snapshot_end(a);
	while (h->followers) {
		struct evhttp_request *req = h->followers->req;

		evhttp_connection_set_closecb(h->followers->conn, NULL, NULL);
		forget(h, h->followers);
		evhttp_send_reply_end(req);
	}
	/* What is written now goes out as far as the readers take it at once. */
	for (int i = 0; i < FLUSH_ROUNDS; i++)
		event_base_loop(a->base, EVLOOP_NONBLOCK);
	evhttp_free(h->server);
	event_free(h->resume);
	free(h);
	a->http = the_server = NULL;
	unlink(F_HA_SOCK);
}
