/* fill_expand - templates such as {{.Home}} in the values that may have them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expand.h"
#include "fill.h"

static void set_str(struct node *map, const char *key, const char *value)
{
	map_set(map, key, node_str(value));
}

void fill_vars(struct fill *f)
{
	struct node *g = node_new(NODE_MAP), *h = node_new(NODE_MAP), *param;
	const struct node *u = map_get(f->doc, "user");
	char uid[24];

	snprintf(uid, sizeof(uid), "%u", (unsigned)f->host->uid);
	set_str(g, "Name", f->name);
	set_str(g, "Hostname", f->hostname);
	map_set(g, "UID", node_int(tree_int(u, 0, "uid")));
	set_str(g, "User", tree_str(u, "", "name"));
	set_str(g, "Home", tree_str(u, "", "home"));
	set_str(h, "Name", f->name);
	set_str(h, "UID", uid);
	set_str(h, "User", f->host->user);
	set_str(h, "Home", f->host->home);
	set_str(h, "Dir", f->in->dir);
	set_str(h, "GlobalTempDir", "/tmp");
	set_str(h, "TempDir", f->host->tmpdir);
	set_str(h, "Instance", f->name);
	set_str(h, "LimaHome", f->in->home);
	param = f->param ? node_copy(f->param) : node_new(NODE_MAP);
	map_set(g, "Param", node_copy(param));
	map_set(h, "Param", param);
	f->guest_vars = g;
	f->host_vars = h;
}

/* The expansion counts lines and columns within the value; in a block scalar and on one line the place in the file follows. */
void fill_template_error(struct diag *d, const struct node *n, const char *path, const char *message)
{
	struct pos at = n->pos;
	unsigned line = 0, col = 0;
	int skip = 0;

	if (sscanf(message, "%u:%u: %n", &line, &col, &skip) == 2 && skip) {
		if (n->style == '|')
			at = (struct pos){ at.file, at.line + line, 1 };
		else if (line == 1 && n->style != '>')
			at.col += col - 1 + (n->style == '"' || n->style == '\'');
		message += skip;
	}
	diag_error(d, at, path, "template: %s", message);
}

void fill_expand_key(struct fill *f, struct node *map, const char *key, const char *path, enum schema_expand kind)
{
	struct node *n = map_get(map, key);
	struct buf out = { 0 };
	struct err e = { 0 };

	if (!n || n->type != NODE_STR || !strstr(n->str, "{{"))
		return;
	if (expand_text(n->str, kind == EXPAND_HOST ? f->host_vars : f->guest_vars, &out, &e) < 0) {
		fill_template_error(f->diag, n, path, e.msg);
		buf_free(&out);
		return;
	}
	free(n->str);
	n->str = buf_detach(&out);
}

void fill_expand_all(struct fill *f, struct node *n, const struct schema_key *k, const char *path)
{
	bool list = n->type == NODE_SEQ;

	for (size_t i = 0; i < n->n; i++) {
		const struct schema_key *c = list ? k->child : schema_child(k, n->key[i]);
		struct node *v = n->item[i];
		char below[256];

		if (!c || (v->type != NODE_MAP && v->type != NODE_SEQ && !c->expand))
			continue;
		if (list)
			snprintf(below, sizeof(below), "%s[%zu]", path, i);
		else
			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", n->key[i]);
		if (c->expand && !list)
			fill_expand_key(f, n, n->key[i], below, c->expand);
		else if (c->child)
			fill_expand_all(f, v, c, below);
	}
}
