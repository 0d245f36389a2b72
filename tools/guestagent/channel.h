/* channel - a connection to the host: frames in, frames out, over whatever descriptor it is.
 *
 * Output goes through a queue of fixed size. Nothing is ever dropped from it and it never grows: who has more to say
 * asks for room first and comes back later. Byte streams leave CHANNEL_RESERVE free for the others.
 */
#ifndef GUESTAGENT_CHANNEL_H
#define GUESTAGENT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "loop.h"
#include "wire.h"

#define CHANNEL_OUT (4 * (WIRE_CHUNK + WIRE_HEADER))
#define CHANNEL_RESERVE 8192u
#define CHANNEL_GROUPS 32

/* On whose behalf the other end speaks: the machine's owner (uid 0), or a user of the guest on the unix socket. */
struct peer {
	uid_t uid;
	gid_t gid;
	int n_groups;
	gid_t groups[CHANNEL_GROUPS];
};

struct channel {
	struct source src;
	const char *name; /* for messages */
	bool port;        /* a virtio port: comes and goes without being closed */
	bool up;          /* the host end is there */
	bool readable;    /* there may be more to read */
	uint32_t watched; /* the events that are waited for */
	uint64_t skipped; /* of in.skipped, what was seen to */
	struct peer peer;
	size_t head, tail; /* the queue: out[head..tail) */
	size_t torn;       /* of a frame at `head` that was written in part, the bytes left */
	struct wire_reader in;
	uint8_t out[CHANNEL_OUT];
};

/* Begins with an open, non-blocking descriptor. -1: it cannot be watched (errno); fd is closed. */
int channel_start(struct channel *c, int fd, bool port, const char *name, void (*ready)(struct source *, uint32_t));
/* Ends it; the descriptor is closed. */
void channel_stop(struct channel *c);
/* Forgets what was queued and half read, when the other end turned out to be a new one. */
void channel_forget(struct channel *c);

/* Whether a frame with `len` bytes of payload fits. For streams the reserve is taken off first. */
bool channel_room(const struct channel *c, size_t len);
bool channel_room_data(const struct channel *c, size_t len);
/* Queues a frame; false (and nothing done) when there is no room or no host. */
bool channel_send(struct channel *c, uint8_t type, uint32_t stream, const void *payload, size_t len);
/* The same for a payload that is read right into the queue: where it goes (room was asked for before), then its length.
 * */
uint8_t *channel_reserve(struct channel *c, size_t len);
void channel_commit(struct channel *c, uint8_t type, uint32_t stream, size_t len);

/* Waits for what is needed next: input when there is room to answer it (`more`), output when some is queued. */
void channel_watch(struct channel *c, bool more);
/* Writes what the kernel takes. -1: the connection is gone. */
int channel_flush(struct channel *c);
/* Reads once into the reader. 1: something, 0: nothing now, -1: the connection is gone. */
int channel_read(struct channel *c);

#endif
