/* tunnel_int - what tunnel.c and tunnel_udp.c share. */
#ifndef HOSTAGENT_TUNNEL_INT_H
#define HOSTAGENT_TUNNEL_INT_H

#include "tunnel.h"

struct tunnel;

/* How a kind of stream takes what comes from the guest. */
struct tunnel_kind {
	/* Bytes, or a datagram. False: the socket is gone. */
	bool (*data)(struct tunnel *t, const uint8_t *p, uint32_t n);
	/* No more of them. */
	void (*eof)(struct tunnel *t);
	/* Bytes taken by `data` that are still in memory. */
	size_t (*buffered)(const struct tunnel *t);
	/* Puts at most one frame's worth of what waits for the guest into it; true when there may be more. */
	bool (*pump)(struct tunnel *t);
	/* Frees what is its own. `cut`: its socket is to notice. */
	void (*close)(struct tunnel *t, bool cut);
};

struct tunnel {
	const struct tunnel_kind *kind;
	struct tunnels *ts;
	uint32_t id;
	bool opened;             /* the guest has said so */
	bool eof_ours, eof_sent; /* our socket has no more; the guest was told */
	bool eof_guest;
	bool queued;             /* waits for its turn to send */
	uint32_t may_send;       /* credit from the guest */
	uint32_t may_receive;    /* what is left of the guest's */
	uint32_t window;         /* how much we let it have on the way */
	unsigned *count;
	struct tunnel *next_in_bucket, *next_in_queue;
};

/* Enters a new stream, with an OPEN to the guest. False: there is no guest, or there are too many. */
bool tunnel_begin(struct tunnels *ts, struct tunnel *t, const struct tunnel_kind *kind, const struct wire_addr *to,
		  unsigned *count);
/* Ends it without a word to the guest. */
void tunnel_end(struct tunnel *t, bool cut);
/* Ends it with RESET. */
void tunnel_reset(struct tunnel *t);
/* It has something for the guest: its turn comes. */
void tunnel_wants(struct tunnel *t);
/* Room may have come about in its buffers: gives credit. */
void tunnel_credit(struct tunnel *t);
/* Ends it when both sides have. True: it is gone. */
bool tunnel_finish(struct tunnel *t);
void tunnel_send(struct tunnels *ts, uint8_t type, uint32_t id, const void *p, uint32_t n);
/* Where frames for the guest go, for payloads that are moved instead of copied; they are sent in this round of the loop.
 */
struct evbuffer *tunnels_out(struct tunnels *ts);
/* Bytes that the guest has not taken yet. Only while it is up. */
size_t tunnels_waiting(const struct tunnels *ts);
struct event_base *tunnels_base(struct tunnels *ts);

#endif
