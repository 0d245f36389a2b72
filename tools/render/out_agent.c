/* out_agent - agent.conf, what lima-hostagent and lima-instance need to know. Keys: instance_files.h.
 *
 * Most of it is lists whose entries are copied field by field: tables say which, and what a missing one means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "out.h"

struct field {
	const char *key;      /* in the document and in agent.conf */
	const char *fallback; /* of a missing one */
};

static const struct field general[] = {
	{ "mountInotify", "false" },
	{ "containerd.system", "false" },
	{ "containerd.user", "false" },
	{ "guestInstallPrefix", "/usr/local" },
	{ "video.display", "none" },
	{ "video.vnc.display", "" },
	{ "tpm", "false" },
	{ "ssh.forwardAgent", "false" },
	{ "ssh.forwardX11", "false" },
	{ "ssh.forwardX11Trusted", "false" },
	{ "hostResolver.enabled", "true" },
	{ "hostResolver.ipv6", "false" },
	{ NULL, NULL },
};
static const struct field probe[] = {
	{ "script", "" },
	{ "hint", "" },
	{ NULL, NULL },
};
static const struct field port_forward[] = {
	{ "guestIP", "127.0.0.1" },
	{ "guestIPMustBeZero", "false" },
	{ "guestSocket", "" },
	{ "hostIP", "127.0.0.1" },
	{ "hostSocket", "" },
	{ "proto", "any" },
	{ "reverse", "false" },
	{ "ignore", "false" },
	{ "static", "false" },
	{ NULL, NULL },
};
static const struct field copy_to_host[] = {
	{ "guest", "" },
	{ "host", "" },
	{ "deleteOnStop", "false" },
	{ NULL, NULL },
};
static const struct field mount[] = {
	{ "sshfs.cache", "true" },
	{ "sshfs.followSymlinks", "false" },
	{ "sshfs.sftpDriver", "" },
	{ NULL, NULL },
};

/* The fields of a table from `map`, each as PREFIX + key. */
static void put_fields(struct buf *text, const struct node *map, const struct field *fields, const char *prefix)
{
	for (const struct field *f = fields; f->key; f++) {
		const struct node *n = tree_get(map, f->key);
		char tmp[32];

		out_put(text, n && n->type != NODE_NULL ? out_scalar(n, tmp) : f->fallback, "%s%s", prefix, f->key);
	}
}

/* A list of maps: NAME=count and NAME.I.FIELD. */
static const struct node *put_list(const struct out *o, struct buf *text, const char *name, const struct field *fields)
{
	const struct node *list = tree_seq(o->doc, "%s", name);
	char prefix[64];

	kv_putf(text, name, "%zu", list ? list->n : 0);
	for (size_t i = 0; list && i < list->n; i++) {
		snprintf(prefix, sizeof(prefix), "%s.%zu.", name, i);
		put_fields(text, list->item[i], fields, prefix);
	}
	return list;
}

static void put_identity(const struct out *o, struct buf *text)
{
	const struct strv *keys = &o->in.keys->identities;
	char tmp[32];

	out_put(text, o->name, "name");
	out_put(text, o->hostname, "hostname");
	out_put(text, LIMA_VERSION, "version");
	out_put(text, out_arch(o), "arch");
	out_put(text, tree_str(o->doc, "lima", "user.name"), "user");
	out_put(text, out_scalar(tree_get(o->doc, "user.uid"), tmp), "uid");
	out_put(text, tree_str(o->doc, "", "user.home"), "home");
	out_put(text, tree_str(o->doc, "/bin/bash", "user.shell"), "shell");
	out_put(text, o->plain ? "true" : "false", "plain");
	out_put(text, tree_str(o->doc, "127.0.0.1", "ssh.address"), "ssh.address");
	kv_putf(text, "ssh.localPort", "%lld", (long long)tree_int(o->doc, 0, "ssh.localPort"));
	kv_putf(text, "ssh.identities", "%zu", keys->n);
	for (size_t i = 0; i < keys->n; i++)
		out_put(text, keys->v[i], "ssh.identities.%zu", i);
	kv_putf(text, "cpus", "%lld", (long long)tree_int(o->doc, 1, "cpus"));
	kv_putf(text, "memory", "%llu", (unsigned long long)out_size(o, "memory"));
	kv_putf(text, "disk", "%llu", (unsigned long long)out_size(o, "disk"));
}

static void put_mounts(const struct out *o, struct buf *text)
{
	char prefix[64];

	out_put(text, o->mount_type, "mountType");
	kv_putf(text, "mounts", "%zu", o->nshare);
	for (size_t i = 0; i < o->nshare; i++) {
		const struct share_dir *s = &o->share[i];

		out_put(text, s->location, "mounts.%zu.location", i);
		out_put(text, s->mount_point, "mounts.%zu.mountPoint", i);
		out_put(text, s->writable ? "true" : "false", "mounts.%zu.writable", i);
		snprintf(prefix, sizeof(prefix), "mounts.%zu.", i);
		put_fields(text, s->node, mount, prefix);
	}
}

static void put_message(const struct out *o, struct buf *text)
{
	struct message_in in = { o->doc, o->name, o->hostname, o->in.dir, o->in.home };
	struct buf message = { 0 };

	message_text(&in, &message, o->diag);
	out_put(text, buf_str(&message), "message");
	buf_free(&message);
}

static void put_probes(const struct out *o, struct buf *text)
{
	const struct node *list = put_list(o, text, "probes", probe);

	for (size_t i = 0; list && i < list->n; i++) {
		const char *description = tree_str(list->item[i], "", "description");
		char made[64];

		snprintf(made, sizeof(made), "user probe %zu/%zu", i + 1, list->n);
		out_put(text, *description ? description : made, "probes.%zu.description", i);
	}
}

/* The ranges are pairs in the document. */
static void put_range(struct buf *text, const struct node *rule, size_t i, const char *range, const char *name)
{
	for (int end = 0; end < 2; end++) {
		char key[64];

		snprintf(key, sizeof(key), "portForwards.%zu.%s%d", i, name, end);
		kv_putf(text, key, "%lld", (long long)tree_int(rule, 0, "%s[%d]", range, end));
	}
}

static void put_ports(const struct out *o, struct buf *text)
{
	const struct node *list = put_list(o, text, "portForwards", port_forward);

	for (size_t i = 0; list && i < list->n; i++) {
		put_range(text, list->item[i], i, "guestPortRange", "guestPort");
		put_range(text, list->item[i], i, "hostPortRange", "hostPort");
	}
}

static void put_hosts(const struct out *o, struct buf *text)
{
	const struct node *map = tree_get(o->doc, "hostResolver.hosts");
	size_t n = map && map->type == NODE_MAP ? map->n : 0;
	char tmp[32];

	/* With a network that has a name server of its own there is nothing to answer. */
	out_put(text, *o->slirp_ip ? o->slirp_dns : "", "hostResolver.address");
	out_put(text, o->gateway, "hostResolver.gateway");
	out_put(text, o->slirp_ip, "hostResolver.guest");
	kv_putf(text, "hostResolver.hosts", "%zu", n);
	for (size_t i = 0; i < n; i++) {
		out_put(text, map->key[i], "hostResolver.hosts.%zu.name", i);
		out_put(text, out_scalar(map->item[i], tmp), "hostResolver.hosts.%zu.value", i);
	}
}

static void put_disks(const struct out *o, struct buf *text)
{
	kv_putf(text, "disks", "%zu", o->ndisk);
	for (size_t i = 0; i < o->ndisk; i++) {
		out_put(text, o->disk[i].name, "disks.%zu.name", i);
		out_put(text, o->disk[i].dir, "disks.%zu.dir", i);
	}
}

void out_agent_conf(const struct out *o, struct buf *text)
{
	put_identity(o, text);
	put_fields(text, o->doc, general, "");
	put_message(o, text);
	put_mounts(o, text);
	put_probes(o, text);
	put_ports(o, text);
	put_list(o, text, "copyToHost", copy_to_host);
	put_hosts(o, text);
	out_usernets(o, text);
	put_disks(o, text);
}
