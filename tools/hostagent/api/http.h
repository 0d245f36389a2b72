/* http - ha.sock: questions to the host agent and requests to end, over HTTP on a unix socket of mode 0600.
 *
 *   GET  /v1/info    200, one JSON object (lima-hostagent(8) has its fields)
 *   GET  /v1/events  200, application/jsonl: the past events of this run, then each new one at once, until the end;
 *                    ?from=now: one that tells the present state in the place of the past
 *   GET  /v1/screenshot?format=png|bmp|ppm   200, the picture (screenshot.h)
 *   POST /v1/stop    202; the body is empty or {"force":true|false}; anything else is 400
 *   POST /v1/reload  200, what of a changed agent.conf was applied (reload.h)
 *   POST /v1/resume  202, or 409 when the machine is not paused
 *   POST /v1/snapshot   a snapshot of the machine (snapshot.h)
 *
 * Another method on these: 405 with Allow. Another path: 404. Error bodies: {"message":"..."}.
 *
 * A request that cannot be answered at once is held: evhttp may call back for it again when its connection breaks, and that
 * call has to be ignored until the answer.
 */
#ifndef HOSTAGENT_HTTP_H
#define HOSTAGENT_HTTP_H

#include "err.h"

struct agent;
struct http;
struct evhttp_request;

/* Listens on ha.sock. */
int http_start(struct agent *a, struct err *e);
/* Ends the event streams and closes ha.sock. */
void http_free(struct agent *a);

/* What pulse_take said would be told later is known now: the requests that waited for it are answered. */
void http_pulse(struct agent *a);

/* --- for those who answer --- */

void http_reply_json(struct evhttp_request *req, int code, const char *json);
void http_reply_error(struct evhttp_request *req, int code, const char *message);
/* The answer will come later; http_release just before it is sent. A request whose client has gone is answered all the
 * same: that frees it. */
void http_hold(struct agent *a, struct evhttp_request *req);
void http_release(struct agent *a, struct evhttp_request *req);

#endif
