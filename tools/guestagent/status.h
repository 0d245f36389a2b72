/* status - hands the boot status file on to the host, from the beginning and then as it grows.
 *
 * The file is on a tmpfs, written by the boot scripts, and may not be there yet.
 */
#ifndef GUESTAGENT_STATUS_H
#define GUESTAGENT_STATUS_H

#include <stdbool.h>

#include "channel.h"

/* Begins to follow `path` (kept). Returns -1 with errno. */
int status_follow(const char *path);
/* The next frames start at offset 0 again. */
void status_rewind(void);
/* Sends what is new, as far as there is room. */
void status_pump(struct channel *c);
/* Whether there is something to send that did not fit. */
bool status_waiting(void);

#endif
