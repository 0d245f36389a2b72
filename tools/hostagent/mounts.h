/* mounts - host folders in the guest, as far as a process on the host is needed for them.
 *
 * 9p             nothing: QEMU does it.
 * virtiofs       one virtiofsd for each mount, started before QEMU; it ends when QEMU disconnects.
 * reverse-sshfs  for each mount a sshfs in the guest, run over ssh, whose standard input and output are those of an
 *                sftp-server here (sshfs.c). Both end with us, and are started again when one of them breaks.
 */
#ifndef HOSTAGENT_MOUNTS_H
#define HOSTAGENT_MOUNTS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct agent;

enum mount_state {
	MOUNT_WAITING,  /* for the guest to be able to */
	MOUNT_STARTING,
	MOUNT_OK,
	MOUNT_BROKEN,   /* it was there; it is tried again */
	MOUNT_FAILED,   /* it was never there; it is tried again, but nobody waits for it */
};

struct mount {
	struct agent *a;
	size_t i; /* its number in agent.conf */
	enum mount_state state;
	char *problem; /* NULL: none */
	struct child *daemon; /* virtiofs */
	struct job *server, *client, *check; /* reverse-sshfs */
	struct event *timer;
	unsigned tries;
	bool stopping;
};

struct mounts {
	struct mount *m;
	size_t n;
	struct event *bound; /* for stopping */
	void (*stopped)(struct agent *a);
};

/* Reads the list of mounts, before the machine starts. */
void mounts_init(struct agent *a);
/* Starts what a new QEMU needs to find (virtiofsd). */
int mounts_serve(struct agent *a, struct err *e);
/* Logging in works: mounts what is to be mounted over ssh, as soon as the guest can. May be called again and again. */
void mounts_start(struct agent *a);
/* Whether each is mounted or has failed. */
bool mounts_done(const struct agent *a);
/* Ends those over ssh and calls `stopped` (may be NULL), perhaps at once. */
void mounts_stop(struct agent *a, void (*stopped)(struct agent *a));
/* One of those over ssh has ended while mounts_stop waits. */
void mounts_one_ended(struct agent *a);
void mounts_free(struct agent *a);
const char *mount_state_name(enum mount_state s);
/* Sets the state and the problem (NULL: none; copied), and logs a change. */
void mount_set(struct mount *m, enum mount_state s, const char *problem);

#endif
