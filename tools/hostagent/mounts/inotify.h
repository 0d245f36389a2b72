/* inotify - mountInotify: what changes in a writable mounted folder here is told to the guest agent, which sets the
 * times of the file in the guest, so that programs that watch it there notice. (Nothing else makes a kernel tell of
 * changes that happen on the other side of a network file system.) */
#ifndef HOSTAGENT_INOTIFY_H
#define HOSTAGENT_INOTIFY_H

#include <stddef.h>

struct agent;

struct inotify {
	struct changes *changes;
	struct dirwatch **w; /* for each mount; NULL: not watched */
	size_t n;
};

/* The guest is ready. Does nothing when it was not asked for, or runs already. */
void inotify_start(struct agent *a);
void inotify_stop(struct agent *a);

#endif
