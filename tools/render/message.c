/* message - see message.h. */
#include "message.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "expand.h"
#include "file.h"
#include "fill.h"
#include "instance_files.h"
#include "resolve.h"

/* Names of Lima's fields that are not the key with a capital letter. */
static const struct {
	const char *key, *name;
} go_names[] = {
	{ "9p", "NineP" },	   { "caCerts", "CACertificates" }, { "cpuType", "CPUType" }, { "cpus", "CPUs" },
	{ "dns", "DNS" },	   { "ipv6", "IPv6" },		    { "os", "OS" },	      { "osOpts", "OSOpts" },
	{ "sshfs", "SSHFS" },	   { "ssh", "SSH" },		    { "tpm", "TPM" },	      { "uid", "UID" },
	{ "vmOpts", "VMOpts" },	   { "vmType", "VMType" },	    { "vnc", "VNC" },
};

static char *go_name(const char *key)
{
	char *name;

	for (size_t i = 0; i < sizeof(go_names) / sizeof(*go_names); i++)
		if (!strcmp(key, go_names[i].key))
			return xstrdup(go_names[i].name);
	name = xstrdup(key);
	name[0] = (char)toupper((unsigned char)name[0]);
	return name;
}

/* A copy in which each key of a map is there under both names. Keys of maps with `any` key are the user's, and one that is
 * missing there is empty. */
static struct node *config(const struct node *n, bool any)
{
	struct node *copy;

	if (n->type != NODE_MAP && n->type != NODE_SEQ)
		return node_copy(n);
	copy = node_new(n->type);
	for (size_t i = 0; i < n->n; i++) {
		const char *key = n->type == NODE_MAP ? n->key[i] : "";
		bool below = any || !strcmp(key, "vmOpts") || !strcmp(key, "osOpts") || !strcmp(key, "env") || !strcmp(key, "param");
		char *name;

		if (n->type == NODE_SEQ) {
			seq_add(copy, config(n->item[i], any));
			continue;
		}
		if (key[0] == '_')
			continue;
		map_set(copy, key, config(n->item[i], below));
		name = go_name(key);
		if (strcmp(name, key) != 0 && !any)
			map_set(copy, name, config(n->item[i], below));
		free(name);
	}
	if (any && n->type == NODE_MAP)
		map_set(copy, "*", node_new(NODE_NULL));
	return copy;
}

static void set_str(struct node *map, const char *key, const char *value)
{
	map_set(map, key, node_str(value));
}

static void set_path(struct node *map, const char *key, const char *dir, const char *file)
{
	char *path = path_join(dir, file);

	set_str(map, key, path);
	free(path);
}

/* A list of the document; empty when there is none. */
static void set_list(struct node *map, const char *key, const struct node *doc, const char *path)
{
	const struct node *list = tree_seq(doc, "%s", path);

	map_set(map, key, list ? config(list, false) : node_new(NODE_SEQ));
}

static void set_size(struct node *map, const char *key, const struct node *doc, const char *path)
{
	uint64_t bytes = 0;

	map_set(map, key, node_int(resolve_bytes(doc, path, &bytes) == 0 ? (int64_t)bytes : 0));
}

/* What is known when the machine runs. */
static void later(struct node *map, const char *key)
{
	char *text = xasprintf("{{.%s}}", key);

	set_str(map, key, text);
	free(text);
}

static void machine(struct node *v, const struct message_in *in)
{
	const struct node *doc = in->doc;
	int64_t port = tree_int(doc, 0, "ssh.localPort");

	set_str(v, "Name", in->name);
	set_str(v, "Hostname", in->hostname);
	set_str(v, "Status", "Running");
	set_str(v, "Dir", in->dir);
	set_str(v, "VMType", tree_str(doc, "qemu", "vmType"));
	set_str(v, "Arch", tree_str(doc, "", "arch"));
	map_set(v, "CPUs", node_int(tree_int(doc, 0, "cpus")));
	set_size(v, "Memory", doc, "memory");
	set_size(v, "Disk", doc, "disk");
	set_str(v, "Message", tree_str(doc, "", "message"));
	set_list(v, "AdditionalDisks", doc, "additionalDisks");
	set_list(v, "Networks", doc, "networks");
	set_str(v, "SSHAddress", tree_str(doc, "127.0.0.1", "ssh.address"));
	later(v, "SSHLocalPort");
	if (port)
		map_set(v, "SSHLocalPort", node_int(port));
	later(v, "HostAgentPID");
	later(v, "DriverPID");
	map_set(v, "Errors", node_new(NODE_SEQ));
	map_set(v, "Config", config(doc, false));
}

static void files(struct node *v, const struct message_in *in)
{
	char *protected = path_join(in->dir, F_PROTECTED);
	struct utsname host;

	set_path(v, "SSHConfigFile", in->dir, F_SSH_CONFIG);
	map_set(v, "Protected", node_bool(path_exists(protected)));
	set_str(v, "LimaVersion", LIMA_VERSION);
	set_str(v, "AutoStartedIdentifier", "");
	set_str(v, "LimaHome", in->home);
	set_path(v, "IdentityFile", in->home, "_config/user");
#ifdef __APPLE__
	set_str(v, "HostOS", "darwin");
#else
	set_str(v, "HostOS", "linux");
#endif
	set_str(v, "HostArch", uname(&host) == 0 ? host.machine : "");
	free(protected);
}

static struct node *variables(const struct message_in *in)
{
	const struct node *param = tree_get(in->doc, "param");
	struct node *v = node_new(NODE_MAP);

	machine(v, in);
	files(v, in);
	map_set(v, "Param", param && param->type == NODE_MAP ? node_copy(param) : node_new(NODE_MAP));
	map_set(v, "Instance", node_copy(v));
	return v;
}

void message_text(const struct message_in *in, struct buf *out, struct diag *d)
{
	const struct node *n = tree_get(in->doc, "message");
	struct err e = { 0 };
	struct node *v;

	if (!n || n->type != NODE_STR)
		return;
	if (!strstr(n->str, "{{")) {
		buf_adds(out, n->str);
		return;
	}
	v = variables(in);
	if (expand_text(n->str, v, out, &e) < 0)
		fill_template_error(d, n, "message", e.msg);
	node_free(v);
}
