/* usernet - the daemon of one user-v2 network, lima-usernet: started, found, ended.
 *
 * Its files are in $LIMA_HOME/_networks/NAME. It holds `lock` there as long as it lives; that, and no pid file, says whether it
 * runs. Whoever calls usernet_start and usernet_end holds the lock of all networks (network.h).
 */
#ifndef INSTANCE_USERNET_H
#define INSTANCE_USERNET_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct usernet {
	const char *name, *dir, *subnet; /* of the caller; subnet as 192.168.104.0/24 */
};

/* Whether it runs; *pid (may be NULL) is its process. */
bool usernet_runs(const char *dir, pid_t *pid);
/* The subnet it was started with last; "" when that is not known. The caller frees it. */
char *usernet_subnet(const char *dir);
/* Starts it and waits until it listens. EXIT_UNAVAIL with what it said last when it does not. */
int usernet_start(const struct usernet *u, struct err *e);
/* Ends it and waits for its end; one that does not listen to that is killed. What it knows about addresses stays in leases.json. */
int usernet_end(const char *name, const char *dir, struct err *e);

#endif
