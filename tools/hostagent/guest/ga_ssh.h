/* ga_ssh - the other way to the guest agent, for guests that have no virtio port (an old kernel, a machine without the
 * device): the agent then listens on a unix socket of the guest, which ssh forwards to ga.ssh.sock. The frames are the
 * same (wire.h). Slower, encrypted, and only there once ssh works; so it is tried when the port stays silent.
 */
#ifndef HOSTAGENT_GA_SSH_H
#define HOSTAGENT_GA_SSH_H

#include <stdbool.h>

struct agent;
struct event;
struct job;

struct ga_ssh {
	bool active;         /* the connection of ga.c goes this way */
	bool ready;          /* ssh works */
	struct event *timer; /* the next attempt */
	struct job *job;
	int step;            /* of this attempt */
};

/* Logging in works: from now on the port is not waited for without end. */
void ga_ssh_ready(struct agent *a);
/* The connection by ssh has ended, or never answered. `heard`: it had been of use. */
void ga_ssh_ended(struct agent *a, bool heard);
/* Somebody answers, on whichever way. */
void ga_ssh_heard(struct agent *a);
/* The guest boots anew, or all ends: forgets that ssh worked. */
void ga_ssh_stop(struct agent *a);

#endif
