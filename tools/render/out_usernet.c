/* out_usernet - the user-v2 networks that an instance is on: which addresses they have, and what the host agent has to know.
 *
 * The layout of addresses is the one of QEMU's own user network: 2 is the gateway, with the host behind it, 3 the name server. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "out.h"
#include "out_parts.h"

#define GATEWAY 2
#define NAME_SERVER 3

/* The network of a name: its entry in _config/networks.yaml, else the built-in one. Sets the network's address and mask (host byte
 * order) and returns true when the name is a network of that kind. */
static bool find(const struct out *o, const char *name, uint32_t *subnet, uint32_t *bits)
{
	char *path = xasprintf("%s/_config/networks.yaml", o->in.home);
	const char *gateway = NULL, *mask = "255.255.255.0";
	struct err e = { 0 };
	struct buf text = { 0 };
	struct in_addr a, m;
	struct node *doc = NULL;
	const struct node *net; /* by map_get: a name may have dots */
	bool found = false;

	if (path_exists(path) && file_read(path, TEXT_FILE_MAX, &text, &e) == 0)
		doc = tree_parse(buf_str(&text), text.len, path, &e);
	net = map_get(map_get(doc, "networks"), name);
	if (!strcmp(tree_str(net, "", "mode"), "user-v2")) {
		gateway = tree_str(net, NULL, "gateway");
		mask = tree_str(net, mask, "netmask");
	}
	if (!gateway && !strcmp(name, "user-v2"))
		gateway = "192.168.104.1";
	if (gateway && inet_pton(AF_INET, gateway, &a) == 1 && inet_pton(AF_INET, mask, &m) == 1) {
		*subnet = ntohl(a.s_addr & m.s_addr);
		*bits = ntohl(m.s_addr);
		found = true;
	}
	node_free(doc);
	buf_free(&text);
	free(path);
	return found;
}

static const char *address(uint32_t host_order, char text[16])
{
	struct in_addr a = { htonl(host_order) };

	return inet_ntop(AF_INET, &a, text, 16);
}

struct usernet *out_usernet_add(struct out *o, const char *name)
{
	uint32_t subnet, mask;
	struct usernet *un;
	unsigned prefix = 0;
	char text[16];

	if (!find(o, name, &subnet, &mask))
		return NULL;
	if (o->nusernet == 0) {
		address(subnet + GATEWAY, o->gateway);
		address(subnet + NAME_SERVER, o->slirp_dns);
	}
	for (; mask & 0x80000000u; mask <<= 1)
		prefix++;
	o->usernet = xrealloc(o->usernet, (o->nusernet + 1) * sizeof(*o->usernet));
	un = &o->usernet[o->nusernet++];
	*un = (struct usernet){ .name = name };
	snprintf(un->subnet, sizeof(un->subnet), "%s/%u", address(subnet, text), prefix);
	return un;
}

void out_usernets(const struct out *o, struct buf *text)
{
	kv_putf(text, "networks", "%zu", o->nusernet);
	for (size_t i = 0; i < o->nusernet; i++) {
		const struct usernet *un = &o->usernet[i];
		char *dir = xasprintf("%s/_networks/%s", o->in.home, un->name);

		out_put(text, un->name, "networks.%zu.name", i);
		out_put(text, dir, "networks.%zu.dir", i);
		out_put(text, un->subnet, "networks.%zu.subnet", i);
		out_put(text, un->mac, "networks.%zu.mac", i);
		free(dir);
	}
}
