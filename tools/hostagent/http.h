/* http - ha.sock: questions to the host agent and requests to end, over HTTP on a unix socket of mode 0600.
 *
 *   GET  /v1/info    200, one JSON object (lima-hostagent(8) has its fields)
 *   GET  /v1/events  200, application/jsonl: the past events of this run, then each new one at once, until the end
 *   POST /v1/stop    202; the body is empty or {"force":true|false}; anything else is 400
 *   POST /v1/snapshot   a snapshot of the machine (snapshot.h)
 *
 * Another method on these: 405 with Allow. Another path: 404. Error bodies: {"message":"..."}.
 */
#ifndef HOSTAGENT_HTTP_H
#define HOSTAGENT_HTTP_H

#include "err.h"

struct agent;
struct http;

/* Listens on ha.sock. */
int http_start(struct agent *a, struct err *e);
/* Ends the event streams and closes ha.sock. */
void http_free(struct agent *a);

#endif
