/* switch - an Ethernet switch: ports, which MAC address is behind which of them, and queues with an end.
 *
 * A frame in a queue, and on the stream that QEMU speaks, is a length of 4 bytes (big-endian) and the bytes. What comes from a
 * port is handed over in that form too, so that a run of frames for one port can be passed on as it is, without a copy.
 *
 * A port is not trusted. It has so many addresses and so long a queue; what is beyond that is dropped and counted, never
 * waited for. An address belongs to the port that used it first, until that port is gone: nobody can move it to himself.
 */
#ifndef USERNET_SWITCH_H
#define USERNET_SWITCH_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"

#define PORTS_MAX 64u
#define PORT_MACS_MAX 16u          /* addresses behind one port */
#define PORT_QUEUE_MAX (4u << 20)  /* bytes that wait for a guest that does not read */
#define FRAME_PREFIX 4u

struct net_switch;
struct port;

struct port_type {
	const char *name;
	/* Writes some of the queue from p->out[p->at] to p->len, and moves p->at over what it wrote, which are whole frames for
	 * all but streams. 0; 1: it is full for now; -1: the port is to be closed. */
	int (*write)(struct port *p);
	/* Whether the other end is still there; NULL for those that tell its end. */
	bool (*alive)(struct port *p);
	/* Frees what the type has of its own; `fd` and the events are closed by the switch. */
	void (*free)(struct port *p);
};

struct port_counts {
	uint64_t rx_frames, rx_bytes; /* from the guest */
	uint64_t tx_frames, tx_bytes; /* to it: queued or written */
	uint64_t dropped;             /* to it: its queue was full */
	uint64_t refused;             /* from it: against the rules of the network */
};

struct port {
	struct net_switch *sw;
	const struct port_type *type;
	unsigned id;
	int fd;
	struct event *readable, *writable;
	bool dirty, blocked, closing;
	uint8_t *out;
	size_t at, len, cap;
	struct mac macs[PORT_MACS_MAX];
	unsigned mac_count;
	unsigned questions;  /* DNS queries under way */
	int64_t dhcp_since;  /* DHCP messages since then */
	unsigned dhcp_count;
	struct port_counts counts;
	struct port *next, *next_dirty;
	void *own; /* of the type */
};

/* What to do with a frame from a port. */
enum verdict {
	VERDICT_REFUSE, /* against the rules: drop and count it */
	VERDICT_TAKEN,  /* it was for us */
	VERDICT_SWITCH, /* to the other ports */
};
typedef enum verdict inspect_fn(void *arg, struct port *from, const struct frame *f, const uint8_t *p, size_t n);

struct net_switch *switch_new(struct event_base *base, inspect_fn *inspect, void *arg);
/* No port may use this address: it is ours. At most SWITCH_OWN_MAX of them. */
#define SWITCH_OWN_MAX 4u
void switch_reserve(struct net_switch *sw, const struct mac *m);
/* Closes all ports. */
void switch_free(struct net_switch *sw);
/* The first port, the others by `next`; some may be closing. */
struct port *switch_first(const struct net_switch *sw);
struct event_base *switch_base(const struct net_switch *sw);

/* A new port of a descriptor that does not block, which it takes over; `readable` is called with the port as its argument.
 * NULL when there are too many; the descriptor is closed then. */
struct port *port_new(struct net_switch *sw, const struct port_type *type, int fd, event_callback_fn readable);
/* Forgets a port and its addresses, when switch_flush is called next. */
void port_close(struct port *p);

/* Frames in wire form that a port has sent, n bytes in all, whole. They are not kept. */
void switch_input(struct port *from, const uint8_t *wire, size_t n);
/* A frame of our own to the port behind its destination; to all for a group address. Nowhere when nobody knows it. */
void switch_send(struct net_switch *sw, const uint8_t *p, size_t n);
/* One to a certain port. */
void port_send(struct port *p, const uint8_t *frame, size_t n);

/* Writes what waits, in as few calls as it can, and frees closed ports. Once in every round of the event loop. */
void switch_flush(struct net_switch *sw);

/* The port that an address belongs to; NULL: nobody. */
struct port *switch_find(const struct net_switch *sw, const struct mac *m);

#endif
