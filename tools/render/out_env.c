/* out_env - lima.env, param.env and etc_environment: lines of KEY=VALUE that shell scripts in the guest read.
 *
 * Nothing is quoted there: the readers take what stands between the first '=' and the end of the line. So a value
 * with a line end in it cannot be written and is refused. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "out_text.h"

#define ACCOUNT_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
#define MULTI_LINE "the value has more than one line, which the guest's environment files cannot hold"

/* Where a value comes from, for the message when it cannot be written. */
struct source {
	const struct out *o;
	struct buf *text;
	const struct node *base; /* the map that the key is in */
	const char *list;        /* of which that map is entry number `at`; NULL: it is the document */
	size_t at;
	const char *key;         /* NULL: made here */
};

static void refuse(const struct source *s, const char *key)
{
	const struct node *n = tree_get(s->base, key);
	char *full = s->list ? xasprintf("%s[%zu].%s", s->list, s->at, key) : xstrdup(key);

	diag_error(s->o->diag, n ? n->pos : s->base->pos, full, MULTI_LINE);
	free(full);
}

__attribute__((format(printf, 3, 4))) static void put(const struct source *s, const char *value, const char *fmt, ...)
{
	char var[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(var, sizeof(var), fmt, ap);
	va_end(ap);
	if (strpbrk(value, "\r\n")) {
		refuse(s, s->key ? s->key : var);
		return;
	}
	buf_addf(s->text, "LIMA_CIDATA_%s=%s\n", var, value);
}

/* The text at a key of s->base, with the default that the specification gives it. */
static void put_key(struct source s, const char *var, const char *key, const char *fallback)
{
	const struct node *n = tree_get(s.base, key);
	char tmp[32];

	s.key = key;
	put(&s, n && n->type != NODE_NULL ? out_scalar(n, tmp) : fallback, "%s", var);
}

static const char *yes(bool b)
{
	return b ? "1" : "";
}

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

/* What becomes a line of /etc/passwd and of sudoers in the guest must be one field there. */
static void check_account(const struct out *o)
{
	static const char *const keys[] = { "user.name", "user.comment", "user.home", "user.shell" };
	const char *name = tree_str(o->doc, "", "user.name");

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct node *n = tree_get(o->doc, keys[i]);

		if (n && n->type == NODE_STR && (strchr(n->str, ':') || !text_is_printable(n->str)))
			diag_error(o->diag, n->pos, keys[i], "a ':' or control character cannot stand in /etc/passwd");
	}
	if (name[strspn(name, ACCOUNT_CHARS)] || name[0] == '-' || !strcmp(name, "ALL"))
		diag_error(o->diag, tree_get(o->doc, "user.name")->pos, "user.name",
			   "'%s' is not a user name: letters, digits, '_', '.' and '-'", name);
}

static void put_identity(const struct source *s)
{
	const struct out *o = s->o;

	check_account(o);
	put(s, truth(o->in.debug), "DEBUG");
	put(s, o->iid, "IID");
	put(s, o->name, "NAME");
	put(s, o->hostname, "HOSTNAME");
	put_key(*s, "USER", "user.name", "lima");
	put_key(*s, "UID", "user.uid", "1000");
	put_key(*s, "COMMENT", "user.comment", "");
	put_key(*s, "HOME", "user.home", "");
	put_key(*s, "SHELL", "user.shell", "/bin/bash");
	put_key(*s, "TIMEZONE", "timezone", "");
}

static void put_mounts(const struct source *s)
{
	const struct out *o = s->o;

	put(s, o->home_mount, "HOSTHOME_MOUNTPOINT");
	buf_addf(s->text, "LIMA_CIDATA_MOUNTS=%zu\n", o->nshare);
	for (size_t i = 0; i < o->nshare; i++) {
		struct source at = { o, s->text, o->share[i].node, "mounts", i, "mountPoint" };

		put(&at, o->share[i].mount_point, "MOUNTS_%zu_MOUNTPOINT", i);
		at.key = NULL;
		put(&at, o->share[i].tag, "MOUNTS_%zu_TAG", i);
		put(&at, o->share[i].fstype, "MOUNTS_%zu_FSTYPE", i);
		put(&at, o->share[i].options, "MOUNTS_%zu_OPTIONS", i);
	}
	put(s, o->mount_type, "MOUNTTYPE");
}

static void put_disks(const struct source *s)
{
	const struct node *list = tree_seq(s->o->doc, "additionalDisks");

	buf_addf(s->text, "LIMA_CIDATA_DISKS=%zu\n", list ? list->n : 0);
	for (size_t i = 0; list && i < list->n; i++) {
		const struct node *n = list->item[i], *args = tree_seq(n, "fsArgs");
		struct source at = { s->o, s->text, n, "additionalDisks", i, NULL };
		struct buf joined = { 0 };
		char tmp[32];

		for (size_t a = 0; args && a < args->n; a++)
			buf_addf(&joined, "%s%s", a ? " " : "", out_scalar(args->item[a], tmp));
		put(&at, n->type == NODE_STR ? n->str : tree_str(n, "", "name"), "DISK_%zu_NAME", i);
		buf_addf(s->text, "LIMA_CIDATA_DISK_%zu_DEVICE=vd%c\n", i, (char)('b' + i));
		put(&at, truth(tree_bool(n, true, "format")), "DISK_%zu_FORMAT", i);
		at.key = "fsType";
		put(&at, tree_str(n, "", "fsType"), "DISK_%zu_FSTYPE", i);
		at.key = "fsArgs";
		put(&at, buf_str(&joined), "DISK_%zu_FSARGS", i);
		buf_free(&joined);
	}
}

static void put_file_entry(const struct source *s, const char *kind, size_t i, const char *field, const char *key,
			   const char *fallback)
{
	char var[80];

	snprintf(var, sizeof(var), "%s_%08zu_%s", kind, i, field);
	put_key(*s, var, key, fallback);
}

/* The variables of `mode: data` and `mode: yq`; returns whether some dependency script replaces the built-in ones. */
static bool put_provision(const struct source *s)
{
	const struct node *list = tree_seq(s->o->doc, "provision");
	bool skip = false;

	for (size_t i = 0; list && i < list->n; i++) {
		struct source at = { s->o, s->text, list->item[i], "provision", i, NULL };
		const char *mode = tree_str(at.base, "system", "mode");
		const char *kind = !strcmp(mode, "data") ? "DATAFILE" : "YQ_PROVISION";

		skip |= tree_bool(at.base, false, "skipDefaultDependencyResolution");
		if (!strcmp(mode, "data"))
			put_file_entry(&at, kind, i, "OVERWRITE", "overwrite", "true");
		else if (!strcmp(mode, "yq"))
			put_file_entry(&at, kind, i, "FORMAT", "format", "auto");
		else
			continue;
		put_file_entry(&at, kind, i, "OWNER", "owner", "root:root");
		put_file_entry(&at, kind, i, "PATH", "path", "");
		put_file_entry(&at, kind, i, "PERMISSIONS", "permissions", "644");
	}
	return skip;
}

static void put_network(const struct source *s)
{
	const struct out *o = s->o;
	struct buf dns = { 0 };

	put(s, o->slirp_dns, "SLIRP_DNS");
	put(s, o->gateway, "SLIRP_GATEWAY");
	put(s, o->slirp_ip, "SLIRP_IP_ADDRESS");
	/* Names travel over the guest agent's channel; there are no such ports. */
	put(s, "0", "UDP_DNS_LOCAL_PORT");
	put(s, "0", "TCP_DNS_LOCAL_PORT");
	buf_addf(s->text, "LIMA_CIDATA_NICS=%zu\n", o->nnic);
	for (size_t i = 0; i < o->nnic; i++) {
		put(s, o->nic[i].mac, "NIC_%zu_MAC", i);
		put(s, o->nic[i].name, "NIC_%zu_NAME", i);
		buf_addf(s->text, "LIMA_CIDATA_NIC_%zu_METRIC=%lld\n", i, (long long)o->nic[i].metric);
	}
	for (size_t i = 0; i < o->dns.n; i++)
		buf_addf(&dns, "%s%s", i ? " " : "", o->dns.v[i]);
	put(s, buf_str(&dns), "DNS");
	buf_free(&dns);
}

void out_lima_env(const struct out *o, struct buf *text)
{
	struct source s = { .o = o, .text = text, .base = o->doc };
	bool user = tree_bool(o->doc, false, "containerd.user"), system = tree_bool(o->doc, false, "containerd.system");
	bool skip;

	put_identity(&s);
	put_mounts(&s);
	put_disks(&s);
	skip = put_provision(&s);
	put_key(s, "GUEST_INSTALL_PREFIX", "guestInstallPrefix", "/usr/local");
	put(&s, yes(tree_bool(o->doc, false, "upgradePackages")), "UPGRADE_PACKAGES");
	put(&s, yes(user), "CONTAINERD_USER");
	put(&s, yes(system), "CONTAINERD_SYSTEM");
	if (user || system)
		put(&s, "nerdctl-full.tgz", "CONTAINERD_ARCHIVE");
	put_network(&s);
	put(&s, "false", "ROSETTA_ENABLED");
	put(&s, "false", "ROSETTA_BINFMT");
	put(&s, yes(skip), "SKIP_DEFAULT_DEPENDENCY_RESOLUTION");
	put(&s, "qemu", "VMTYPE");
	put(&s, "0", "VSOCK_PORT");
	put(&s, o->plain ? "" : "io.lima-vm.guest_agent.0", "VIRTIO_PORT");
	put(&s, yes(o->plain), "PLAIN");
	put(&s, "", "NO_CLOUD_INIT");
	put(&s, yes(tree_bool(o->doc, true, "user.passwordlessSudo")), "PASSWORDLESS_SUDO");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void out_param_env(const struct out *o, struct buf *text)
{
	const struct node *map = map_get(o->doc, "param");
	struct strv keys = { 0 };

	for (size_t i = 0; map && map->type == NODE_MAP && i < map->n; i++)
		strv_add(&keys, map->key[i]);
	if (keys.n)
		qsort(keys.v, keys.n, sizeof(*keys.v), by_text);
	for (size_t i = 0; i < keys.n; i++) {
		const struct node *n = map_get(map, keys.v[i]);
		char tmp[32], *key = xasprintf("param.%s", keys.v[i]);
		const char *value = out_scalar(n, tmp);

		if (strpbrk(value, "\r\n") || strpbrk(keys.v[i], "\r\n="))
			diag_error(o->diag, n->pos, key, MULTI_LINE);
		else
			buf_addf(text, "PARAM_%s=%s\n", keys.v[i], value);
		free(key);
	}
	strv_free(&keys);
}

/* The readers (pam_env, and boot.sh like it) drop blanks at both ends, and one quote at the begin together with one
 * at the end; within quotes everything stays. */
static bool needs_quotes(const char *value)
{
	size_t n = strlen(value);

	return n && (strchr(" \t\"'", value[0]) || strchr(" \t", value[n - 1]));
}

void out_etc_environment(const struct out *o, struct buf *text)
{
	buf_adds(text, "#LIMA-START\n");
	for (size_t i = 0; i < o->env.n; i++) {
		const char *quote = needs_quotes(o->env.pair[i].value) ? "\"" : "";

		buf_addf(text, "%s=%s%s%s\n", o->env.pair[i].key, quote, o->env.pair[i].value, quote);
	}
	buf_adds(text, "#LIMA-END\n");
}
