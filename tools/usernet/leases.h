/* leases - which guest has which address: a place for each address of the pool, and a file that outlives us.
 *
 * The file is a JSON object {"IP":"MAC"}, read at the start and replaced at every change. A guest keeps its address for ever;
 * only when there are no others is that given to somebody else that was not asked for again for the longest time.
 */
#ifndef USERNET_LEASES_H
#define USERNET_LEASES_H

#include <stdint.h>

#include "err.h"
#include "subnet.h"

#define LEASE_S 3600   /* what guests are told */
#define OFFER_S 60     /* an offered address is kept for the guest that long */
#define DECLINED_S 600 /* an address that somebody else was seen with is not given out that long */

enum lease_state { LEASE_FREE, LEASE_OFFERED, LEASE_BOUND, LEASE_DECLINED };

struct lease {
	enum lease_state state;
	struct mac mac;   /* of OFFERED and BOUND */
	int64_t until_ms; /* mono_ms; of a bound one: that may be past */
};

/* A lease that is new, or that another guest had before. */
typedef void lease_fn(void *arg, uint32_t ip, const struct mac *mac);

struct leases {
	const struct subnet *subnet;
	const char *path; /* NULL: no file */
	struct lease *v;  /* subnet->guests of them */
	lease_fn *fn;
	void *arg;
};

/* `path` stays valid. A file that cannot be understood is an error; entries of another network are left out, with a word on
 * stderr. */
int leases_open(struct leases *l, const struct subnet *s, const char *path, struct err *e);
/* "IP=MAC,...", as --leases has it. */
int leases_add_text(struct leases *l, const char *text, struct err *e);
void leases_free(struct leases *l);

/* The guest that an address is bound to, or NULL. */
const struct mac *leases_mac(const struct leases *l, uint32_t ip);
/* The address bound to a guest or offered to it, or 0. */
uint32_t leases_ip(const struct leases *l, const struct mac *mac);
/* Whether an address may be given to this guest at `now`. */
bool leases_can_have(const struct leases *l, uint32_t ip, const struct mac *mac, int64_t now);

/* An address for a guest: its own, else `wish` when that is free, else the lowest free one. 0: there is none. */
uint32_t leases_offer(struct leases *l, const struct mac *mac, uint32_t wish, int64_t now);
/* Binds an address that leases_can_have, and whatever else the guest had becomes free. */
void leases_bind(struct leases *l, uint32_t ip, const struct mac *mac, int64_t now);
/* The guest took another server's offer, gave its address back, or found it in use. */
void leases_withdraw(struct leases *l, const struct mac *mac);
void leases_release(struct leases *l, uint32_t ip, const struct mac *mac, int64_t now);
void leases_decline(struct leases *l, uint32_t ip, const struct mac *mac, int64_t now);

/* The bound leases as JSON. The caller frees it. */
char *leases_json(const struct leases *l);

#endif
