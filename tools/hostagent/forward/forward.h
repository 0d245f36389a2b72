/* forward - makes what listens in the guest reachable on the host, as far as the rules say so (forward_rules.h).
 *
 * The host's listeners are ours; connections to them become streams on the guest agent's channel (tunnel.h). The guest
 * is not trusted: it can only ask for what the rules allow, never for the SSH ports; it cannot make us bind more than
 * FORWARD_LISTENERS_MAX sockets or do it faster than FORWARD_RATE in a second; and it never opens a connection to the
 * host. A port that somebody on the host listens on stays theirs; that is reported, and tried again while the guest
 * listens.
 *
 * How the rest of the host agent uses it:
 *
 *   forward_new        once the SSH port is known
 *   forward_guest_up   after each HELLO with a session that is new; before that `forward_guest_gone` when one was up
 *   forward_frame      for PORTS, and OPENED to CREDIT
 *   forward_guest_gone before the bufferevent of the channel is freed, and when the guest's agent is gone
 *   forward_reload     when the rules have changed
 *   forward_free       at the end; all listeners are closed
 */
#ifndef HOSTAGENT_FORWARD_H
#define HOSTAGENT_FORWARD_H

#include <cjson/cJSON.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "kv.h"
#include "wire.h"

#define FORWARD_LISTENERS_MAX 1024
#define FORWARD_GUEST_MAX 4096 /* listeners of the guest that are known about; more are passed over */
#define FORWARD_BURST 1024     /* sockets bound, or messages about others, at once ... */
#define FORWARD_RATE 50        /* ... and then in a second */

struct forward;

struct forward_ops {
	void *arg;
	/* An event of ha.stdout.log: {"type":..,"protocol":..,"guestAddr":..,"hostAddr":..,"error":..}; takes it over.
	 * */
	void (*event)(void *arg, cJSON *port_forward);
	/* Lets ssh forward (-L, or -R when reverse) or cancel; `local` and `remote` are as ssh wants them. The result
	 * is told with forward_ssh_result. NULL: ssh is not available. */
	void (*ssh)(void *arg, unsigned id, bool cancel, bool reverse, const char *local, const char *remote);
};

struct forward_options {
	uint16_t ssh_port; /* on the host; 0: none */
	bool plain;        /* no guest agent: static rules only, by ssh */
	bool by_ssh;       /* LIMA_SSH_PORT_FORWARDER */
	bool owner_only;   /* LIMA_FORWARD_OWNER_ONLY: what comes to a loopback address must be owner's, or root's */
	uid_t owner;
};

/* Reads the rules in `conf` (agent.conf) and sets up the static ones and those for sockets. NULL: a rule makes no
 * sense. */
struct forward *forward_new(struct event_base *base, const struct kv *conf, const struct forward_options *o,
			    const struct forward_ops *ops, struct err *e);
void forward_free(struct forward *f);
/* Other rules from now on. Places that no rule wants any more are closed, new ones opened; those that stay are not touched,
 * nor are connections that were made before (a flow of UDP ends with its place). -1: a rule makes no sense; the old
 * ones stay in force. */
int forward_reload(struct forward *f, const struct kv *conf, struct err *e);

/* `guest` carries frames in both directions, and stays the caller's; frames are written into its output buffer. */
void forward_guest_up(struct forward *f, struct bufferevent *guest);
void forward_guest_gone(struct forward *f);
void forward_frame(struct forward *f, const struct wire_frame *frame);
void forward_ssh_result(struct forward *f, unsigned id, bool ok, const char *why);

/* For /v1/info: {"list":[{"protocol","guestAddr","hostAddr","state","error","static","connections"[,"reverse":true]}...],
 * "streams":N, "notForwarded":N}. state is one of forwarding, waiting, failed. The caller frees it. */
cJSON *forward_json(const struct forward *f);

#endif
