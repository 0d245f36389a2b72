/* tpm - the TPM of an instance with `tpm: true`: swtpm, a program of its own that QEMU talks to.
 *
 * Its state is in DIR/swtpm and belongs to the user, like the disk. The socket is bound here and handed over, so that
 * nobody has to wait for it. It ends by itself when QEMU does.
 */
#ifndef HOSTAGENT_TPM_H
#define HOSTAGENT_TPM_H

#include "err.h"

struct agent;

struct tpm {
	struct child *daemon;
	char *problem; /* why it is gone while the machine runs */
};

/* Starts it, when the instance has one, before QEMU. EXIT_UNAVAIL when swtpm is not installed. */
int tpm_start(struct agent *a, struct err *e);
/* What it printed last, on one line; "" when there is none. The caller frees it. */
char *tpm_said(const struct agent *a);
/* Ends it when the machine has ended. */
void tpm_free(struct agent *a);

#endif
