/* api - the HTTP interface of a network (loop/httpd.h). JSON throughout; lima-usernet(8) has the paths.
 *
 * A body that is not as it should be: 400.
 */
#ifndef USERNET_API_H
#define USERNET_API_H

#include "usernet.h"

/* Listens. */
int api_start(struct usernet *u, const char *path, struct err *e);
/* Ends the streams of events, and closes the socket. */
void api_free(struct usernet *u);
/* A lease_fn, of a struct usernet: tells those who follow /events. */
void api_lease(void *arg, uint32_t ip, const struct mac *mac);

#endif
