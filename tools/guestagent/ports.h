/* ports - tells the host which TCP and UDP ports of the guest are listened on, and when that changes. */
#ifndef GUESTAGENT_PORTS_H
#define GUESTAGENT_PORTS_H

#include <stdbool.h>

#include "channel.h"

/* Sets up what wakes us when a listener comes or goes. */
void ports_init(void);
/* The host wants all of it again. */
void ports_resend(void);
/* Something may have changed. */
void ports_look(void);
/* Sends what is new, as far as there is room. */
void ports_pump(struct channel *c);
bool ports_waiting(void);

#endif
