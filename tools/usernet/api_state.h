/* api_state - the state of a network as JSON. The caller frees the texts. */
#ifndef USERNET_API_STATE_H
#define USERNET_API_STATE_H

#include "usernet.h"

/* [{"local":"127.0.0.1:60022","remote":"192.168.104.5:22","protocol":"tcp"}] */
char *forwards_json(const struct forwards *f);
/* {"52:55:55:01:02:03":1}: the port that each address is behind. */
char *cam_json(const struct net_switch *sw);
/* The counters of the ports, the name server and the outside. */
char *stats_json(const struct usernet *u);

#endif
