/* network - the networks of _config/networks.yaml, which is edited with its comments kept. Source: spec/cli.md section 8.14, host.md
 * section 10. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "dirs.h"
#include "file.h"
#include "instance/network.h"
#include "lock.h"
#include "name.h"
#include "num.h"
#include "print.h"
#include "spawn.h"
#include "tree.h"

#define DEFAULT_PREFIX 24
#define PREFIX_MAX 30
#define USER_V2_PREFIX_MAX 28 /* lima-usernet keeps the first addresses for itself */
#define LOCK_WAIT_MS 10000

/* What the file is before anybody changes it. The paths are for macOS, where sudo starts a daemon of its own for each network. */
static const char first_text[] =
	"# The networks that instances can be attached to, with `networks: [{lima: NAME}]`. On Linux those of the mode user-v2 work.\n"
	"paths:\n"
	"  socketVMNet: %s\n"
	"  varRun: /private/var/run/lima\n"
	"  sudoers: /private/etc/sudoers.d/lima\n"
	"\n"
	"group: admin\n"
	"\n"
	"networks:\n"
	"  user-v2:\n"
	"    mode: user-v2\n"
	"    gateway: 192.168.104.1\n"
	"    netmask: 255.255.255.0\n"
	"  shared:\n"
	"    mode: shared\n"
	"    gateway: 192.168.105.1\n"
	"    dhcpEnd: 192.168.105.254\n"
	"    netmask: 255.255.255.0\n"
	"  bridged:\n"
	"    mode: bridged\n"
	"    interface: en0\n"
	"  host:\n"
	"    mode: host\n"
	"    gateway: 192.168.106.1\n"
	"    dhcpEnd: 192.168.106.254\n"
	"    netmask: 255.255.255.0\n";

/* --- the file --- */

struct file {
	char *path;
	struct node *doc, *networks; /* networks: within doc */
	struct lock lock;
};

/* With our way of finding socket_vmnet. */
static char *default_text(void)
{
	static const char *const places[] = { "/opt/socket_vmnet/bin/socket_vmnet", "/usr/local/opt/socket_vmnet/bin/socket_vmnet",
					      "/opt/homebrew/opt/socket_vmnet/bin/socket_vmnet" };
	char *found = path_exists(places[0]) ? NULL : program_find("socket_vmnet"), *text;
	const char *use = found ? found : places[0];

	for (size_t i = 1; !found && use == places[0] && i < sizeof(places) / sizeof(*places); i++)
		if (!path_exists(places[0]) && path_exists(places[i]))
			use = places[i];
	text = xasprintf(first_text, use);
	free(found);
	return text;
}

static void file_close(struct file *f)
{
	lock_release(&f->lock);
	node_free(f->doc);
	free(f->path);
}

/* The folder, the lock of those who change the file, and the file itself. */
static int prepare(struct file *f, struct err *e)
{
	char *home = dirs_home(e), *dir = home ? path_join(home, "_config") : NULL, *lock = NULL, *text;
	int r = -1;

	f->lock = (struct lock){ -1 };
	if (home && dir_make(home, 0700, e) == 0 && dir_make(dir, 0755, e) == 0) {
		f->path = path_join(dir, "networks.yaml");
		lock = path_join(dir, ".networks.lock");
		r = lock_take(lock, LOCK_WAIT_MS, &f->lock, e);
	}
	if (r == 0 && !path_exists(f->path)) {
		text = default_text();
		r = file_write(f->path, text, strlen(text), 0644, e);
		free(text);
	}
	free(lock);
	free(dir);
	free(home);
	return r;
}

static int parse(struct file *f, struct err *e)
{
	struct buf text = { 0 };
	int r = file_read(f->path, TREE_TEXT_MAX, &text, e);

	if (r == 0 && !(f->doc = tree_parse(buf_str(&text), text.len, f->path, e)))
		r = -1;
	buf_free(&text);
	if (r < 0)
		return -1;
	f->networks = map_get(f->doc, "networks");
	if (f->doc->type != NODE_MAP || (f->networks && f->networks->type != NODE_MAP && f->networks->type != NODE_NULL))
		return err_set(e, EXIT_BADDATA, "%s: networks: must be a map", f->path);
	if (!f->networks || f->networks->type == NODE_NULL) {
		map_set(f->doc, "networks", node_new(NODE_MAP));
		f->networks = map_get(f->doc, "networks");
	}
	return 0;
}

static int file_open(struct file *f, struct err *e)
{
	*f = (struct file){ 0 };
	if (prepare(f, e) == 0 && parse(f, e) == 0)
		return 0;
	file_close(f);
	return -1;
}

static int file_save(const struct file *f, struct err *e)
{
	struct buf text = { 0 };
	int r;

	tree_emit(f->doc, &text);
	r = file_write_if_changed(f->path, buf_str(&text), text.len, 0644, NULL, e);
	buf_free(&text);
	return r;
}

/* --- list --- */

/* The number of ones in a netmask; -1 for what is none. */
static int prefix_length(const char *mask)
{
	struct in_addr a;
	uint32_t bits;
	int n = 0;

	if (inet_pton(AF_INET, mask, &a) != 1)
		return -1;
	for (bits = ntohl(a.s_addr); bits & 0x80000000u; bits <<= 1)
		n++;
	return bits ? -1 : n;
}

static char *cidr(const struct node *net)
{
	const char *gateway = tree_str(net, "", "gateway");
	int n = prefix_length(tree_str(net, "", "netmask"));

	return *gateway ? xasprintf("%s/%d", gateway, n < 0 ? DEFAULT_PREFIX : n) : xstrdup("-");
}

static void print_one_json(const char *name, const struct node *net, struct buf *out)
{
	static const char *const keys[] = { "mode", "interface", "gateway", "dhcpEnd", "netmask" };
	struct node *n = node_new(NODE_MAP);

	map_set(n, "name", node_str(name));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *value = tree_str(net, "", "%s", keys[i]);

		if (*value || i == 0)
			map_set(n, keys[i], node_str(value));
	}
	print_json(n, false, false, out);
	node_free(n);
}

static void print_networks(const struct node *networks, const struct strv *names, struct buf *out)
{
	enum { COLUMNS = 4 };
	static const char *const headings[COLUMNS] = { "NAME", "MODE", "GATEWAY", "INTERFACE" };
	const char **cell = xcalloc((names->n + 1) * COLUMNS, sizeof(*cell));
	struct strv gateways = { 0 };

	memcpy(cell, headings, sizeof(headings));
	for (size_t i = 0; i < names->n; i++) {
		char *gateway = cidr(map_get(networks, names->v[i]));

		strv_add(&gateways, gateway);
		free(gateway);
	}
	for (size_t i = 0; i < names->n; i++) {
		const struct node *net = map_get(networks, names->v[i]);
		const char *row[COLUMNS] = { names->v[i], tree_str(net, "", "mode"), gateways.v[i], tree_str(net, "-", "interface") };

		memcpy(&cell[(i + 1) * COLUMNS], row, sizeof(row));
	}
	print_table(cell, names->n + 1, COLUMNS, out);
	strv_free(&gateways);
	free(cell);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int run_list(struct ctl *c, struct err *e)
{
	struct strv names = { 0 };
	struct buf out = { 0 };
	struct file f;

	if (file_open(&f, e) < 0)
		return -1;
	for (size_t i = 0; !c->args.n && i < f.networks->n; i++)
		strv_add(&names, f.networks->key[i]);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), compare);
	for (size_t i = 0; i < c->args.n; i++) {
		if (map_get(f.networks, c->args.v[i]))
			strv_add(&names, c->args.v[i]);
		else
			log_warn("No network matching %s found.", c->args.v[i]);
	}
	for (size_t i = 0; flag_bool(c->flags, "json") && i < names.n; i++)
		print_one_json(names.v[i], map_get(f.networks, names.v[i]), &out);
	if (!flag_bool(c->flags, "json"))
		print_networks(f.networks, &names, &out);
	fwrite(buf_str(&out), 1, out.len, stdout);
	buf_free(&out);
	strv_free(&names);
	file_close(&f);
	return 0;
}

/* --- create --- */

/* "192.168.42.1/24" as its two parts; `longest` is the longest prefix that makes a network of use. */
static int parse_gateway(const char *text, unsigned longest, char address[INET_ADDRSTRLEN], char mask[INET_ADDRSTRLEN], struct err *e)
{
	const char *slash = strchr(text, '/');
	char *ip = xstrndup(text, slash ? (size_t)(slash - text) : strlen(text));
	uint64_t bits = DEFAULT_PREFIX;
	struct in_addr a, m;
	int r = inet_pton(AF_INET, ip, &a) == 1 ? 0 : err_set(e, EXIT_NO, "invalid gateway %s: not an IPv4 address", q(text));

	if (r == 0 && slash)
		r = num_parse(slash + 1, 1, longest, "the length of the network's prefix", &bits, e);
	if (r == 0) {
		m.s_addr = htonl(~0u << (32 - bits));
		inet_ntop(AF_INET, &a, address, INET_ADDRSTRLEN);
		inet_ntop(AF_INET, &m, mask, INET_ADDRSTRLEN);
	}
	free(ip);
	return r;
}

static struct node *new_network(const struct flags *f, struct err *e)
{
	const char *mode = flag_string(f, "mode"), *gateway = flag_string(f, "gateway"), *interface = flag_string(f, "interface");
	char address[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN];
	bool bridged = !strcmp(mode, "bridged");
	struct node *n = NULL;

	if (!bridged && strcmp(mode, "user-v2") != 0 && strcmp(mode, "host") != 0 && strcmp(mode, "shared") != 0)
		err_set(e, EXIT_NO, "unknown network mode %s, use `user-v2`, `host`, `shared` or `bridged`", q(mode));
	else if (bridged && (*gateway || !*interface))
		err_set(e, EXIT_NO, "a network of the mode %s needs --interface, and takes no --gateway", q(mode));
	else if (!bridged && (*interface || !*gateway))
		err_set(e, EXIT_NO, "a network of the mode %s needs --gateway, and takes no --interface", q(mode));
	else if (bridged || parse_gateway(gateway, !strcmp(mode, "user-v2") ? USER_V2_PREFIX_MAX : PREFIX_MAX, address, mask, e) == 0)
		n = node_new(NODE_MAP);
	if (!n)
		return NULL;
	map_set(n, "mode", node_str(mode));
	if (bridged) {
		map_set(n, "interface", node_str(interface));
	} else {
		map_set(n, "gateway", node_str(address));
		map_set(n, "netmask", node_str(mask));
	}
	return n;
}

static int run_create(struct ctl *c, struct err *e)
{
	const char *name = c->args.v[0];
	struct node *n;
	struct file f;
	int r = -1;

	if (name_check(name, "the network's name", e) < 0 || file_open(&f, e) < 0)
		return -1;
	n = map_get(f.networks, name) ? NULL : new_network(c->flags, e);
	if (n) {
		f.networks->style = 0;
		map_set(f.networks, name, n);
		r = file_save(&f, e);
	} else if (map_get(f.networks, name)) {
		err_set(e, EXIT_NO, "network %s already exists", q(name));
	}
	file_close(&f);
	return r;
}

/* --- delete --- */

/* Its machines would lose it at the next start; those that run would lose it under their feet. */
static int check_unused(const char *name, struct err *e)
{
	struct strv running = { 0 }, stopped = { 0 };
	int r = networks_users(name, &running, &stopped, e);

	if (r == 0 && running.n)
		r = err_set(e, EXIT_NO, "network %s is used by the running instance %s; stop it first", q(name), q(running.v[0]));
	for (size_t i = 0; r == 0 && i < stopped.n; i++)
		log_warn("Instance %s is configured to use the network %s", q(stopped.v[i]), q(name));
	strv_free(&running);
	strv_free(&stopped);
	return r;
}

static int run_delete(struct ctl *c, struct err *e)
{
	struct file f;
	int r;

	if (!flag_bool(c->flags, "force"))
		return err_set(e, EXIT_NO, "`limactl network delete` currently always requires `--force`");
	for (size_t i = 0; i < c->args.n; i++)
		if (check_unused(c->args.v[i], e) < 0)
			return -1;
	if (file_open(&f, e) < 0)
		return -1;
	for (size_t i = 0; i < c->args.n; i++)
		node_free(map_take(f.networks, c->args.v[i]));
	r = file_save(&f, e);
	file_close(&f);
	return r;
}

/* --- the tables --- */

static const struct flag_spec list_flags[] = {
	{ .name = "json", .help = "one JSON object on a line for each" },
	{ 0 },
};
static const struct flag_spec create_flags[] = {
	{ .name = "mode", .type = FLAG_STRING, .value = "user-v2", .words = "user-v2 host shared bridged", .complete = COMPLETE_WORDS,
	  .help = "what connects its machines; on Linux: user-v2" },
	{ .name = "gateway", .type = FLAG_STRING, .arg = "IP[/LEN]", .help = "the host's address in it, such as 192.168.42.1/24" },
	{ .name = "interface", .type = FLAG_STRING, .arg = "IF", .help = "of the host, for the mode bridged" },
	{ 0 },
};
static const struct flag_spec delete_flags[] = {
	{ .name = "force", .letter = 'f', .help = "is needed: instances may be configured to use the networks" },
	{ 0 },
};
static const struct flag_spec *const list_tables[] = { list_flags, NULL };
static const struct flag_spec *const create_tables[] = { create_flags, NULL };
static const struct flag_spec *const delete_tables[] = { delete_flags, NULL };

static const struct command list = {
	.name = "list", .aliases = "ls", .use = "[flags] [NETWORK]...", .summary = "List networks", .max_args = ARGS_ANY,
	.flags = list_tables, .complete = COMPLETE_NETWORK, .run = run_list,
};
static const struct command create = {
	.name = "create", .use = "NETWORK --gateway IP[/LEN] [flags]", .summary = "Make a network", .min_args = 1, .max_args = 1,
	.flags = create_tables, .run = run_create,
};
static const struct command delete = {
	.name = "delete", .aliases = "remove rm", .use = "--force NETWORK...", .summary = "Delete networks", .min_args = 1,
	.max_args = ARGS_ANY, .flags = delete_tables, .complete = COMPLETE_NETWORK, .run = run_delete,
};
static const struct command *const sub[] = { &create, &delete, &list, NULL };

const struct command cmd_network = {
	.name = "network",
	.group = GROUP_ADVANCED,
	.use = "COMMAND",
	.summary = "Networks between instances",
	.text = "Example:\n"
		"  limactl network create lab --gateway 192.168.42.1/24\n"
		"  limactl create --network lima:lab template:default",
	.sub = sub,
};
