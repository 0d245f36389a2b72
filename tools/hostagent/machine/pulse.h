/* pulse - whether QEMU answers. Found out when somebody asks, so that nothing wakes up while nobody does.
 *
 * A QEMU that is stopped by a signal, or hangs on a disk of a network, is left alone: it may go on at any time.
 */
#ifndef HOSTAGENT_PULSE_H
#define HOSTAGENT_PULSE_H

#include <stdbool.h>

struct agent;

struct pulse {
	bool asked;  /* a question is on its way */
	bool silent; /* the last one was not answered in time, or not yet */
	struct event *timer;
};

/* Asks QEMU how it is. true: all is known that can be known now. false: api_pulse is called when it has answered, or
 * when its time is up. */
bool pulse_take(struct agent *a);
/* The connection that the answer would have come on is over. */
void pulse_lost(struct agent *a);
void pulse_free(struct agent *a);

#endif
