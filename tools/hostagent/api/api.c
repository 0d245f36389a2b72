/* api - see api.h. */
#include "api.h"

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "hostagent/agent.h"
#include "hostagent/machine/machine_events.h"
#include "info.h"
#include "instance_files.h"
#include "loop/httpd.h"
#include "reload.h"
#include "screenshot.h"
#include "snapshot.h"

#define BODY_MAX 4096
#define HTTP_ACCEPTED 202
#define HTTP_CONFLICT 409

/* --- questions --- */

static void get_info(struct evhttp_request *req, void *arg)
{
	struct agent *a = arg;

	if (pulse_take(a))
		httpd_reply_free(req, HTTP_OK, info_json(a));
	else
		httpd_hold(a->httpd, req, HELD_INFO);
}

void api_pulse(struct agent *a)
{
	struct evhttp_request *req;

	while (a->httpd && (req = httpd_held(a->httpd, HELD_INFO)) != NULL) {
		httpd_release(a->httpd, req);
		httpd_reply_free(req, HTTP_OK, info_json(a));
	}
}

static void on_event(void *arg, const char *line)
{
	httpd_send_all(((struct agent *)arg)->httpd, line);
}

/* Whether the query is "from=now". */
static bool wants_now(const struct evhttp_request *req)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));

	return query && !strcmp(query, "from=now");
}

/* The past may have been another one: a machine that was ready and reboots is not. */
static void send_now(struct agent *a, struct evhttp_request *req)
{
	char *line = events_text(agent_status(a));

	httpd_send(req, line);
	free(line);
}

static void get_events(struct evhttp_request *req, void *arg)
{
	struct agent *a = arg;
	const char *line;

	httpd_follow(a->httpd, req);
	if (wants_now(req)) {
		send_now(a, req);
		return;
	}
	for (size_t i = 0; (line = events_line(&a->events, i)) != NULL; i++)
		httpd_send(req, line);
}

static void get_screenshot(struct evhttp_request *req, void *arg)
{
	screenshot_take(arg, req);
}

/* --- orders --- */

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
	bool force;

	if (parse_stop(req, &force) < 0) {
		httpd_error(req, HTTP_BADREQUEST, "the body is not {\"force\":true} or {\"force\":false}");
		return;
	}
	httpd_reply(req, HTTP_ACCEPTED, force ? "{\"stopping\":true,\"force\":true}" : "{\"stopping\":true}");
	stop_begin(arg, force);
}

static void post_resume(struct evhttp_request *req, void *arg)
{
	struct agent *a = arg;

	if (!machine_paused(a))
		httpd_error(req, HTTP_CONFLICT, "the machine is not paused");
	else if (machine_resume(a) < 0)
		httpd_error(req, HTTP_SERVUNAVAIL, "QEMU cannot be asked at the moment");
	else
		httpd_reply(req, HTTP_ACCEPTED, "{\"resuming\":true}");
}

static void post_reload(struct evhttp_request *req, void *arg)
{
	struct err e = { 0 };
	char *json = reload(arg, &e);

	if (json)
		httpd_reply_free(req, HTTP_OK, json);
	else
		httpd_error(req, HTTP_INTERNAL, e.msg);
}

static void post_snapshot(struct evhttp_request *req, void *arg)
{
	snapshot_take(arg, req);
}

/* --- the server --- */

static const struct httpd_route routes[] = {
	{ "/v1/info", EVHTTP_REQ_GET, get_info },
	{ "/v1/events", EVHTTP_REQ_GET, get_events },
	{ "/v1/screenshot", EVHTTP_REQ_GET, get_screenshot },
	{ "/v1/stop", EVHTTP_REQ_POST, post_stop },
	{ "/v1/reload", EVHTTP_REQ_POST, post_reload },
	{ "/v1/resume", EVHTTP_REQ_POST, post_resume },
	{ "/v1/snapshot", EVHTTP_REQ_POST, post_snapshot },
};

static void say(const char *message)
{
	static struct log_limit limit;

	log_limited(&limit, "%s", message);
}

int api_start(struct agent *a, struct err *e)
{
	struct httpd_spec spec = { .routes = routes, .n = sizeof(routes) / sizeof(*routes), .arg = a, .body_max = BODY_MAX, .say = say };

	a->httpd = httpd_new(a->base, F_HA_SOCK, &spec, e);
	if (!a->httpd)
		return -1;
	a->events.follow = on_event;
	a->events.arg = a;
	return 0;
}

void api_free(struct agent *a)
{
	if (!a->httpd)
		return;
	a->events.follow = NULL;
	api_pulse(a);
	screenshots_end(a);
	snapshot_end(a);
	httpd_free(a->httpd);
	a->httpd = NULL;
}
