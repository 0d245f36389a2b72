/* ask - requests to the HTTP server of another program on a unix socket, as events of the loop.
 *
 * Requests say HTTP/1.0, so the answer is a body up to the end of the connection: no chunks to decode, and the same for the
 * endless one of an event stream.
 */
#ifndef HOSTAGENT_ASK_H
#define HOSTAGENT_ASK_H

#include <event2/event.h>
#include <stddef.h>

#define ASK_BODY_MAX (1u << 20)
#define ASK_LINE_MAX (64u << 10)
#define ASK_S 10 /* for an answer */

struct ask;

struct ask_spec {
	const char *socket, *method, *path;
	const char *body; /* NULL: none */
	/* A line of the stream, without its end. NULL: the answer is one body, and comes within ASK_S. */
	void (*line)(void *arg, const char *line);
	/* The end: the HTTP status (-1: no proper answer) and the body ("" of a stream). Called once, unless cancelled before,
	 * and never within ask_start. */
	void (*done)(void *arg, int status, const char *body);
	void *arg;
};

/* NULL when nobody listens there: errno has the reason. */
struct ask *ask_start(struct event_base *base, const struct ask_spec *spec);
/* Never calls anything again. NULL is fine. */
void ask_cancel(struct ask *k);

#endif
