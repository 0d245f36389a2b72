/* argv - the command line of QEMU, as lima-qemu-argv has made it. */
#ifndef HOSTAGENT_ARGV_H
#define HOSTAGENT_ARGV_H

#include "buf.h"
#include "err.h"

struct agent;

/* Reads qemu.argv; the devices of mounts that are not served are left out. EXIT_BADDATA when it is empty. */
int argv_load(const struct agent *a, struct strv *argv, struct err *e);

#endif
