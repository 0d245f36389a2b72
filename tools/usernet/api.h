/* api - the HTTP interface of a network, on a unix socket of mode 0600. JSON throughout; lima-usernet(8) has the paths.
 *
 * Another method: 405 with Allow. Another path: 404. A body that is not as it should be: 400. Errors: {"message":"..."}.
 */
#ifndef USERNET_API_H
#define USERNET_API_H

#include "usernet.h"

struct evhttp_request;

/* Listens. */
struct api *api_new(struct usernet *u, const char *path, struct err *e);
/* Ends the streams of events, and closes the socket. */
void api_free(struct api *a);
/* A lease_fn, of a struct usernet: tells those who follow /events. */
void api_lease(void *arg, uint32_t ip, const struct mac *mac);

void api_reply(struct evhttp_request *req, int code, const char *json);
void api_error(struct evhttp_request *req, int code, const char *message);

#endif
