/* machine_check - what stands in the way of a machine: looked for before QEMU starts, and read from what QEMU says. */
#ifndef HOSTAGENT_MACHINE_CHECK_H
#define HOSTAGENT_MACHINE_CHECK_H

#include "err.h"

struct agent;

/* Nobody may be using the machine of this instance (EXIT_TRYAGAIN), nor the fixed port of ssh.localPort (EXIT_UNAVAIL,
 * with the process that has it when it can be seen). */
int machine_check(struct agent *a, struct err *e);
/* Known complaints of QEMU in the words of a user. The caller frees it. */
char *machine_explain(const struct agent *a, const char *said);

#endif
