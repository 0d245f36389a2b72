/* disks - who uses the data disks: the symbolic link in_use_by beside each, which names the instance that has it. */
#ifndef HOSTAGENT_DISKS_H
#define HOSTAGENT_DISKS_H

#include "err.h"

struct agent;

/* Marks the disks of the instance as its own. EXIT_TRYAGAIN when another instance has one of them and runs. A mark
 * of an instance that does not run (it crashed, or the host did) is replaced. On error none is left marked by this
 * call. */
int disks_lock(struct agent *a, struct err *e);
/* Removes our own marks, and no others. */
void disks_unlock(struct agent *a);

#endif
