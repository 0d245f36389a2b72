/* dns - the guest's name server: takes queries at the address where the guest's programs look for one, and has the host
 * answer them.
 *
 * The address is QEMU's, which has a simple resolver there. We take it over while a host that wants to answer is
 * connected, and give it back when it goes: names resolve at any time, the instance's own ones while we are there.
 * Queries are bounded in number and size; when there are too many, the oldest wait in vain, as if lost on the way.
 */
#ifndef GUESTAGENT_DNS_H
#define GUESTAGENT_DNS_H

#include <stdbool.h>

#include "channel.h"
#include "diag.h"

/* Gives back what an agent that was killed has left. */
void dns_init(void);
/* What the host said in its greeting: the address as text, or NULL when it does not answer queries. */
void dns_offer(const char *address);
/* There is no host any more, or we are about to end. */
void dns_withdraw(void);
/* A frame of the type DNS. */
void dns_frame(const struct wire_frame *f);
/* Whether a listener is ours, and nothing to be told to the host. */
bool dns_is_ours(const struct listener *l);

#endif
