/* leases - see leases.h. */
#include "leases.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"

#define FILE_MAX (1u << 20)

static uint32_t ip_at(const struct leases *l, unsigned i)
{
	return l->subnet->first + i;
}

static struct lease *at_ip(const struct leases *l, uint32_t ip)
{
	int i = subnet_index(l->subnet, ip);

	return i < 0 ? NULL : &l->v[i];
}

static bool is_his(const struct lease *e, const struct mac *mac)
{
	return (e->state == LEASE_BOUND || e->state == LEASE_OFFERED) && mac_equal(&e->mac, mac);
}

const struct mac *leases_mac(const struct leases *l, uint32_t ip)
{
	const struct lease *e = at_ip(l, ip);

	return e && e->state == LEASE_BOUND ? &e->mac : NULL;
}

uint32_t leases_ip(const struct leases *l, const struct mac *mac)
{
	uint32_t offered = 0;

	for (unsigned i = 0; i < l->subnet->guests; i++) {
		if (!is_his(&l->v[i], mac))
			continue;
		if (l->v[i].state == LEASE_BOUND)
			return ip_at(l, i);
		offered = ip_at(l, i);
	}
	return offered;
}

bool leases_can_have(const struct leases *l, uint32_t ip, const struct mac *mac, int64_t now)
{
	const struct lease *e = at_ip(l, ip);

	if (!e)
		return false;
	if (e->state == LEASE_FREE || is_his(e, mac))
		return true;
	return e->state != LEASE_BOUND && e->until_ms <= now;
}

/* --- the file --- */

char *leases_json(const struct leases *l)
{
	char ip[IP_TEXT], mac[MAC_TEXT];
	struct buf out = { 0 };

	buf_addc(&out, '{');
	for (unsigned i = 0; i < l->subnet->guests; i++) {
		if (l->v[i].state != LEASE_BOUND)
			continue;
		ip_format(ip_at(l, i), ip);
		mac_format(&l->v[i].mac, mac);
		buf_addf(&out, "%s\"%s\":\"%s\"", out.len > 1 ? "," : "", ip, mac);
	}
	buf_addc(&out, '}');
	return buf_detach(&out);
}

static void save(const struct leases *l)
{
	struct err e = { 0 };
	char *text;

	if (!l->path)
		return;
	text = leases_json(l);
	if (file_write(l->path, text, strlen(text), 0600, &e) < 0)
		warn_msg("%s", e.msg);
	free(text);
}

/* What was known before; long ago as far as anybody can tell. */
static int add_known(struct leases *l, const char *ip_text, const char *mac_text, const char *from, struct err *e)
{
	struct lease *at;
	uint32_t ip;
	struct mac mac;

	if (!mac_text || !ip_parse(ip_text, &ip) || !mac_parse(mac_text, &mac) || mac_is_group(&mac))
		return err_set(e, EXIT_BADDATA, "%s: '%s': an address and a MAC address are needed", from, ip_text);
	at = at_ip(l, ip);
	if (!at) {
		warn_msg("%s: %s is not for guests of this network; the lease is left out", from, ip_text);
		return 0;
	}
	ip = leases_ip(l, &mac);
	if (ip)
		*at_ip(l, ip) = (struct lease){ 0 };
	*at = (struct lease){ .state = LEASE_BOUND, .mac = mac };
	return 0;
}

static int parse_file(struct leases *l, const struct buf *text, struct err *e)
{
	cJSON *root = cJSON_ParseWithLength(buf_str(text), text->len);
	const cJSON *item;
	int r = 0;

	if (!cJSON_IsObject(root)) {
		cJSON_Delete(root);
		return err_set(e, EXIT_BADDATA, "%s: not a JSON object; remove it to give out addresses anew", l->path);
	}
	cJSON_ArrayForEach(item, root)
		if (r == 0)
			r = add_known(l, item->string, cJSON_GetStringValue(item), l->path, e);
	cJSON_Delete(root);
	return r;
}

int leases_open(struct leases *l, const struct subnet *s, const char *path, struct err *e)
{
	struct buf text = { 0 };
	int r;

	*l = (struct leases){ .subnet = s, .path = path };
	l->v = xcalloc(s->guests, sizeof(*l->v));
	if (!path || (access(path, F_OK) < 0 && errno == ENOENT))
		return 0;
	r = file_read(path, FILE_MAX, &text, e);
	if (r == 0)
		r = parse_file(l, &text, e);
	buf_free(&text);
	return r;
}

int leases_add_text(struct leases *l, const char *text, struct err *e)
{
	char *copy = xstrdup(text), *save_at = NULL;
	int r = 0;

	for (char *item = strtok_r(copy, ",", &save_at); item && r == 0; item = strtok_r(NULL, ",", &save_at)) {
		char *mac = strchr(item, '=');

		if (mac)
			*mac++ = '\0';
		r = add_known(l, item, mac, "--leases", e);
	}
	free(copy);
	return r;
}

void leases_free(struct leases *l)
{
	free(l->v);
	*l = (struct leases){ 0 };
}

/* --- giving out --- */

static struct lease *oldest(const struct leases *l, int64_t now)
{
	struct lease *best = NULL;

	for (unsigned i = 0; i < l->subnet->guests; i++) {
		struct lease *e = &l->v[i];

		if (e->state == LEASE_BOUND && e->until_ms <= now && (!best || e->until_ms < best->until_ms))
			best = e;
	}
	return best;
}

static struct lease *choose(struct leases *l, const struct mac *mac, uint32_t wish, int64_t now)
{
	if (leases_can_have(l, wish, mac, now))
		return at_ip(l, wish);
	for (unsigned i = 0; i < l->subnet->guests; i++)
		if (leases_can_have(l, ip_at(l, i), mac, now))
			return &l->v[i];
	return oldest(l, now);
}

uint32_t leases_offer(struct leases *l, const struct mac *mac, uint32_t wish, int64_t now)
{
	uint32_t ip = leases_ip(l, mac);
	struct lease *e = ip ? at_ip(l, ip) : choose(l, mac, wish, now);

	if (!e)
		return 0;
	if (e->state != LEASE_BOUND || !mac_equal(&e->mac, mac))
		*e = (struct lease){ .state = LEASE_OFFERED, .mac = *mac, .until_ms = now + OFFER_S * 1000 };
	return ip_at(l, (unsigned)(e - l->v));
}

void leases_bind(struct leases *l, uint32_t ip, const struct mac *mac, int64_t now)
{
	struct lease *e = at_ip(l, ip);
	bool known = e->state == LEASE_BOUND && mac_equal(&e->mac, mac);

	for (unsigned i = 0; i < l->subnet->guests; i++)
		if (is_his(&l->v[i], mac))
			l->v[i] = (struct lease){ 0 };
	*e = (struct lease){ .state = LEASE_BOUND, .mac = *mac, .until_ms = now + LEASE_S * 1000 };
	if (known)
		return;
	save(l);
	if (l->fn)
		l->fn(l->arg, ip, mac);
}

void leases_withdraw(struct leases *l, const struct mac *mac)
{
	for (unsigned i = 0; i < l->subnet->guests; i++)
		if (l->v[i].state == LEASE_OFFERED && mac_equal(&l->v[i].mac, mac))
			l->v[i] = (struct lease){ 0 };
}

void leases_release(struct leases *l, uint32_t ip, const struct mac *mac, int64_t now)
{
	struct lease *e = at_ip(l, ip);

	if (e && e->state == LEASE_BOUND && mac_equal(&e->mac, mac))
		e->until_ms = now;
}

void leases_decline(struct leases *l, uint32_t ip, const struct mac *mac, int64_t now)
{
	struct lease *e = at_ip(l, ip);

	if (!e || !is_his(e, mac))
		return;
	*e = (struct lease){ .state = LEASE_DECLINED, .until_ms = now + DECLINED_S * 1000 };
	save(l);
}
