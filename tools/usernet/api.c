/* api - see api.h. */
#include "api.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>

#include "api_state.h"
#include "loop/httpd.h"
#include "num.h"

#define BODY_MAX (1u << 20)
#define KNOCK_TIMEOUT_S 10 /* when none is given */
#define HTTP_TIMEOUT 408
#define HTTP_CONFLICT 409

/* --- events --- */

#define LEASE_LINE 80

static void lease_line(char out[LEASE_LINE], uint32_t ip, const struct mac *mac)
{
	char ip_text[IP_TEXT], mac_text[MAC_TEXT];

	ip_format(ip, ip_text);
	mac_format(mac, mac_text);
	snprintf(out, LEASE_LINE, "{\"lease\":{\"ip\":\"%s\",\"mac\":\"%s\"}}\n", ip_text, mac_text);
}

void api_lease(void *arg, uint32_t ip, const struct mac *mac)
{
	struct usernet *u = arg;
	char line[LEASE_LINE];

	lease_line(line, ip, mac);
	if (u->httpd)
		httpd_send_all(u->httpd, line);
}

static void get_events(struct evhttp_request *req, void *arg)
{
	struct usernet *u = arg;
	const struct mac *mac;
	char line[LEASE_LINE];

	httpd_follow(u->httpd, req);
	for (unsigned i = 0; i < u->subnet.guests; i++) {
		mac = leases_mac(&u->leases, u->subnet.first + i);
		if (!mac)
			continue;
		lease_line(line, u->subnet.first + i, mac);
		httpd_send(req, line);
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
	httpd_error(req, HTTP_BADREQUEST, "the body is not a JSON object");
	return NULL;
}

static const char *text_of(const cJSON *body, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, key));
}

static void post_expose(struct evhttp_request *req, void *arg)
{
	struct usernet *u = arg;
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
		httpd_error(req, HTTP_BADREQUEST, e.msg);
	} else if (forwards_add(&u->forwards, &f, &e) < 0) {
		httpd_error(req, HTTP_CONFLICT, e.msg);
	} else {
		endpoint_format(f.host, f.host_port, at);
		buf_addf(&out, "{\"local\":\"%s\"}", at);
		httpd_reply(req, HTTP_OK, buf_str(&out));
		buf_free(&out);
	}
	cJSON_Delete(body);
}

static void post_unexpose(struct evhttp_request *req, void *arg)
{
	struct usernet *u = arg;
	cJSON *body = body_of(req);
	struct forward f;
	struct err e = { 0 };

	if (!body)
		return;
	if (forward_parse(&u->forwards, text_of(body, "local"), NULL, text_of(body, "protocol"), &f, &e) < 0)
		httpd_error(req, HTTP_BADREQUEST, e.msg);
	else if (!forwards_remove(&u->forwards, &f))
		httpd_error(req, HTTP_NOTFOUND, "nothing is forwarded there");
	else
		httpd_reply(req, HTTP_OK, "{}");
	cJSON_Delete(body);
}

static void post_dns(struct evhttp_request *req, void *arg)
{
	struct usernet *u = arg;
	cJSON *body = body_of(req);
	struct err e = { 0 };

	if (!body)
		return;
	if (zones_add(&u->names.zones, body, &e) < 0)
		httpd_error(req, HTTP_BADREQUEST, e.msg);
	else
		httpd_reply(req, HTTP_OK, "{}");
	cJSON_Delete(body);
}

/* --- questions --- */

static void get_leases(struct evhttp_request *req, void *arg)
{
	httpd_reply_free(req, HTTP_OK, leases_json(&((struct usernet *)arg)->leases));
}

static void get_forwards(struct evhttp_request *req, void *arg)
{
	httpd_reply_free(req, HTTP_OK, forwards_json(&((struct usernet *)arg)->forwards));
}

static void get_zones(struct evhttp_request *req, void *arg)
{
	httpd_reply_free(req, HTTP_OK, zones_json(&((struct usernet *)arg)->names.zones));
}

static void get_stats(struct evhttp_request *req, void *arg)
{
	httpd_reply_free(req, HTTP_OK, stats_json(arg));
}

static void get_cam(struct evhttp_request *req, void *arg)
{
	httpd_reply_free(req, HTTP_OK, cam_json(((struct usernet *)arg)->sw));
}

/* --- waiting for a port --- */

struct knocking {
	struct usernet *u;
	struct evhttp_request *req;
};

static void on_knocked(void *arg, bool open)
{
	struct knocking *k = arg;

	httpd_release(k->u->httpd, k->req);
	if (open)
		httpd_reply(k->req, HTTP_OK, "{}");
	else
		httpd_error(k->req, HTTP_TIMEOUT, "nobody listens there");
	free(k);
}

static bool query_number(struct evkeyvalq *query, const char *key, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *text = evhttp_find_header(query, key);
	struct err e = { 0 };

	return text && num_parse(text, min, max, key, ret, &e) == 0;
}

static void get_port(struct evhttp_request *req, void *arg)
{
	const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req)), *ip_text;
	uint64_t port = 0, timeout = KNOCK_TIMEOUT_S;
	struct evkeyvalq query = { 0 };
	struct usernet *u = arg;
	struct knocking *k;
	uint32_t ip = 0;
	bool good = evhttp_parse_query_str(text ? text : "", &query) == 0;

	ip_text = good ? evhttp_find_header(&query, "ip") : NULL;
	good = ip_text && ip_parse(ip_text, &ip) && query_number(&query, "port", 1, 65535, &port) &&
	       (!evhttp_find_header(&query, "timeout") || query_number(&query, "timeout", 0, 65535, &timeout));
	evhttp_clear_headers(&query);
	if (!good || subnet_index(&u->subnet, ip) < 0) {
		httpd_error(req, HTTP_BADREQUEST, "ip=ADDRESS of a guest, port=NUMBER and perhaps timeout=SECONDS are needed");
		return;
	}
	k = xcalloc(1, sizeof(*k));
	*k = (struct knocking){ u, req };
	if (!knock_begin(&u->knocks, ip, (uint16_t)port, (unsigned)timeout, on_knocked, k)) {
		free(k);
		httpd_error(req, HTTP_SERVUNAVAIL, "too many wait already");
		return;
	}
	httpd_hold(u->httpd, req, 0);
}

/* --- the server --- */

static const struct httpd_route routes[] = {
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

static void say(const char *message)
{
	warn_msg("%s", message);
}

int api_start(struct usernet *u, const char *path, struct err *e)
{
	struct httpd_spec spec = { .routes = routes, .n = sizeof(routes) / sizeof(*routes), .arg = u, .body_max = BODY_MAX, .say = say };

	u->httpd = httpd_new(u->base, path, &spec, e);
	return u->httpd ? 0 : -1;
}

void api_free(struct usernet *u)
{
	httpd_free(u->httpd);
	u->httpd = NULL;
}
