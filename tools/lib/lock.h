/* lock - advisory locks by flock(2) on a small file that also says who holds it. */
#ifndef LIMA_LOCK_H
#define LIMA_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct lock {
	int fd; /* -1 = not held */
};

/* Takes the exclusive lock `path` (created 0600 when missing). With `wait_ms` = 0 a lock that is held is an error
 * at once (EXIT_TRYAGAIN, naming the holder's pid); otherwise waits up to that long, after saying so once on stderr;
 * -1 waits without limit. The lock ends with lock_release or with the process; a file is left behind, on purpose. */
int lock_take(const char *path, int wait_ms, struct lock *l, struct err *e);
void lock_release(struct lock *l);

/* Whether some live process holds the lock; *holder (may be NULL) is the pid it wrote, 0 when unknown. */
bool lock_held(const char *path, pid_t *holder);

/* Waits until nobody holds the lock; false when wait_ms went by first. */
bool lock_await(const char *path, int wait_ms);

#endif
