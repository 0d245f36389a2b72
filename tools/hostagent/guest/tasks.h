/* tasks - errands over ssh once the boot is done: the place of the forwarded ssh-agent, and files copied to the
 * host. */
#ifndef HOSTAGENT_TASKS_H
#define HOSTAGENT_TASKS_H

#include <stdbool.h>
#include <stddef.h>

struct agent;

struct tasks {
	bool started;
	size_t next; /* the errand that runs */
	bool by_sudo;
	struct job *job;
};

/* Runs them one after the other; boot_advance follows, and boot_error for each that failed. */
void tasks_start(struct agent *a);
bool tasks_done(const struct agent *a);
/* Cancels what runs. */
void tasks_stop(struct agent *a);
/* The machine has ended: removes the copied files that are to go with it. */
void tasks_clean(struct agent *a);

#endif
