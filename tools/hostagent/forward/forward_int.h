/* forward_int - what forward.c (what the guest wants), forward_fixed.c (what the rules want in any case), forward_reload.c
 * (other rules) and forward_bound.c (places on the host) share. */
#ifndef HOSTAGENT_FORWARD_INT_H
#define HOSTAGENT_FORWARD_INT_H

#include <event2/listener.h>

#include "forward.h"
#include "forward_rules.h"
#include "hostagent/log.h"
#include "tunnel.h"

enum bound_state {
	BOUND_IDLE,    /* nobody wants it; kept for a while, to notice when it comes and goes all the time */
	BOUND_WAITING, /* to be opened at `due` */
	BOUND_OPEN,
	BOUND_BY_SSH,  /* ssh was asked to, and has it unless it says no */
	BOUND_FAILED,  /* tried again at `due`, if that is set */
};

/* By whose wish a place is there. */
struct bound_kind {
	bool permanent; /* of a static rule, or of one for a socket */
	bool reverse;
	bool built_in; /* by a rule that is not the user's */
};

/* A place on the host. */
struct bound {
	struct forward *f;
	unsigned id;
	uint8_t proto; /* of the host's side: tcp, udp, unix */
	struct bound_kind kind;
	unsigned round; /* of the rules (struct forward) that settled what it is */
	struct ip ip;
	uint16_t port;
	char *path; /* unix */
	struct wire_addr to;
	enum bound_state state;
	char error[256];
	struct evconnlistener *tcp;
	struct tunnel_udp *udp;
	unsigned connections;
	unsigned flaps;
	int64_t retry_ms;
	int64_t closed, due; /* mono_ms, 0: never */
};

/* A listener in the guest. Several may want the same place (127.0.0.1:80 and [::]:80): the
 * first has it, and when that goes, the next takes over without the place being closed. */
struct wanted {
	struct wire_addr a;
	struct bound *at; /* NULL: no rule lets it through, or a static one has it */
	bool stale; /* not named again since "=" */
	bool had;   /* a place, before the rules changed */
};

struct forward {
	struct event_base *base;
	struct forward_ops ops;
	struct forward_options opt;
	struct forward_rules rules;
	unsigned round; /* how many rules there have been */
	struct tunnels *tunnels;
	struct bound **bound;
	size_t n_bound;
	struct wanted *guest;
	size_t n_guest;
	unsigned last_id;
	uint64_t not_forwarded;
	int64_t sweep_at, gone_at; /* mono_ms, 0: nothing is to be done */
	struct event *timer;
	double tokens;     /* of the rate limit */
	int64_t tokens_at; /* mono_ms */
	struct log_limit limit;
};

/* forward.c */

/* Whether one more event or socket is within the measure that a guest is allowed. */
bool forward_take_token(struct forward *f);
/* Sees to it that forward_due runs at the next time that something is due. */
void forward_arm(struct forward *f);
/* An event; b may be NULL. */
void forward_tell(struct forward *f, const char *type, const struct wire_addr *guest, const struct bound *b);
void forward_host_text(const struct bound *b, char *out, size_t n);
void forward_guest_text(const struct wire_addr *a, char *out, size_t n);

/* A listener that is not forwarded: counted, and told within measure. */
void forward_passed_over(struct forward *f, const struct wire_addr *a);
/* The rule that decides about a listener; NULL: it is not forwarded. */
const struct forward_rule *forward_rule_for(const struct forward *f, const struct wire_addr *a);
/* Gives a listener its place by a rule, and opens that if nobody has. False: there are too many. */
bool forward_place(struct forward *f, const struct forward_rule *rule, struct wanted *w);
/* The first listener that wants a place; NULL: none. */
struct wanted *forward_first_at(struct forward *f, const struct bound *b);

/* forward_fixed.c */

/* Opens the places of static rules and of those for sockets. */
void forward_fixed_open(struct forward *f);
/* Whether one of these rules wants the place. */
bool forward_fixed_has(const struct forward *f, const struct bound *b);

/* forward_bound.c */

/* The same as bound_get for a place that is there; NULL: it is not. */
struct bound *bound_find(struct forward *f, uint8_t proto, const struct ip *ip, uint16_t port, const char *path);
/* The rules of this round want it so and leading there: opened, moved, opened anew when it must be, or left alone. */
void bound_set(struct bound *b, const struct bound_kind *kind, const struct wire_addr *to);

/* The place for a port by its rule, or for a path; made when it is not there. NULL: there are too many. */
struct bound *bound_get(struct forward *f, uint8_t proto, const struct ip *ip, uint16_t port, const char *path);
/* From now on it leads there; it is opened now, or a little later. */
void bound_open(struct bound *b, const struct wire_addr *to);
/* It leads somewhere else, without being closed. */
void bound_move(struct bound *b, const struct wire_addr *to);
/* Nobody wants it any more. Connections go on. */
void bound_close(struct bound *b);
/* Does what is due at `now`. */
void bound_due(struct bound *b, int64_t now);
/* ssh has answered. */
void bound_ssh_result(struct bound *b, bool ok, const char *why);
/* Accepts connections, or leaves them waiting in the kernel while there is no guest to take them. */
void bound_accept(struct bound *b, bool yes);
/* Whether it may be forgotten. */
bool bound_forgettable(const struct bound *b, int64_t now);
void bound_free(struct bound *b);

#endif
