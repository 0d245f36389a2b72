/* tunnel - streams between sockets of the host and the guest agent, multiplexed on its channel.
 *
 * Each stream has its own credit in both directions (wire.h), so that a slow one fills its own buffers and nobody
 * else's. At most WIRE_STREAMS_MAX of them. What the guest sends against the protocol ends the stream in question.
 */
#ifndef HOSTAGENT_TUNNEL_H
#define HOSTAGENT_TUNNEL_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "wire.h"

#define TUNNEL_OUT_MAX (256u << 10)      /* bytes of ours that may wait for the guest */
#define TUNNEL_BUFFERED_MAX (8u << 20)   /* beyond it no stream is given more than the first credit */
#define TUNNEL_UDP_IDLE_S 90             /* then a UDP flow is over */

struct tunnels;
struct tunnel_udp;

struct tunnels *tunnels_new(struct event_base *base);
void tunnels_free(struct tunnels *ts);
/* The channel's bufferevent; tunnels_down before it is freed. All streams of the session before end. */
void tunnels_up(struct tunnels *ts, struct bufferevent *guest);
void tunnels_down(struct tunnels *ts);
bool tunnels_are_up(const struct tunnels *ts);
/* OPENED, DATA, EOF, RESET, CREDIT_MORE; others are ignored. */
void tunnels_frame(struct tunnels *ts, const struct wire_frame *f);
unsigned tunnels_count(const struct tunnels *ts);

/* Connects an accepted, non-blocking connection (taken over, also on failure) to an address in the guest. `count`, when
 * given, is incremented while it lasts. */
void tunnel_connect(struct tunnels *ts, int fd, const struct wire_addr *to, unsigned *count);

/* Serves a bound UDP socket (taken over): each peer gets a stream of its own. NULL with errno. */
struct tunnel_udp *tunnel_udp_new(struct tunnels *ts, int fd, const struct wire_addr *to, unsigned *count);
/* Asks before a peer gets a stream: `fd` is the bound socket. */
void tunnel_udp_guard(struct tunnel_udp *u, bool (*may)(void *arg, int fd, const struct sockaddr *peer), void *arg);
/* New flows go there from now on. */
void tunnel_udp_target(struct tunnel_udp *u, const struct wire_addr *to);
void tunnel_udp_free(struct tunnel_udp *u);

#endif
