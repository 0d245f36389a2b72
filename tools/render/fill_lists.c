/* fill_lists - what the entries of lists get from each other, from the instance and from this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "out.h"

#define PORT_LAST 65535
#define BUSY_RULE 10 /* ports of a static rule that deserve a warning in plain mode */

/* --- mounts --- */

/* A path without "//", "." and "..", as far as its text tells. The caller frees it. */
static char *clean_path(const char *path)
{
	struct buf out = { 0 };
	bool rooted = *path == '/';
	size_t floor = 0; /* "..", at the beginning of a relative path, stay */

	if (rooted)
		buf_addc(&out, '/');
	floor = out.len;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && !strncmp(p, "..", 2) && out.len > floor) {
			while (out.len > floor && out.data[out.len - 1] != '/')
				out.len--;
			if (out.len > floor)
				out.len--;
			out.data[out.len] = '\0';
		} else if (n && !(n == 1 && *p == '.') && !(rooted && n == 2 && !strncmp(p, "..", 2))) {
			if (out.len && out.data[out.len - 1] != '/')
				buf_addc(&out, '/');
			buf_add(&out, p, n);
			if (n == 2 && !strncmp(p, "..", 2))
				floor = out.len;
		}
		p += n;
		p += *p == '/';
	}
	if (!out.len)
		buf_addc(&out, '.');
	return buf_detach(&out);
}

static void host_location(struct fill *f, struct node *mount)
{
	struct node *n = map_get(mount, "location");
	char *clean;

	if (!n || !*n->str)
		return; /* the validation says so */
	clean = clean_path(n->str);
	free(n->str);
	if (!strcmp(clean, "~") || !strncmp(clean, "~/", 2)) {
		n->str = xasprintf("%s%s", f->host->home, clean + 1);
		free(clean);
	} else {
		n->str = clean;
	}
}

/* Copies what `from` sets into `to`, except the keys named; maps key by key. */
static void overlay(struct node *to, const struct node *from, const char *except)
{
	for (size_t i = 0; i < from->n; i++) {
		struct node *old = map_get(to, from->key[i]);

		if (!strcmp(from->key[i], except))
			continue;
		if (old && old->type == NODE_MAP && from->item[i]->type == NODE_MAP)
			overlay(old, from->item[i], except);
		else
			map_set(to, from->key[i], node_copy(from->item[i]));
	}
}

/* An earlier entry of the list with the same text at `key`. */
static struct node *earlier(const struct node *list, size_t i, const char *key)
{
	const char *text = tree_str(list->item[i], "", "%s", key);

	for (size_t j = 0; *text && j < i; j++)
		if (!strcmp(tree_str(list->item[j], "", "%s", key), text))
			return list->item[j];
	return NULL;
}

void fill_mounts(struct fill *f)
{
	struct node *list = map_get(f->doc, "mounts");

	for (size_t i = 0; list && i < list->n;) {
		struct node *m = list->item[i], *same;

		host_location(f, m);
		fill_missing_str(m, "mountPoint", tree_str(m, "", "location"));
		same = earlier(list, i, "mountPoint");
		if (same) {
			overlay(same, m, "location");
			node_free(seq_take(list, i));
		} else {
			i++;
		}
	}
}

static void mount_defaults(struct fill *f)
{
	const struct node *list = tree_seq(f->doc, "mounts");
	bool virtiofs = !strcmp(tree_str(f->doc, "", "mountType"), "virtiofs");

	for (size_t i = 0; list && i < list->n; i++) {
		struct node *m = list->item[i];
		bool writable = tree_bool(m, false, "writable");

		fill_missing(m, "9p", node_new(NODE_MAP));
		fill_missing_str(map_get(m, "9p"), "cache", writable ? "mmap" : "fscache");
		fill_missing(m, "virtiofs", node_new(NODE_MAP));
		if (virtiofs)
			fill_missing(map_get(m, "virtiofs"), "queueSize", node_int(1024));
	}
}

/* --- networks --- */

/* A later entry for the same interface: `socket` and `lima` replace each other. */
static void network_overlay(struct node *to, const struct node *from)
{
	if (map_get(from, "socket"))
		node_free(map_take(to, "lima"));
	if (map_get(from, "lima"))
		node_free(map_take(to, "socket"));
	overlay(to, from, "interface");
	if (map_get(from, "lima") && map_get(from, "socket"))
		node_free(map_take(to, "socket"));
}

void fill_networks(struct fill *f)
{
	struct node *list = map_get(f->doc, "networks");
	char *yaml = xasprintf("%s/lima.yaml", f->in->dir);

	for (size_t i = 0; list && i < list->n;) {
		struct node *same = earlier(list, i, "interface");

		if (same) {
			network_overlay(same, list->item[i]);
			node_free(seq_take(list, i));
		} else {
			i++;
		}
	}
	for (size_t i = 0; list && i < list->n; i++) {
		char *unique = xasprintf("%s#%zu", yaml, i), name[32], mac[18];

		snprintf(name, sizeof(name), "lima%zu", i);
		out_mac(f->host->machine_id, unique, mac);
		if (!*tree_str(list->item[i], "", "macAddress"))
			map_set(list->item[i], "macAddress", node_str(mac));
		if (!*tree_str(list->item[i], "", "interface"))
			map_set(list->item[i], "interface", node_str(name));
		free(unique);
	}
	free(yaml);
}

/* --- port rules --- */

static struct node *range(int64_t first, int64_t last)
{
	struct node *r = node_new(NODE_SEQ);

	seq_add(r, node_int(first));
	seq_add(r, node_int(last));
	return r;
}

static bool empty_range(const struct node *rule, const char *key)
{
	return tree_int(rule, 0, "%s[0]", key) == 0 && tree_int(rule, 0, "%s[1]", key) == 0;
}

static void set_range(struct node *rule, const char *key, int64_t first, int64_t last)
{
	struct node *r = range(first, last), *old = map_get(rule, key);

	r->pos = old ? old->pos : rule->pos;
	map_set(rule, key, r);
}

static void port_ranges(struct node *rule)
{
	int64_t guest = tree_int(rule, 0, "guestPort"), host = tree_int(rule, 0, "hostPort");
	bool guest_socket = *tree_str(rule, "", "guestSocket"), host_socket = *tree_str(rule, "", "hostSocket");

	if (empty_range(rule, "guestPortRange")) {
		/* A guest socket behind one host port is one "port". */
		if (guest_socket && host)
			set_range(rule, "guestPortRange", host, host);
		else
			set_range(rule, "guestPortRange", guest ? guest : 1, guest ? guest : PORT_LAST);
	}
	if (!empty_range(rule, "hostPortRange"))
		return;
	if (host_socket)
		set_range(rule, "hostPortRange", 0, 0);
	else if (host)
		set_range(rule, "hostPortRange", host, host);
	else
		set_range(rule, "hostPortRange", tree_int(rule, 0, "guestPortRange[0]"), tree_int(rule, 0, "guestPortRange[1]"));
}

static void port_rule(struct fill *f, struct node *rule)
{
	const struct node *zero = map_get(rule, "guestIPMustBeZero");
	struct node *socket = map_get(rule, "hostSocket");

	fill_missing_str(rule, "guestIP", zero && zero->b ? "0.0.0.0" : "127.0.0.1");
	fill_missing(rule, "guestIPMustBeZero", node_bool(!strcmp(tree_str(rule, "", "guestIP"), "0.0.0.0")));
	port_ranges(rule);
	if (socket && *socket->str && *socket->str != '/') {
		char *absolute = xasprintf("%s/sock/%s", f->in->dir, socket->str);

		free(socket->str);
		socket->str = absolute;
	}
}

/* --- the rest --- */

static void provision(struct fill *f, struct node *p)
{
	const char *mode = tree_str(p, "system", "mode"), *os = tree_str(f->doc, "", "os");
	bool data = !strcmp(mode, "data"), yq = !strcmp(mode, "yq");
	bool wheel = !strcmp(os, "Darwin") || !strcmp(os, "FreeBSD");

	if (data)
		fill_missing_str(p, "content", "");
	if (data)
		fill_missing(p, "overwrite", node_bool(true));
	if (yq)
		fill_missing_str(p, "format", "auto");
	if (data || yq) {
		fill_missing_str(p, "owner", wheel ? "root:wheel" : "root:root");
		fill_missing_str(p, "permissions", "644");
	}
}

static void files_arch(struct fill *f, const char *path)
{
	const struct node *list = tree_seq(f->doc, "%s", path);
	const char *arch = tree_str(f->doc, "", "arch");

	/* One complaint about a wrong arch is enough. */
	for (size_t i = 0; list && i < list->n && schema_has_value(schema_find("arch"), arch); i++)
		fill_missing_str(list->item[i], "arch", arch);
}

static void images(struct fill *f)
{
	static const char *const parts[] = { "kernel", "initrd" };
	const struct node *list = tree_seq(f->doc, "images");

	files_arch(f, "images");
	for (size_t i = 0; list && i < list->n; i++)
		for (size_t j = 0; j < 2; j++) {
			struct node *p = map_get(list->item[i], parts[j]);

			if (p)
				fill_missing_str(p, "arch", tree_str(list->item[i], "", "arch"));
		}
}

void fill_lists(struct fill *f)
{
	const struct node *rules = tree_seq(f->doc, "portForwards"), *probes = tree_seq(f->doc, "probes");
	const struct node *scripts = tree_seq(f->doc, "provision");

	images(f);
	files_arch(f, "firmware.images");
	files_arch(f, "containerd.archives");
	for (size_t i = 0; rules && i < rules->n; i++)
		port_rule(f, rules->item[i]);
	for (size_t i = 0; scripts && i < scripts->n; i++)
		provision(f, scripts->item[i]);
	for (size_t i = 0; probes && i < probes->n; i++) {
		char text[64];

		snprintf(text, sizeof(text), "user probe %zu/%zu", i + 1, probes->n);
		fill_missing_str(probes->item[i], "description", text);
	}
	mount_defaults(f);
}

static void clear(struct node *doc, const char *map, const char *key, struct node *value)
{
	struct node *m = map ? map_get(doc, map) : doc;

	value->pos = m->pos;
	map_set(m, key, value);
}

void fill_plain(struct fill *f)
{
	struct node *rules = map_get(f->doc, "portForwards");

	if (!tree_bool(f->doc, false, "plain"))
		return;
	for (size_t i = 0; rules && i < rules->n;) {
		struct node *rule = rules->item[i];

		if (!tree_bool(rule, false, "static")) {
			node_free(seq_take(rules, i));
			continue;
		}
		if (tree_int(rule, 0, "guestPortRange[1]") - tree_int(rule, 0, "guestPortRange[0]") >= BUSY_RULE)
			diag_warn(f->diag, rule->pos, "portForwards", "with plain: true every port of this rule is forwarded at once");
		i++;
	}
	clear(f->doc, NULL, "mounts", node_new(NODE_SEQ));
	clear(f->doc, NULL, "timezone", node_str(""));
	clear(f->doc, "containerd", "system", node_bool(false));
	clear(f->doc, "containerd", "user", node_bool(false));
}
