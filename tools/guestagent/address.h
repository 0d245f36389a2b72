/* address - makes an IPv4 address of the network one of the guest's own, so that what is sent there arrives here.
 *
 * Two things do it, by rtnetlink: the address on the loopback interface, with the label ADDRESS_LABEL, by which it is
 * known again; and a local route over the interface that led there before, for programs that send through that interface
 * only (systemd-resolved does). That route goes with the interface, and network managers clear away what they do not
 * know: it is put back when routes have changed. Nothing else in the guest is touched.
 */
#ifndef GUESTAGENT_ADDRESS_H
#define GUESTAGENT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

#define ADDRESS_LABEL "lo:lima-dns"

/* -1 with errno: then nothing was changed. Harmless when it is taken already. */
int address_take(struct in_addr ip);
void address_give_back(struct in_addr ip);
/* Whether there is one that an agent which was killed has left. */
bool address_left_over(struct in_addr *ip);

#endif
