/* fill_scalars - the defaults that are computed: from this machine, its user, and other keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "num.h"
#include "version.h"

#define GIB (1024ull * 1024 * 1024)
#define CPUS_DEFAULT 4u
#define MEMORY_DEFAULT (4 * GIB)
#define USER_FALLBACK "lima"
#define UID_FOR_ROOT 1000

static struct node *part(struct fill *f, const char *key)
{
	return map_get(f->doc, key);
}

/* Takes a key away when it has one of two words that mean "not set". */
static void forget(struct node *map, const char *key, const char *word)
{
	const struct node *n = map_get(map, key);

	if (n && n->type == NODE_STR && (!*n->str || (word && !strcmp(n->str, word))))
		node_free(map_take(map, key));
}

bool fill_older_than(const struct fill *f, const char *version)
{
	const char *made = f->in->instance_version;
	unsigned v[3];

	if (!made)
		return false;
	if (!*made)
		return true;
	/* Ours begin with 0.0 to 0.8; Lima's first to leave this file was 0.20. */
	if (version_parse(made, v) && v[0] == 0 && v[1] < 9)
		return false;
	return version_less(made, version);
}

static void platform(struct fill *f)
{
	forget(f->doc, "os", "default");
	fill_missing_str(f->doc, "os", "Linux");
	forget(f->doc, "vmType", "default");
	fill_missing_str(f->doc, "vmType", "qemu");
	forget(f->doc, "arch", "default");
	fill_missing_str(f->doc, "arch", f->host->arch);
	forget(f->doc, "mountType", "default");
}

static bool is_guest_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return (*s == '_' || (*s >= 'a' && *s <= 'z')) && !s[n];
}

/* The account of the host's user, where a guest can have it. */
static const char *default_user(struct fill *f)
{
	const char *name = f->host->user, *why = NULL;

	if (f->host->uid == 0 || !strcmp(name, "root"))
		return USER_FALLBACK;
	if (!is_guest_name(name))
		why = "is no name for an account in the guest";
	else if (!strcmp(name, "admin") && !fill_older_than(f, "1.0.0"))
		why = "is a name that guests have a group for";
	if (why && f->in->warnings)
		diag_warn(f->diag, (struct pos){ 0 }, "user.name", "your name '%s' %s, so the guest's account is " USER_FALLBACK, name,
			  why);
	return why ? USER_FALLBACK : name;
}

static const char *default_shell(const char *os)
{
	return !strcmp(os, "Windows") ? "cmd.exe" : !strcmp(os, "Darwin") ? "/bin/zsh" : !strcmp(os, "FreeBSD") ? "/bin/sh" :
														   "/bin/bash";
}

static const char *default_home(const struct fill *f, const char *os)
{
	if (!strcmp(os, "Darwin"))
		return "/Users/{{.User}}.guest";
	return fill_older_than(f, "2.1.0") ? "/home/{{.User}}.linux" : "/home/{{.User}}.guest";
}

static void user(struct fill *f)
{
	struct node *u = part(f, "user");
	const char *os = tree_str(f->doc, "Linux", "os");
	bool root = f->host->uid == 0;

	if (root && f->in->warnings && !map_get(u, "uid"))
		diag_warn(f->diag, (struct pos){ 0 }, "user", "you are root; the guest's account is '%s' with uid %d",
			  tree_str(u, USER_FALLBACK, "name"), UID_FOR_ROOT);
	fill_missing_str(u, "name", default_user(f));
	fill_missing_str(u, "comment", f->host->comment);
	fill_missing_str(u, "home", default_home(f, os));
	fill_missing_str(u, "shell", default_shell(os));
	fill_missing(u, "uid", node_int(root ? UID_FOR_ROOT : f->host->uid));
	fill_missing(u, "passwordlessSudo", node_bool(strcmp(os, "Darwin") != 0));
}

static void sizes(struct fill *f)
{
	uint64_t memory = f->host->memory / 2;
	unsigned cpus = f->host->cpus < CPUS_DEFAULT ? f->host->cpus : CPUS_DEFAULT;
	char text[32];

	if (tree_int(f->doc, 0, "cpus") == 0)
		node_free(map_take(f->doc, "cpus"));
	fill_missing(f->doc, "cpus", node_int(cpus));
	size_format(memory < MEMORY_DEFAULT ? memory : MEMORY_DEFAULT, text, sizeof(text));
	forget(f->doc, "memory", NULL);
	fill_missing_str(f->doc, "memory", text);
	forget(f->doc, "disk", NULL);
	forget(part(f, "video"), "display", NULL);
	if (map_get(part(f, "video"), "vnc"))
		forget(map_get(part(f, "video"), "vnc"), "display", NULL);
}

/* nerdctl-full, when nobody says where to get it. */
static void containerd(struct fill *f)
{
	static const char *const archives[][3] = {
		{ "x86_64", "amd64", "sha256:b697295c623639734aaab737523c808fd3cc8d3046039fd94fff1744e4c317aa" },
		{ "aarch64", "arm64", "sha256:6e4b687f1d138e750a3c8372abc0f81d3d7490b6359c48c0562fc7dfe98859b2" },
	};
	static const char version[] = "2.3.5";
	struct node *c = part(f, "containerd"), *list;
	const char *arch = tree_str(f->doc, "", "arch");
	bool able = !strcmp(arch, "x86_64") || !strcmp(arch, "aarch64");

	fill_missing(c, "user", node_bool(able && !strcmp(tree_str(f->doc, "", "os"), "Linux")));
	fill_missing(c, "archives", node_new(NODE_SEQ));
	list = map_get(c, "archives");
	for (size_t i = 0; list->n == i && i < sizeof(archives) / sizeof(*archives); i++) {
		struct node *a = node_new(NODE_MAP);
		char *url = xasprintf("https://github.com/containerd/nerdctl/releases/download/v%s/nerdctl-full-%s-linux-%s.tar.gz",
				      version, version, archives[i][1]);

		fill_missing_str(a, "location", url);
		fill_missing_str(a, "arch", archives[i][0]);
		fill_missing_str(a, "digest", archives[i][2]);
		seq_add(list, a);
		free(url);
	}
}

/* cpuType, the old name. */
static void migrate(struct fill *f)
{
	struct node *old = part(f, "cpuType"), *qemu, *types;

	if (!old)
		return;
	diag_warn(f->diag, old->pos, "cpuType", "is deprecated; use vmOpts.qemu.cpuType");
	fill_missing(part(f, "vmOpts"), "qemu", node_new(NODE_MAP));
	qemu = map_get(part(f, "vmOpts"), "qemu");
	fill_missing(qemu, "cpuType", node_new(NODE_MAP));
	types = map_get(qemu, "cpuType");
	for (size_t i = 0; i < old->n; i++)
		fill_missing(types, old->key[i], node_copy(old->item[i]));
	node_free(map_take(f->doc, "cpuType"));
}

void fill_scalars(struct fill *f)
{
	static const char *const maps[] = { "user", "video", "containerd", "vmOpts", "ssh", "hostResolver", "caCerts" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		fill_missing(f->doc, maps[i], node_new(NODE_MAP));
	platform(f);
	user(f);
	sizes(f);
	containerd(f);
	migrate(f);
	fill_missing_str(f->doc, "timezone", f->host->timezone);
}

/* Whether host and guest are known to be unable to use a type of mounts. */
static const char *type_problem(const struct fill *f, const char *type)
{
	const struct node *lacking = tree_seq(f->doc, "mountTypesUnsupported");

	for (size_t i = 0; lacking && i < lacking->n; i++)
		if (!strcmp(lacking->item[i]->str, type))
			return "the guest cannot do it (mountTypesUnsupported)";
	if (!strcmp(type, "virtiofs") && !f->host->virtiofsd)
		return "virtiofsd is not installed";
	return NULL;
}

void fill_mount_type(struct fill *f)
{
	static const char *const next[][2] = { { "virtiofs", "9p" }, { "9p", "reverse-sshfs" } };
	const struct node *wanted = map_get(f->doc, "mountType");
	const char *type = wanted ? wanted->str : fill_older_than(f, "1.0.0") ? "reverse-sshfs" : "9p", *first = type;
	const char *why = NULL, *problem;
	struct pos at = wanted ? wanted->pos : f->doc->pos;
	struct node *n;

	for (size_t i = 0; i < sizeof(next) / sizeof(*next); i++) {
		if (strcmp(type, next[i][0]) != 0 || !(problem = type_problem(f, type)))
			continue;
		why = why ? why : problem;
		type = next[i][1];
	}
	if (why && wanted && tree_len(f->doc, "mounts"))
		diag_warn(f->diag, at, "mountType", "%s cannot be used, %s; using %s", first, why, type);
	n = node_str(type);
	n->pos = at;
	map_set(f->doc, "mountType", n);
}
