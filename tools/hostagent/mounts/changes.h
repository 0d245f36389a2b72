/* changes - from a flood of changes of files to few messages: several changes of a file in a short time are one, a file that is
 * gone is none, and no more go out than so many in a second. What the guest's answer does to a file here (it sets the
 * time of the file, and we see that) is no news. */
#ifndef HOSTAGENT_CHANGES_H
#define HOSTAGENT_CHANGES_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANGES_DELAY_MS 50  /* that changes are collected */
#define CHANGES_BURST 32     /* messages in each such time */
#define CHANGES_FILES 4096   /* remembered, waiting ones included; more that wait are dropped */

struct changes;

struct changes_calls {
	/* Tells of a file; -1: not now, try it again. `ns`: its time of change. */
	int (*send)(void *arg, const char *path, int64_t ns);
	/* Changes were dropped, because too many wait. */
	void (*dropped)(void *arg);
	void *arg;
};

struct changes *changes_new(struct event_base *base, const struct changes_calls *calls);
void changes_add(struct changes *c, const char *path);
void changes_free(struct changes *c);

/* Whether a file's time is the one that was sent, as it may look when it came back: file systems and protocols cut it to
 * their grain, SFTP to seconds. */
bool changes_same_time(int64_t sent, int64_t now);

#endif
