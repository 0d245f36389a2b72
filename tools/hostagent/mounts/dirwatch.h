/* dirwatch - tells which files below a folder change: inotify on Linux, nothing elsewhere. Folders that appear are followed;
 * symbolic links are not. Bounded: of a tree with more folders than allowed, the rest is not watched, which is told once. */
#ifndef HOSTAGENT_DIRWATCH_H
#define HOSTAGENT_DIRWATCH_H

#include <event2/event.h>
#include <stddef.h>

#include "err.h"

struct dirwatch;

struct dirwatch_calls {
	/* `path` has appeared, has new content or attributes. It may be gone again, or be one that we never saw. */
	void (*changed)(void *arg, const char *path);
	/* Not all is watched: why. Once for each dirwatch. */
	void (*incomplete)(void *arg, const char *why);
	void *arg;
};

/* Begins to watch below `root`; the folders are found bit by bit from the loop. `max`: folders, at most. NULL and *e
 * (EXIT_UNAVAIL) when the kernel cannot. */
struct dirwatch *dirwatch_new(struct event_base *base, const char *root, size_t max, const struct dirwatch_calls *calls,
			      struct err *e);
/* How many folders are watched. */
size_t dirwatch_count(const struct dirwatch *w);
void dirwatch_free(struct dirwatch *w);

#endif
