/* session - what is said on a channel: greetings, and which module each frame goes to.
 *
 * Several channels may be open; the one whose host greeted last has the floor, and everything is reported there.
 */
#ifndef GUESTAGENT_SESSION_H
#define GUESTAGENT_SESSION_H

#include <stdbool.h>

#include "channel.h"

/* Chooses the session id and reads the boot id. */
void session_init(bool debug);
/* The host end of `c` has appeared: greets it. */
void session_up(struct channel *c);
/* It has gone (c->up still tells how it was): streams end, nothing is reported until the next greeting. */
void session_down(struct channel *c);
/* Reads, answers and writes on `c` until nothing moves or it is the others' turn. *busy: there is more to do.
 * -1: the connection is gone. */
int session_run(struct channel *c, bool *busy);
/* The channel with the floor, or NULL. */
struct channel *session_channel(void);
/* A line in the log, only with --debug. */
void session_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
