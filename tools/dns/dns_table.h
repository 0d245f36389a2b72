/* dns_table - the static hosts: names with addresses, and aliases of other names. */
#ifndef DNS_TABLE_H
#define DNS_TABLE_H

#include "dns_msg.h"
#include "err.h"

struct dns_entry {
	struct dns_name name;
	size_t size; /* of the address: 4 or 16; 0 = an alias */
	uint8_t ip[16];
	struct dns_name alias;
};
struct dns_table {
	struct dns_entry *v;
	size_t n;
};

/* Adds an entry, or replaces that of the name. -1 when the name or the value is none. */
int dns_table_set(struct dns_table *t, const char *name, const char *value, struct err *e);
void dns_table_free(struct dns_table *t);
/* Follows aliases from *name, which becomes the name at their end; a circle ends at the first name that comes again.
 * Returns the entry with an address at the end, or NULL. */
const struct dns_entry *dns_table_follow(const struct dns_table *t, struct dns_name *name);
/* Whether it has an entry of any kind. */
bool dns_table_has(const struct dns_table *t, const struct dns_name *name);
/* The entry added last that has this address. */
const struct dns_entry *dns_table_reverse(const struct dns_table *t, const uint8_t *ip, size_t size);

#endif
