/* probes - what the instance requires of a guest that is ready: the user's probes and those for containerd.
 *
 * They run one after the other over ssh, each again and again until it succeeds: soon at first, then every 3 s.
 */
#ifndef HOSTAGENT_PROBES_H
#define HOSTAGENT_PROBES_H

#include <stdbool.h>
#include <stddef.h>

struct agent;

struct probes {
	bool once;
	size_t next, n;
	unsigned tries;
	struct job *job;
	struct event *timer;
	char *containerd; /* the script of the probe for it */
};

/* Starts them; with `once` each is tried only once: boot scripts failed, so waiting may be in vain. Calls
 * boot_advance when all are done, and boot_error for each that failed. */
void probes_start(struct agent *a, bool once);
bool probes_done(const struct agent *a);
void probes_stop(struct agent *a);

#endif
