/* dial - begins a connection to a socket in the guest, with the rights of the one who asked for it. */
#ifndef GUESTAGENT_DIAL_H
#define GUESTAGENT_DIAL_H

#include "channel.h"
#include "wire.h"

/* A non-blocking socket that is connected or is being connected (*pending). -1 with errno. */
int dial(const struct wire_addr *to, const struct peer *who, bool *pending);

/* Takes on the identity of `who` for what follows, and gives it back. -1 with errno: then nothing may be done. The
 * agent has one thread, so nobody else acts in between. */
int identity_take(const struct peer *who);
void identity_return(const struct peer *who);

#endif
