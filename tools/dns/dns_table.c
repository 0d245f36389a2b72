/* dns_table - see dns_table.h. A handful of entries, so that they are looked through. */
#include "dns_table.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const struct dns_entry *find(const struct dns_table *t, const struct dns_name *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (dns_name_equal(&t->v[i].name, name))
			return &t->v[i];
	return NULL;
}

bool dns_table_has(const struct dns_table *t, const struct dns_name *name)
{
	return find(t, name) != NULL;
}

/* The last one set is also the last one in the list. */
static void drop(struct dns_table *t, const struct dns_name *name)
{
	const struct dns_entry *old = find(t, name);
	size_t i = old ? (size_t)(old - t->v) : t->n;

	if (old)
		memmove(&t->v[i], &t->v[i + 1], (--t->n - i) * sizeof(*t->v));
}

int dns_table_set(struct dns_table *t, const char *name, const char *value, struct err *e)
{
	struct dns_entry n = { 0 };

	if (!dns_name_from_text(name, &n.name) || n.name.len == 1)
		return err_set(e, EXIT_BADDATA, "'%s' is not a host name", name);
	if (inet_pton(AF_INET, value, n.ip) == 1)
		n.size = 4;
	else if (inet_pton(AF_INET6, value, n.ip) == 1)
		n.size = 16;
	else if (!dns_name_from_text(value, &n.alias) || n.alias.len == 1)
		return err_set(e, EXIT_BADDATA, "%s: '%s' is neither an IP address nor a host name", name, value);
	drop(t, &n.name);
	t->v = xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
	t->v[t->n++] = n;
	return 0;
}

void dns_table_free(struct dns_table *t)
{
	free(t->v);
	*t = (struct dns_table){ 0 };
}

const struct dns_entry *dns_table_follow(const struct dns_table *t, struct dns_name *name)
{
	bool *visited = xcalloc(t->n + 1, sizeof(*visited));
	const struct dns_entry *found;

	while ((found = find(t, name)) && !found->size && !visited[found - t->v]) {
		visited[found - t->v] = true;
		*name = found->alias;
	}
	free(visited);
	return found && found->size ? found : NULL;
}

const struct dns_entry *dns_table_reverse(const struct dns_table *t, const uint8_t *ip, size_t size)
{
	for (size_t i = t->n; i-- > 0;)
		if (t->v[i].size == size && !memcmp(t->v[i].ip, ip, size))
			return &t->v[i];
	return NULL;
}
