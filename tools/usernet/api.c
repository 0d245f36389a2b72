/* api - see api.h. evhttp does the protocol; the limits on what a client may cost are ours. */
#include "api.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_state.h"
#include "listen.h"
#include "num.h"
#include "port.h"

#define HEADERS_MAX 8192
#define BODY_MAX (1u << 20)
#define IDLE_S 30
#define FOLLOW_S 100000000 /* a follower may be silent: for ever */
#define FOLLOWER_LAG_MAX (1u << 20) /* bytes that one may be behind before it is dropped */
#define KNOCK_TIMEOUT_S 10 /* when none is given */
#define FLUSH_ROUNDS 16

struct follower {
	struct evhttp_request *req;
	struct evhttp_connection *conn;
	struct follower *next;
};

struct api {
	struct usernet *u;
	struct evhttp *server;
	struct port_listener *pause;
	struct follower *followers;
	struct held *held;
	const char *path;
};

void api_reply(struct evhttp_request *req, int code, const char *json)
{
	struct evbuffer *body = evbuffer_new();

	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/json");
	evbuffer_add_printf(body, "%s\n", json);
	evhttp_send_reply(req, code, NULL, body);
	evbuffer_free(body);
}

void api_error(struct evhttp_request *req, int code, const char *message)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "message", message);
	text = cJSON_PrintUnformatted(o);
	api_reply(req, code, text ? text : "{\"message\":\"\"}");
	cJSON_free(text);
	cJSON_Delete(o);
}

/* --- followers --- */

static void forget(struct api *a, struct follower *gone)
{
	struct follower **at = &a->followers;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	free(gone);
}

/* The connection is about to be freed. When the client ended it, the request was taken from it and is ours to free. */
static void on_follower_gone(struct evhttp_connection *conn, void *arg)
{
	struct api *a = arg;

	for (struct follower *f = a->followers; f; f = f->next) {
		if (f->conn != conn)
			continue;
		if (!evhttp_request_get_connection(f->req))
			evhttp_request_free(f->req);
		forget(a, f);
		return;
	}
}

static void send_lease(struct evhttp_request *req, uint32_t ip, const struct mac *mac)
{
	struct evbuffer *b = evbuffer_new();
	char ip_text[IP_TEXT], mac_text[MAC_TEXT];

	ip_format(ip, ip_text);
	mac_format(mac, mac_text);
	evbuffer_add_printf(b, "{\"lease\":{\"ip\":\"%s\",\"mac\":\"%s\"}}\n", ip_text, mac_text);
	evhttp_send_reply_chunk(req, b);
	evbuffer_free(b);
}

void api_lease(void *arg, uint32_t ip, const struct mac *mac)
{
	struct api *a = ((struct usernet *)arg)->api;

	for (struct follower *f = a ? a->followers : NULL, *next; f; f = next) {
		struct bufferevent *bev = evhttp_connection_get_bufferevent(f->conn);

		next = f->next;
		if (evbuffer_get_length(bufferevent_get_output(bev)) > FOLLOWER_LAG_MAX)
			evhttp_connection_free(f->conn); /* on_follower_gone follows */
		else
			send_lease(f->req, ip, mac);
	}
}

static void get_events(struct usernet *u, struct evhttp_request *req)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);
	struct follower *f = xcalloc(1, sizeof(*f));
	const struct mac *mac;

	*f = (struct follower){ req, conn, u->api->followers };
	u->api->followers = f;
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/jsonl");
	evhttp_add_header(evhttp_request_get_output_headers(req), "Cache-Control", "no-store");
	evhttp_connection_set_closecb(conn, on_follower_gone, u->api);
	evhttp_connection_set_timeout(conn, FOLLOW_S);
	evhttp_send_reply_start(req, HTTP_OK, NULL);
	for (unsigned i = 0; i < u->subnet.guests; i++) {
		mac = leases_mac(&u->leases, u->subnet.first + i);
		if (mac)
			send_lease(req, u->subnet.first + i, mac);
	}
}

/* --- orders --- */

/* The body as an object; NULL after an answer that it is none. */
static cJSON *body_of(struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	cJSON *body = n ? cJSON_ParseWithLength((const char *)evbuffer_pullup(in, -1), n) : NULL;

	if (cJSON_IsObject(body))
		return body;
	cJSON_Delete(body);
	api_error(req, HTTP_BADREQUEST, "the body is not a JSON object");
	return NULL;
}

static const char *text_of(const cJSON *body, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, key));
}

static void post_expose(struct usernet *u, struct evhttp_request *req)
{
	cJSON *body = body_of(req);
	const char *remote;
	struct forward f;
	struct err e = { 0 };
	char at[ENDPOINT_TEXT];
	struct buf out = { 0 };

	if (!body)
		return;
	remote = text_of(body, "remote");
	if (forward_parse(&u->forwards, text_of(body, "local"), remote ? remote : "", text_of(body, "protocol"), &f, &e) < 0) {
		api_error(req, HTTP_BADREQUEST, e.msg);
	} else if (forwards_add(&u->forwards, &f, &e) < 0) {
		api_error(req, 409, e.msg);
	} else {
		endpoint_format(f.host, f.host_port, at);
		buf_addf(&out, "{\"local\":\"%s\"}", at);
		api_reply(req, HTTP_OK, buf_str(&out));
		buf_free(&out);
	}
	cJSON_Delete(body);
}

static void post_unexpose(struct usernet *u, struct evhttp_request *req)
{
	cJSON *body = body_of(req);
	struct forward f;
	struct err e = { 0 };

	if (!body)
		return;
	if (forward_parse(&u->forwards, text_of(body, "local"), NULL, text_of(body, "protocol"), &f, &e) < 0)
		api_error(req, HTTP_BADREQUEST, e.msg);
	else if (!forwards_remove(&u->forwards, &f))
		api_error(req, HTTP_NOTFOUND, "nothing is forwarded there");
	else
		api_reply(req, HTTP_OK, "{}");
	cJSON_Delete(body);
}

static void post_dns(struct usernet *u, struct evhttp_request *req)
{
	cJSON *body = body_of(req);
	struct err e = { 0 };

	if (!body)
		return;
	if (zones_add(&u->names.zones, body, &e) < 0)
		api_error(req, HTTP_BADREQUEST, e.msg);
	else
		api_reply(req, HTTP_OK, "{}");
	cJSON_Delete(body);
}

/* --- questions --- */

static void answer(struct evhttp_request *req, char *json)
{
	api_reply(req, HTTP_OK, json);
	free(json);
}

static void get_leases(struct usernet *u, struct evhttp_request *req)
{
	answer(req, leases_json(&u->leases));
}

static void get_forwards(struct usernet *u, struct evhttp_request *req)
{
	answer(req, forwards_json(&u->forwards));
}

static void get_zones(struct usernet *u, struct evhttp_request *req)
{
	answer(req, zones_json(&u->names.zones));
}

static void get_stats(struct usernet *u, struct evhttp_request *req)
{
	answer(req, stats_json(u));
}

static void get_cam(struct usernet *u, struct evhttp_request *req)
{
	answer(req, cam_json(u->sw));
}

/* --- waiting for a port --- */

/* A request that is answered later. When its connection breaks, evhttp may call back for it, and that call has to be
 * ignored; the answer frees it then. */
struct held {
	struct api *a;
	struct evhttp_request *req;
	struct held *next;
};

static bool is_held(const struct api *a, const struct evhttp_request *req)
{
	for (const struct held *h = a->held; h; h = h->next)
		if (h->req == req)
			return true;
	return false;
}

static void on_knocked(void *arg, bool open)
{
	struct held *h = arg, **at = &h->a->held;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	if (open)
		api_reply(h->req, HTTP_OK, "{}");
	else
		api_error(h->req, 408, "nobody listens there");
	free(h);
}

static bool query_number(struct evkeyvalq *query, const char *key, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *text = evhttp_find_header(query, key);
	struct err e = { 0 };

	return text && num_parse(text, min, max, key, ret, &e) == 0;
}

static void get_port(struct usernet *u, struct evhttp_request *req)
{
	const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req)), *ip_text;
	uint64_t port = 0, timeout = KNOCK_TIMEOUT_S;
	struct evkeyvalq query = { 0 };
	struct held *h;
	uint32_t ip = 0;
	bool good = evhttp_parse_query_str(text ? text : "", &query) == 0;

	ip_text = good ? evhttp_find_header(&query, "ip") : NULL;
	good = ip_text && ip_parse(ip_text, &ip) && query_number(&query, "port", 1, 65535, &port) &&
	       (!evhttp_find_header(&query, "timeout") || query_number(&query, "timeout", 0, 65535, &timeout));
	evhttp_clear_headers(&query);
	if (!good || subnet_index(&u->subnet, ip) < 0) {
		api_error(req, HTTP_BADREQUEST, "ip=ADDRESS of a guest, port=NUMBER and perhaps timeout=SECONDS are needed");
		return;
	}
	h = xcalloc(1, sizeof(*h));
	*h = (struct held){ u->api, req, u->api->held };
	if (!knock_begin(&u->knocks, ip, (uint16_t)port, (unsigned)timeout, on_knocked, h)) {
		free(h);
		api_error(req, HTTP_SERVUNAVAIL, "too many wait already");
		return;
	}
	u->api->held = h;
}

/* --- the server --- */

static const struct route {
	const char *path;
	enum evhttp_cmd_type method;
	void (*fn)(struct usernet *u, struct evhttp_request *req);
} routes[] = {
	{ "/services/dhcp/leases", EVHTTP_REQ_GET, get_leases },
	{ "/services/forwarder/all", EVHTTP_REQ_GET, get_forwards },
	{ "/services/forwarder/expose", EVHTTP_REQ_POST, post_expose },
	{ "/services/forwarder/unexpose", EVHTTP_REQ_POST, post_unexpose },
	{ "/services/dns/add", EVHTTP_REQ_POST, post_dns },
	{ "/services/dns/all", EVHTTP_REQ_GET, get_zones },
	{ "/leases", EVHTTP_REQ_GET, get_leases },
	{ "/stats", EVHTTP_REQ_GET, get_stats },
	{ "/cam", EVHTTP_REQ_GET, get_cam },
	{ "/extension/wait_port", EVHTTP_REQ_GET, get_port },
	{ "/events", EVHTTP_REQ_GET, get_events },
};

static void on_request(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	struct api *a = arg;

	if (is_held(a, req))
		return;
	for (size_t i = 0; path && i < sizeof(routes) / sizeof(*routes); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		if (evhttp_request_get_command(req) == routes[i].method) {
			routes[i].fn(a->u, req);
			return;
		}
		evhttp_add_header(evhttp_request_get_output_headers(req), "Allow",
				  routes[i].method == EVHTTP_REQ_GET ? "GET" : "POST");
		api_error(req, HTTP_BADMETHOD, "this path does not know that method");
		return;
	}
	api_error(req, HTTP_NOTFOUND, "there is nothing under that path");
}

struct api *api_new(struct usernet *u, const char *path, struct err *e)
{
	int fd = unix_listen(path, e);
	struct evconnlistener *l;
	struct api *a;

	if (fd < 0)
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->u = u;
	a->path = path;
	a->server = evhttp_new(u->base);
	l = evconnlistener_new(u->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	evhttp_bind_listener(a->server, l);
	a->pause = port_listener_wrap(u->base, l);
	evhttp_set_max_headers_size(a->server, HEADERS_MAX);
	evhttp_set_max_body_size(a->server, BODY_MAX);
	evhttp_set_timeout(a->server, IDLE_S);
	evhttp_set_allowed_methods(a->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
						      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_gencb(a->server, on_request, a);
	return a;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	while (a->followers) {
		struct evhttp_request *req = a->followers->req;

		evhttp_connection_set_closecb(a->followers->conn, NULL, NULL);
		forget(a, a->followers);
		evhttp_send_reply_end(req);
	}
	/* What is written now goes out as far as the readers take it at once. */
	for (int i = 0; i < FLUSH_ROUNDS; i++)
		event_base_loop(a->u->base, EVLOOP_NONBLOCK);
	port_listener_free(a->pause);
	evhttp_free(a->server);
	unlink(a->path);
	free(a);
}
