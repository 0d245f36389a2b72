/* usernet_ask - what the host agent asks of a network's daemon: a port of the host for SSH, and names. See lima-usernet(8). */
#ifndef HOSTAGENT_USERNET_ASK_H
#define HOSTAGENT_USERNET_ASK_H

#include "err.h"

struct usernet_card;

/* The guest's address is known: tells the daemon all that depends on it. */
void usernet_tell(struct usernet_card *c);
/* Drops what was not asked or answered yet. */
void usernet_forget(struct usernet_card *c);
/* The daemon did what was asked, or let it lie; both of usernet.c. */
void usernet_known(struct usernet_card *c);
void usernet_no_answer(struct usernet_card *c);
/* Gives the port back, at once and without the loop. */
int usernet_unexpose(const struct usernet_card *c, const char *local, struct err *e);

#endif
