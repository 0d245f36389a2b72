/* fields - see fields.h. */
#include "fields.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "render/expand.h"
#include "render/schema.h"

const char *const field_names[] = { "AdditionalDisks", "Arch", "AutoStartedIdentifier", "CPUs", "Config", "Dir", "Disk", "DriverPID",
				    "Errors", "HostAgentPID", "Hostname", "LimaVersion", "Memory", "Message", "Name", "Networks", "Param",
				    "Protected", "SSHAddress", "SSHConfigFile", "SSHLocalPort", "Status", "VMType", NULL };

/* Keys whose Go name is more than a capital letter at the front. */
static const char *const odd[][2] = {
	{ "cpus", "CPUs" },           { "network", "Networks" },     { "sshLocalPort", "SSHLocalPort" }, { "sshConfigFile", "SSHConfigFile" },
	{ "sshAddress", "SSHAddress" }, { "vmType", "VMType" },      { "vmOpts", "VMOpts" },         { "os", "OS" },
	{ "osOpts", "OSOpts" },       { "cpuType", "CPUType" },      { "ssh", "SSH" },               { "loadDotSSHPubKeys", "LoadDotSSHPubKeys" },
	{ "9p", "NineP" },            { "sshfs", "SSHFS" },          { "sftpDriver", "SFTPDriver" }, { "msize", "Msize" },
	{ "dns", "DNS" },             { "caCerts", "CACertificates" }, { "tpm", "TPM" },             { "uid", "UID" },
	{ "url", "URL" },             { "vnc", "VNC" },              { "fsType", "FSType" },         { "fsArgs", "FSArgs" },
	{ "ipv6", "IPv6" },           { "macAddress", "MACAddress" }, { "vzNAT", "VZNAT" },          { "guest", "GuestFile" },
	{ "host", "HostFile" },       { "queueSize", "QueueSize" },  { "legacyBIOS", "LegacyBIOS" }, { "qemu", "QEMU" },
	{ "vz", "VZ" },
};

char *field_name(const char *key)
{
	char *name;

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		if (!strcmp(key, odd[i][0]))
			return xstrdup(odd[i][1]);
	name = xstrdup(key);
	*name = (char)toupper((unsigned char)*name);
	return name;
}

static bool is_named(const char *key, const char *name)
{
	char *own = field_name(key);
	bool same = !strcmp(own, name);

	free(own);
	return same;
}

static const struct node *empty_of(enum schema_type type)
{
	static char nothing_in_it[1];
	static struct node text = { .type = NODE_STR, .str = nothing_in_it }, list = { .type = NODE_SEQ }, map = { .type = NODE_MAP },
			   nothing = { .type = NODE_NULL };

	switch (type) {
	case T_LIST:
	case T_RANGE:
		return &list;
	case T_MAP:
		return &map;
	case T_STR:
	case T_SIZE:
	case T_IP:
	case T_DIGEST:
		return &text;
	default:
		return &nothing;
	}
}

/* A key of lima.yaml, wherever it stands, that is not set here. */
static const struct node *unset(const struct schema_key *k, const char *name)
{
	for (; k; k = k->next) {
		const struct node *found = k->name && is_named(k->name, name) ? empty_of(k->type) : unset(k->child, name);

		if (found)
			return found;
	}
	return NULL;
}

/* A field at the top that is not there now. */
static const struct node *top_unset(const char *name)
{
	static const struct {
		const char *name;
		struct node value;
	} fields[] = {
		{ "CPUs", { .type = NODE_INT } }, { "Memory", { .type = NODE_INT } }, { "Disk", { .type = NODE_INT } },
		{ "SSHLocalPort", { .type = NODE_INT } }, { "HostAgentPID", { .type = NODE_INT } }, { "DriverPID", { .type = NODE_INT } },
		{ "AdditionalDisks", { .type = NODE_SEQ } }, { "Networks", { .type = NODE_SEQ } }, { "Errors", { .type = NODE_SEQ } },
		{ "Param", { .type = NODE_MAP } }, { "Config", { .type = NODE_MAP } },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strcmp(name, fields[i].name))
			return &fields[i].value;
	for (size_t i = 0; field_names[i]; i++)
		if (!strcmp(name, field_names[i]))
			return empty_of(T_STR);
	return NULL;
}

static const struct node *find(const struct node *map, const char *name, bool root)
{
	/* The names in .Param and .Config.Env are the user's. */
	const struct node *found = root ? NULL : map_get(map, name);

	for (size_t i = 0; !found && i < map->n; i++)
		if (is_named(map->key[i], name))
			found = map->item[i];
	if (found)
		return found;
	return root ? top_unset(name) : unset(schema_root()->child, name);
}

int fields_expand(const char *text, const struct node *data, struct buf *out, struct err *e)
{
	static const struct expand_names names = { .find = find, .type = "store.FormatData" };

	return expand_named(text, data, &names, out, e);
}
