/* out_parts - the steps of out_facts that live in files of their own. Each fills its part of *o. */
#ifndef LIMA_OUT_PARTS_H
#define LIMA_OUT_PARTS_H

#include "out.h"

void out_shares(struct out *o);   /* out_mounts.c: mount_type, share, home_mount */
void out_disks(struct out *o);    /* out_disks.c: disk */
void out_ca_certs(struct out *o); /* out_ca.c: ca_certs */

#endif
