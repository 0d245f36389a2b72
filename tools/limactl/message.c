/* message - the text that a template has for people once its machine is ready. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "instance_files.h"
#include "life.h"
#include "render/expand.h"

static struct node *read_resolved(const struct instance *in)
{
	char *path = instance_path(in, F_RESOLVED_JSON);
	struct err ignored = { 0 };
	struct buf text = { 0 };
	struct node *doc = NULL;

	if (file_read(path, TREE_TEXT_MAX, &text, &ignored) == 0)
		doc = tree_parse(buf_str(&text), text.len, path, &ignored);
	buf_free(&text);
	free(path);
	return doc;
}

static void set(struct node *map, const char *key, const char *value)
{
	map_set(map, key, node_str(value));
}

/* The fields of an instance that messages use, by the names of Lima's data. */
static struct node *fields(const struct instance *in, const struct node *doc)
{
	struct node *vars = node_new(NODE_MAP);
	const struct node *param = map_get(doc, "param");
	struct state_info s;
	char *config = instance_path(in, "ssh.config"), *identity = path_join(in->home, "_config/user");

	state_read(in, &s);
	set(vars, "Name", in->name);
	set(vars, "Hostname", in->hostname);
	set(vars, "Status", life_status(s.state));
	set(vars, "Dir", in->dir);
	set(vars, "VMType", "qemu");
	set(vars, "Arch", tree_str(doc, "", "arch"));
	map_set(vars, "CPUs", node_int(tree_int(doc, 0, "cpus")));
	map_set(vars, "SSHLocalPort", node_int(s.ssh_port));
	set(vars, "SSHConfigFile", config);
	set(vars, "SSHAddress", "127.0.0.1");
	map_set(vars, "Param", param ? node_copy(param) : node_new(NODE_MAP));
	set(vars, "HostOS", "linux");
	set(vars, "LimaHome", in->home);
	set(vars, "IdentityFile", identity);
	state_free(&s);
	free(identity);
	free(config);
	return vars;
}

char *life_message(const struct instance *in)
{
	struct node *doc = read_resolved(in), *vars;
	const char *raw = tree_str(doc, "", "message");
	struct buf out = { 0 };
	struct err e = { 0 };

	if (*raw) {
		vars = fields(in, doc);
		if (expand_text(raw, vars, &out, &e) < 0) {
			log_warn("the message of the instance %s cannot be shown: %s", q(in->name), e.msg);
			buf_free(&out);
		}
		node_free(vars);
	}
	node_free(doc);
	return buf_detach(&out);
}
