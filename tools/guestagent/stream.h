/* stream - the tunnels: connections that the host opens to sockets in the guest. Never the other way round.
 *
 * A stream that can say or take something stands in a queue; each turn gives each of them one chunk, so that none
 * holds up the others. In the direction to the guest's sockets a stream keeps what the socket does not take, and that
 * is never more than the credit the host was given.
 */
#ifndef GUESTAGENT_STREAM_H
#define GUESTAGENT_STREAM_H

#include <stdbool.h>

#include "channel.h"

/* A frame of OPEN..CREDIT. The channel has room for a short answer. */
void stream_frame(struct channel *c, const struct wire_frame *f);
/* Moves data of the streams that are ready, as far as the channel has room. Returns whether some of them have more. */
bool stream_pump(struct channel *c);
/* Whether a stream waits for room in the channel. */
bool stream_waiting(void);
/* Ends all of them without a word. */
void stream_close_all(void);

#endif
