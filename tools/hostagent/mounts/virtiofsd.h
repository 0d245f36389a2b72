/* virtiofsd - the vhost-user file server of QEMU: which one this host has, and its command line.
 *
 * There are two programs of that name: the one in C that came with QEMU up to 7.2, and the one in Rust that replaced
 * it. Both take a listening socket as a descriptor (--fd), so that nobody has to wait for a socket file.
 */
#ifndef HOSTAGENT_VIRTIOFSD_H
#define HOSTAGENT_VIRTIOFSD_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

struct virtiofsd {
	char *path; /* the caller frees it */
	bool rust;
};

/* Looks in the vhost-user descriptions (*.json with "type":"fs") of $HOME/.local/share/qemu/vhost-user, of the
 * installation that `qemu` belongs to, and of /usr/share; then at the usual places. */
int virtiofsd_find(const char *qemu, struct virtiofsd *v, struct err *e);
/* The argv that serves `dir` on the listening socket that the process has as descriptor 3. One that is not writable is
 * kept from being changed here, because root in the guest can mount as he likes: by the program, or by lima-confine(1),
 * whose path is `confine`. */
void virtiofsd_argv(const struct virtiofsd *v, const char *dir, bool writable, const char *confine,
		    struct strv *argv);

#endif
