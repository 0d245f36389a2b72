/* out_parts - the steps of out_facts that live in files of their own. Each fills its part of *o. */
#ifndef LIMA_OUT_PARTS_H
#define LIMA_OUT_PARTS_H

#include "out.h"

void out_shares(struct out *o);   /* out_mounts.c: mount_type, share, home_mount */
void out_disks(struct out *o);    /* out_disks.c: disk */
void out_ca_certs(struct out *o); /* out_ca.c: ca_certs */
/* out_usernet.c: adds a user-v2 network, without its mac; the first one's gateway and name server are those of the instance. NULL
 * when `name` is no such network. The pointer is good until the next call. */
struct usernet *out_usernet_add(struct out *o, const char *name);

#endif
