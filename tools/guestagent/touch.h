/* touch - lets programs in the guest notice that a file of a mount was changed on the host. */
#ifndef GUESTAGENT_TOUCH_H
#define GUESTAGENT_TOUCH_H

#include <stddef.h>
#include <stdint.h>

#include "channel.h"

/* The payload of INOTIFY: the file, if it is on a mount from the host, gets its modification time, on behalf of `who`.
 * Never blocks; when there is too much of it, some are left out. */
void touch_request(const struct peer *who, const uint8_t *payload, size_t n);

#endif
