/* out_net - network-config and meta-data of cloud-init's NoCloud source, and the instance id made from them. */
#include <string.h>
#include <stdio.h>

#include "out.h"
#include "out_text.h"
#include "sha.h"

void out_address(struct buf *text, const char *before, const char *address)
{
	buf_adds(text, before);
	if (*address && strspn(address, "0123456789.") == strlen(address))
		buf_adds(text, address); /* the line parser of small guests wants it bare */
	else
		yaml_quoted(text, address);
	buf_addc(text, '\n');
}

/* `optional` keeps a boot from waiting for the card; only guests whose templates ask for it can have that. */
static bool cards_optional(const struct out *o)
{
	return !strcmp(tree_str(o->doc, "", "param.internal_netplanOptional"), "true");
}

static void put_card(const struct out *o, struct buf *text, const struct nic *nic, bool first)
{
	buf_adds(text, "  ");
	yaml_word(text, nic->name);
	buf_addf(text, ":\n    match:\n      macaddress: '%s'\n    dhcp4: true\n    set-name: ", nic->mac);
	yaml_word(text, nic->name);
	buf_addf(text, "\n    dhcp4-overrides:\n      route-metric: %lld\n", (long long)nic->metric);
	buf_adds(text, "    dhcp-identifier: mac\n");
	if (cards_optional(o))
		buf_adds(text, "    optional: true\n");
	if (!first || o->dns.n == 0)
		return;
	buf_adds(text, "    nameservers:\n      addresses:\n");
	for (size_t i = 0; i < o->dns.n; i++)
		out_address(text, "      - ", o->dns.v[i]);
}

void out_network_config(const struct out *o, struct buf *text)
{
	buf_adds(text, "version: 2\nethernets:\n");
	for (size_t i = 0; i < o->nnic; i++)
		put_card(o, text, &o->nic[i], i == 0);
}

void out_meta_data(const struct out *o, struct buf *text)
{
	buf_addf(text, "instance-id: %s\nlocal-hostname: %s\n", o->iid, o->hostname);
}

static void add_part(struct sha *s, const char *name, const char *data, size_t n)
{
	char head[64];
	int len = snprintf(head, sizeof(head), "%s %zu\n", name, n);

	sha_add(s, head, (size_t)len);
	sha_add(s, data, n);
}

/* cloud-init does its once-per-instance work again when the id changes: it must change when, and only when, one of the
 * texts does that this work depends on. */
void out_iid(struct out *o)
{
	struct sha *s = sha_new(SHA_256);
	struct buf user = { 0 }, network = { 0 };
	char hex[SHA_HEX_SIZE];

	out_user_data(o, &user);
	out_network_config(o, &network);
	add_part(s, "user-data", buf_str(&user), user.len);
	add_part(s, "network-config", buf_str(&network), network.len);
	add_part(s, "hostname", o->hostname, strlen(o->hostname));
	sha_end(s, hex);
	snprintf(o->iid, sizeof(o->iid), "iid-%.64s", hex);
	buf_free(&user);
	buf_free(&network);
}
