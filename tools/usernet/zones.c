/* zones - see zones.h. */
#include "zones.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "frame.h"

/* --- reading --- */


static void record_free(struct zone_record *r)
{
	free(r->name);
}

static void zone_free(struct zone *z)
{
	for (size_t i = 0; i < z->n; i++)
		record_free(&z->v[i]);
	free(z->v);
	free(z->name);
}

static int read_record(const cJSON *item, const struct zone *zone, struct zone_record *r, struct err *e)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "Name"));
	const char *ip = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "IP"));
	struct dns_name relative;

	if (!name || !dns_name_from_text(name, &relative) || relative.len == 1 ||
	    !dns_name_join(&relative, &zone->full, &r->full))
		return err_set(e, EXIT_BADDATA, "zone %s: '%s' is not a host name", zone->name, name ? name : "");
	if (!ip || !ip_parse(ip, &r->ip) || r->ip == 0)
		return err_set(e, EXIT_BADDATA, "zone %s: %s: '%s' is not an IPv4 address", zone->name, name, ip ? ip : "");
	r->name = xstrdup(name);
	return 0;
}

static int read_records(const cJSON *list, struct zone *z, struct err *e)
{
	const cJSON *item;

	if (!list || cJSON_IsNull(list))
		return 0;
	if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) > RECORDS_MAX)
		return err_set(e, EXIT_BADDATA, "zone %s: Records is not a list of at most %u records", z->name, RECORDS_MAX);
	z->v = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*z->v));
	cJSON_ArrayForEach(item, list) {
		if (read_record(item, z, &z->v[z->n], e) < 0)
			return -1;
		z->n++;
	}
	return 0;
}

static int read_zone(const cJSON *body, struct zone *z, struct err *e)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "Name"));
	const cJSON *ip = cJSON_GetObjectItemCaseSensitive(body, "DefaultIP");
	const char *text = cJSON_GetStringValue(ip);

	if (!name || !dns_name_from_text(name, &z->full) || z->full.len == 1)
		return err_set(e, EXIT_BADDATA, "Name is not the name of a zone, as in \"internal.\"");
	z->name = xstrdup(name);
	if (ip && !cJSON_IsNull(ip) && (!text || (*text && (!ip_parse(text, &z->default_ip) || !z->default_ip))))
		return err_set(e, EXIT_BADDATA, "zone %s: DefaultIP is not an IPv4 address", name);
	return read_records(cJSON_GetObjectItemCaseSensitive(body, "Records"), z, e);
}

/* --- merging --- */

static struct zone *find_zone(const struct zones *z, const struct dns_name *name)
{
	for (size_t i = 0; i < z->n; i++)
		if (dns_name_equal(&z->v[i].full, name))
			return &z->v[i];
	return NULL;
}

static bool has_record(const struct zone *z, const struct dns_name *full)
{
	for (size_t i = 0; i < z->n; i++)
		if (dns_name_equal(&z->v[i].full, full))
			return true;
	return false;
}

/* Moves what `old` has besides into `new`, and puts that in its place. */
static void merge(struct zone *old, struct zone *new)
{
	size_t fresh = new->n;

	new->v = xrealloc(new->v, (new->n + old->n + 1) * sizeof(*new->v));
	for (size_t i = 0; i < old->n; i++) {
		struct zone with = { .v = new->v, .n = fresh };

		if (has_record(&with, &old->v[i].full))
			record_free(&old->v[i]);
		else
			new->v[new->n++] = old->v[i];
	}
	if (!new->default_ip)
		new->default_ip = old->default_ip;
	free(old->v);
	free(old->name);
	*old = *new;
}

static void count_records(struct zones *z)
{
	z->records = 0;
	for (size_t i = 0; i < z->n; i++)
		z->records += z->v[i].n;
}

int zones_add(struct zones *z, const cJSON *body, struct err *e)
{
	struct zone new = { 0 }, *old;

	if (read_zone(body, &new, e) < 0) {
		zone_free(&new);
		return -1;
	}
	old = find_zone(z, &new.full);
	if (z->records + new.n > RECORDS_MAX || (!old && z->n == ZONES_MAX)) {
		zone_free(&new);
		return err_set(e, EXIT_BADDATA, "there are no more than %u zones with %u records", ZONES_MAX, RECORDS_MAX);
	}
	if (old) {
		merge(old, &new);
	} else {
		z->v = xrealloc(z->v, (z->n + 1) * sizeof(*z->v));
		z->v[z->n++] = new;
	}
	count_records(z);
	return 0;
}

void zones_free(struct zones *z)
{
	for (size_t i = 0; i < z->n; i++)
		zone_free(&z->v[i]);
	free(z->v);
	*z = (struct zones){ 0 };
}

/* --- looking up --- */

/* Whether the name is that of the zone, or ends in it. */
static bool is_in(const struct dns_name *name, const struct zone *z)
{
	size_t at = 0;

	while (name->len - at > z->full.len)
		at += 1u + name->wire[at];
	return name->len - at == z->full.len && !memcmp(name->wire + at, z->full.wire, z->full.len);
}

bool zones_find(const struct zones *z, const struct dns_name *name, uint32_t *ip)
{
	const struct zone *best = NULL;

	for (size_t i = 0; i < z->n; i++) {
		const struct zone *at = &z->v[i];

		if (!is_in(name, at))
			continue;
		for (size_t k = 0; k < at->n; k++) {
			if (dns_name_equal(&at->v[k].full, name)) {
				*ip = at->v[k].ip;
				return true;
			}
		}
		if (at->default_ip && (!best || at->full.len > best->full.len))
			best = at;
	}
	if (best)
		*ip = best->default_ip;
	return best;
}

const struct dns_name *zones_reverse(const struct zones *z, uint32_t ip)
{
	for (size_t i = z->n; i-- > 0;)
		for (size_t k = 0; k < z->v[i].n; k++)
			if (z->v[i].v[k].ip == ip)
				return &z->v[i].v[k].full;
	return NULL;
}

/* --- printing --- */

static cJSON *json_record(const struct zone_record *r)
{
	cJSON *o = cJSON_CreateObject();
	char ip[IP_TEXT];

	ip_format(r->ip, ip);
	cJSON_AddStringToObject(o, "Name", r->name);
	cJSON_AddStringToObject(o, "IP", ip);
	return o;
}

char *zones_json(const struct zones *z)
{
	cJSON *list = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < z->n; i++) {
		cJSON *o = cJSON_CreateObject(), *records;
		char ip[IP_TEXT] = "";

		cJSON_AddStringToObject(o, "Name", z->v[i].name);
		records = cJSON_AddArrayToObject(o, "Records");
		for (size_t k = 0; k < z->v[i].n; k++)
			cJSON_AddItemToArray(records, json_record(&z->v[i].v[k]));
		if (z->v[i].default_ip)
			ip_format(z->v[i].default_ip, ip);
		cJSON_AddStringToObject(o, "DefaultIP", ip);
		cJSON_AddItemToArray(list, o);
	}
	text = cJSON_PrintUnformatted(list);
	cJSON_Delete(list);
	return text;
}
