/* zones - the names of a network: zones with records, told over the API (api.h).
 *
 * A record "lima-x" of the zone "internal." is the name lima-x.internal. A zone with a default address has that for every other
 * name in it, and for its own; without one, names that it has no record of are asked for elsewhere, as if the zone were not
 * there. (In Lima's daemon such names do not exist; but a host foo.example.com becomes a record of "com." there.)
 */
#ifndef USERNET_ZONES_H
#define USERNET_ZONES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "dns/dns_msg.h"
#include "err.h"

#define ZONES_MAX 256u
#define RECORDS_MAX 4096u /* of all zones */

struct zone_record {
	char *name;
	struct dns_name full;
	uint32_t ip;
};
struct zone {
	char *name;
	struct dns_name full;
	uint32_t default_ip; /* 0: none */
	struct zone_record *v;
	size_t n;
};
struct zones {
	struct zone *v;
	size_t n, records;
};

/* Adds {"Name","Records":[{"Name","IP"}],"DefaultIP"}. A zone of that name is merged: the new records come first, and replace
 * those of their names. -1 (EXIT_BADDATA) when it is not like that or too much; nothing is changed then. */
int zones_add(struct zones *z, const cJSON *body, struct err *e);
/* All, as a list of such objects. The caller frees it. */
char *zones_json(const struct zones *z);
void zones_free(struct zones *z);

/* Whether a name is here, with *ip its address. */
bool zones_find(const struct zones *z, const struct dns_name *name, uint32_t *ip);
/* The name of the newest record with that address, or NULL. */
const struct dns_name *zones_reverse(const struct zones *z, uint32_t ip);

#endif
