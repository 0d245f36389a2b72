/* mounts - host folders in the guest, as far as a process on the host is needed for them.
 *
 * 9p             nothing: QEMU does it.
 * virtiofs       one virtiofsd for each mount, started before QEMU; it ends when QEMU disconnects.
 * reverse-sshfs  for each mount a sshfs in the guest, run over ssh, whose standard input and output are those of an
 *                sftp-server here (sshfs.c). Both end with us, and are started again when one of them breaks.
 *
 * A type that does not work falls to reverse-sshfs with a warning, mount by mount: when QEMU cannot do it or has no
 * virtiofsd (then QEMU is started without the device), when the guest says that it cannot, and when a virtiofsd ends
 * under a running guest.
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
	bool by_sshfs;  /* because it was asked for, or by falling back */
	bool unserved;  /* QEMU runs without its device */
	bool lost;      /* its virtiofsd has ended: what the guest has mounted answers nothing any more */
	char *fallback; /* why it fell to reverse-sshfs; NULL: it did not */
	struct child *daemon; /* virtiofs */
	struct job *server, *client, *check; /* reverse-sshfs */
	struct event *timer;
	unsigned tries;
	bool stopping;
};

struct mounts {
	struct mount *m;
	size_t n;
	char *confine;    /* the path of lima-confine */
	char *unconfined; /* why the servers of reverse-sshfs run without it; NULL: they do not */
	struct event *bound; /* for stopping */
	void (*stopped)(struct agent *a);
};

/* Reads the list of mounts, before the machine starts. */
void mounts_init(struct agent *a);
/* Starts what a new QEMU needs to find (virtiofsd). A mount that cannot be served falls back. */
int mounts_serve(struct agent *a, struct err *e);
/* Whether an argument of QEMU belongs to a mount that is not served: then it and the option before it are left out. */
bool mounts_unserved(const struct agent *a, const char *arg);
/* QEMU ended at its start and said this. Whether that was about a mount, which is not served from now on, so that
 * starting again may help. */
bool mounts_blame(struct agent *a, const char *said);
/* The boot status of the guest has changed: it may tell of mounts that it could not do. */
void mounts_on_status(struct agent *a);
/* Logging in works: mounts what is to be mounted over ssh, as soon as the guest can. May be called again and again. */
void mounts_start(struct agent *a);
/* Whether a virtiofsd has ended under the guest. */
bool mounts_any_lost(const struct agent *a);
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
