/* out_facts - what several outputs need, computed once: names, network cards, addresses, DNS. See out.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "name.h"
#include "num.h"
#include "out.h"
#include "out_parts.h"
#include "sha.h"

#define MACHINE_ID_MAX 4096
#define HOST_NAME_MAX_LEN 256

const char *out_scalar(const struct node *n, char tmp[32])
{
	if (!n || n->type == NODE_NULL || n->type == NODE_SEQ || n->type == NODE_MAP)
		return "";
	if (n->type == NODE_BOOL)
		return n->b ? "true" : "false";
	if (n->type == NODE_INT) {
		snprintf(tmp, 32, "%lld", (long long)n->i);
		return tmp;
	}
	if (n->str)
		return n->str;
	snprintf(tmp, 32, "%.17g", n->f);
	return tmp;
}

uint64_t out_size(const struct out *o, const char *path)
{
	const struct node *n = tree_get(o->doc, path);
	struct err e = { 0 };
	uint64_t bytes = 0;
	char tmp[32];

	if (size_parse(out_scalar(n, tmp), path, &bytes, &e) < 0)
		diag_error(o->diag, n ? n->pos : o->doc->pos, path, "%s", e.msg);
	return bytes;
}

const char *out_arch(const struct out *o)
{
	return tree_str(o->doc, "x86_64", "arch");
}

char *out_machine_id(void)
{
	static const char *const files[] = { "/etc/machine-id", "/var/lib/dbus/machine-id" };
	char name[HOST_NAME_MAX_LEN] = "";
	struct err ignored = { 0 };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct buf text = { 0 };

		if (file_read(files[i], MACHINE_ID_MAX, &text, &ignored) == 0) {
			char *s = buf_detach(&text);
			size_t n = strlen(s);

			while (n && isspace((unsigned char)s[n - 1]))
				s[--n] = '\0';
			if (n)
				return s;
			free(s);
		}
		buf_free(&text);
	}
	gethostname(name, sizeof(name) - 1);
	return xstrdup(name);
}

void out_mac(const char *machine_id, const char *unique, char mac[18])
{
	char *text = xasprintf("%s%s", machine_id, unique);
	char hex[SHA_HEX_SIZE];

	sha_hex(SHA_256, text, strlen(text), hex);
	free(text);
	snprintf(mac, 18, "52:55:55:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4);
}

/* A MAC address as somebody wrote it (12 hex digits with ':', '-' or '.' between some) in the form with colons. */
static bool mac_normal(const char *text, char mac[18])
{
	char digit[13] = "";
	size_t n = 0;

	for (; *text; text++) {
		if (strchr(":-.", *text))
			continue;
		if (!isxdigit((unsigned char)*text) || n == 12)
			return false;
		digit[n++] = (char)tolower((unsigned char)*text);
	}
	snprintf(mac, 18, "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", digit, digit + 2, digit + 4, digit + 6, digit + 8,
		 digit + 10);
	return n == 12;
}

static void wrong_mac(const struct out *o, size_t i, const struct node *net)
{
	const struct node *n = map_get(net, "macAddress");
	char *key = xasprintf("networks[%zu].macAddress", i);

	diag_error(o->diag, n ? n->pos : net->pos, key,
		   "'%s' is not a MAC address; write six bytes as in 52:55:55:12:34:56",
		   tree_str(net, "", "macAddress"));
	free(key);
}

/* eth0, then one for each entry of networks: but the first user-v2 one, whose network eth0 is on. */
static void network_cards(struct out *o)
{
	size_t n = tree_len(o->doc, "networks");
	bool replaced = false;

	o->nic = xcalloc(n + 1, sizeof(*o->nic));
	out_mac(o->in.machine_id, o->in.dir, o->nic[0].mac);
	o->nic[0].name = "eth0";
	o->nic[0].metric = ETH0_METRIC;
	o->nnic = 1;
	for (size_t i = 0; i < n; i++) {
		const struct node *net = tree_seq(o->doc, "networks")->item[i];
		const char *lima = tree_str(net, "", "lima");
		struct nic *nic = &o->nic[o->nnic];
		struct usernet *un = *lima ? out_usernet_add(o, lima) : NULL;

		if (un && !replaced) {
			replaced = true;
			snprintf(un->mac, sizeof(un->mac), "%s", o->nic[0].mac);
			o->slirp_ip = "";
			continue;
		}
		if (!mac_normal(tree_str(net, "", "macAddress"), nic->mac)) {
			wrong_mac(o, i, net);
			continue;
		}
		nic->name = tree_str(net, "", "interface");
		nic->metric = tree_int(net, NIC_METRIC, "metric");
		if (un)
			snprintf(un->mac, sizeof(un->mac), "%s", nic->mac);
		o->nnic++;
	}
}

static void name_servers(struct out *o)
{
	size_t n = tree_len(o->doc, "dns");

	for (size_t i = 0; i < n; i++)
		strv_add(&o->dns, tree_str(o->doc, "", "dns[%zu]", i));
	if (n == 0 && (!*o->slirp_ip || tree_bool(o->doc, true, "hostResolver.enabled")))
		strv_add(&o->dns, o->slirp_dns);
}

void out_facts(struct out *o, const struct out_in *in, struct diag *d)
{
	const char *slash = strrchr(in->dir, '/');

	*o = (struct out){ .in = *in, .doc = in->doc, .diag = d, .slirp_ip = SLIRP_ADDRESS };
	o->name = slash ? slash + 1 : in->dir;
	o->hostname = name_hostname(o->name);
	o->plain = tree_bool(o->doc, false, "plain");
	snprintf(o->gateway, sizeof(o->gateway), SLIRP_GATEWAY);
	snprintf(o->slirp_dns, sizeof(o->slirp_dns), SLIRP_DNS);
	network_cards(o);
	name_servers(o);
	out_shares(o);
	out_disks(o);
	out_ca_certs(o);
	out_guest_env(o->doc, o->gateway, &o->env, d);
	out_iid(o);
}

void out_free(struct out *o)
{
	for (size_t i = 0; i < o->nshare; i++)
		free(o->share[i].options);
	for (size_t i = 0; i < o->ndisk; i++) {
		free(o->disk[i].dir);
		free(o->disk[i].path);
	}
	free(o->share);
	free(o->disk);
	free(o->nic);
	free(o->usernet);
	free(o->hostname);
	free(o->ca_certs);
	strv_free(&o->dns);
	kv_free(&o->env);
	*o = (struct out){ 0 };
}
