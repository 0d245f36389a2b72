/* api - ha.sock: questions to the host agent and requests to end, over HTTP (loop/httpd.h).
 *
 *   GET  /v1/info    200, one JSON object (lima-hostagent(8) has its fields)
 *   GET  /v1/events  200, application/jsonl: the past events of this run, then each new one at once, until the end;
 *                    ?from=now: one that tells the present state in the place of the past
 *   GET  /v1/screenshot?format=png|bmp|ppm   200, the picture (screenshot.h)
 *   POST /v1/stop    202; the body is empty or {"force":true|false}; anything else is 400
 *   POST /v1/reload  200, what of a changed agent.conf was applied (reload.h)
 *   POST /v1/resume  202, or 409 when the machine is not paused
 *   POST /v1/snapshot   a snapshot of the machine (snapshot.h)
 */
#ifndef HOSTAGENT_API_H
#define HOSTAGENT_API_H

#include "err.h"

struct agent;

/* What a request that is answered later waits for (httpd_hold). */
enum api_held { HELD_INFO, HELD_SCREENSHOT, HELD_SNAPSHOT };

/* Listens on ha.sock. */
int api_start(struct agent *a, struct err *e);
/* Ends the event streams and closes ha.sock. */
void api_free(struct agent *a);

/* What pulse_take said would be told later is known now: the requests that waited for it are answered. */
void api_pulse(struct agent *a);

#endif
