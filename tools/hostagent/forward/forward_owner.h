/* forward_owner - who listens on a port of this machine. */
#ifndef HOSTAGENT_FORWARD_OWNER_H
#define HOSTAGENT_FORWARD_OWNER_H

#include <stddef.h>
#include <stdint.h>

/* Writes "NAME (pid N)" of a process that has a socket of that protocol on the port, for the host agent of another
 * instance with that instance's name; or "" when it cannot be seen, as with processes of other users. */
void forward_owner(uint8_t proto, uint16_t port, char *out, size_t n);

#endif
