/* http - one GET by libcurl: its protocol rules, its time-outs, and what its end means for a retry. */
#ifndef LIMA_FETCH_HTTP_H
#define LIMA_FETCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define HTTP_CONNECT_S 10L   /* name lookup, connection and TLS together */
#define HTTP_REDIRECTS 5L
#define HTTP_STALL_RATE 1024L /* bytes a second; slower than this for stall_s seconds is a stall */
#define HTTP_VALUE_MAX 512   /* longer header values are taken as missing */

/* The head of the last reply (redirects are followed). Texts are "" when missing. */
struct http_reply {
	long status; /* 0 = no reply came */
	char etag[HTTP_VALUE_MAX], modified[HTTP_VALUE_MAX], date[HTTP_VALUE_MAX], type[HTTP_VALUE_MAX];
	int64_t length; /* Content-Length, -1 = not said */
	bool ranged;    /* a valid Content-Range came: */
	uint64_t range_first;
	uint64_t range_total; /* 0 = not said */
	unsigned retry_after; /* seconds, 0 = not said */
};

struct http_request {
	const char *url;
	const char *shown; /* the URL for messages */
	const char *host;  /* its host for messages */
	uint64_t from;     /* > 0: the bytes from there on */
	const char *if_range, *if_none_match, *if_modified_since; /* NULL = none */
	unsigned stall_s;
	void *ctx;
	/* Called once, when the head of the last reply is complete. Less than 0 ends the transfer (*e may be set). */
	int (*head)(void *ctx, const struct http_reply *r, struct err *e);
	/* Called for each piece of the body. */
	int (*body)(void *ctx, const void *data, size_t n, struct err *e);
};

enum http_end {
	HTTP_DONE,        /* the whole reply came; its status may be anything */
	HTTP_STOPPED,     /* by head or body */
	HTTP_UNREACHABLE, /* no connection: the name cannot be resolved, refused, no route, time-out */
	HTTP_BROKEN,      /* the connection broke or stalled: may succeed when tried again */
	HTTP_FAILED,      /* will not succeed when tried again: TLS, protocol, redirects, interrupt */
};

/* Makes the request. *r is what is known of the reply; *e says what went wrong (not for HTTP_DONE; for HTTP_STOPPED it
 * is the callback's; for HTTP_UNREACHABLE it is "cannot reach HOST (REASON)"). Connections are kept for the next
 * request. */
enum http_end http_get(const struct http_request *q, struct http_reply *r, struct err *e);

#endif
