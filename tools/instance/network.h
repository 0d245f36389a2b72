/* network - which user-v2 networks have to run: those of the machines that run, and of the one that is about to start.
 *
 * Who starts a machine holds its instance's lock from before networks_start until its host agent runs. Whoever looks for networks
 * that nobody needs counts an instance with a held lock as one that runs, so it never takes a network away from under a start. All
 * starting and ending of daemons happens under one lock, $LIMA_HOME/_locks/_networks: 20 starts at once start a daemon once.
 */
#ifndef INSTANCE_NETWORK_H
#define INSTANCE_NETWORK_H

#include "instance.h"

/* Starts the networks of an instance that was built and is about to be started (its lock is held), where they do not run yet. */
int networks_start(const struct instance *in, struct err *e);
/* Ends the networks that no machine needs. Called without the lock of the instance that was stopped: of several that are stopped
 * at once, the last one then finds the others stopped. What goes wrong is said, not returned: the machine was stopped all the
 * same. */
void networks_tidy(void);
/* Starts what the running machines need and ends what none does: what the two above have missed, as after a crash. */
int networks_reconcile(struct err *e);
/* The instances that have a network, in those that run and those that do not (either may be NULL). */
int networks_users(const char *name, struct strv *running, struct strv *stopped, struct err *e);

#endif
