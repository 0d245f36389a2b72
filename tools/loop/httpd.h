/* httpd - a daemon's HTTP server on a unix socket of mode 0600: routes, answers that come later, streams that never end.
 *
 * evhttp does the protocol; the limits on what a client may cost are ours: headers of 8 KiB, 30 s of silence, a stream that is
 * 1 MiB behind is ended. Another method on a route: 405 with Allow. Another path: 404. Error bodies: {"message":"..."}.
 */
#ifndef LOOP_HTTPD_H
#define LOOP_HTTPD_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct httpd;

struct httpd_route {
	const char *path;
	enum evhttp_cmd_type method; /* EVHTTP_REQ_GET or EVHTTP_REQ_POST */
	void (*fn)(struct evhttp_request *req, void *arg);
};

struct httpd_spec {
	const struct httpd_route *routes;
	size_t n;
	void *arg;       /* of the routes' functions */
	size_t body_max; /* bytes of a request's body */
	void (*say)(const char *message); /* of what a client or a lack of descriptors causes; may come often */
};

/* Listens. `path` and what *spec points to have to stay. */
struct httpd *httpd_new(struct event_base *base, const char *path, const struct httpd_spec *spec, struct err *e);
/* Ends the streams, writes what the clients take at once, and removes the socket. What is held has to be answered before.
 * NULL is fine. */
void httpd_free(struct httpd *h);

/* --- answers --- */

/* The body is `json` and a newline. The request is over. */
void httpd_reply(struct evhttp_request *req, int code, const char *json);
/* The same, and frees `json`. */
void httpd_reply_free(struct evhttp_request *req, int code, char *json);
void httpd_error(struct evhttp_request *req, int code, const char *message);

/* --- later ---
 * evhttp may call back again for a request without an answer when its connection breaks; that call has to be ignored, and the
 * answer given all the same: it frees the request then. So a request is held until just before its answer. */

/* `what`: by which httpd_held finds it. */
void httpd_hold(struct httpd *h, struct evhttp_request *req, int what);
void httpd_release(struct httpd *h, struct evhttp_request *req);
/* One that is held for `what`; NULL when there is none. */
struct evhttp_request *httpd_held(const struct httpd *h, int what);

/* --- streams: JSON lines, to those who follow --- */

/* Answers with a stream that stays open. */
void httpd_follow(struct httpd *h, struct evhttp_request *req);
/* Sends a line, with its newline, to one that follows. */
void httpd_send(struct evhttp_request *req, const char *line);
/* Sends it to all of them, and ends those that lag. */
void httpd_send_all(struct httpd *h, const char *line);

#endif
