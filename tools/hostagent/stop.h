/* stop - the orderly end: mounts, the shared ssh connection, the guest by its power button, then by force. */
#ifndef HOSTAGENT_STOP_H
#define HOSTAGENT_STOP_H

#include <stdbool.h>

struct agent;

struct stop {
	bool force;
	bool pressed; /* the power button was */
	struct job *mux_exit;
	struct event *timer, *again;
};

/* Begins to stop, or makes a stop that goes on a forced one. */
void stop_begin(struct agent *a, bool force);
void stop_free(struct agent *a);

#endif
