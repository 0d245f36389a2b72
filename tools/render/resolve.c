/* resolve - see resolve.h; the order of the steps. */
#include "resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "fill.h"
#include "instance_files.h"
#include "message.h"
#include "name.h"
#include "num.h"
#include "out.h"
#include "validate.h"

static struct node *typed(const struct node *layer, struct diag *d)
{
	return layer ? fill_types(layer, d) : node_new(NODE_MAP);
}

/* param of the other layers comes in only now: templates see lima.yaml's own. */
static void compute(struct fill *f)
{
	struct node *c = node_new(NODE_MAP);
	char mac[18];

	out_mac(f->host->machine_id, f->in->dir, mac);
	map_set(c, "name", node_str(f->name));
	map_set(c, "hostname", node_str(f->hostname));
	map_set(c, "dir", node_str(f->in->dir));
	map_set(c, "mac", node_str(mac));
	map_set(c, "instanceVersion", node_str(f->in->instance_version ? f->in->instance_version : LIMA_VERSION));
	map_set(f->doc, "_computed", c);
}

static void fill(struct fill *f)
{
	struct node *user;

	fill_scalars(f);
	fill_vars(f);
	user = map_get(f->doc, "user");
	fill_expand_key(f, user, "home", "user.home", EXPAND_GUEST);
	map_set(f->guest_vars, "Home", node_str(tree_str(user, "", "home")));
	fill_expand_all(f, f->doc, schema_root(), "");
	fill_mounts(f);
	fill_networks(f);
	fill_mount_type(f);
	fill_lists(f);
	fill_defaults(schema_root(), f->doc);
	fill_plain(f);
	compute(f);
}

/* Its text is made when the files are written; that it can be is to be known before. */
static void check_message(const struct fill *f)
{
	struct message_in in = { f->doc, f->name, f->hostname, f->in->dir, f->in->home ? f->in->home : "" };
	struct buf text = { 0 };

	message_text(&in, &text, f->diag);
	buf_free(&text);
}

static struct node *resolve_on(const struct resolve_in *in, const struct host *host, struct diag *d)
{
	const char *slash = strrchr(in->dir, '/');
	struct fill f = { .in = in, .host = host, .diag = d };
	struct node *dd = typed(in->defaults, d), *y = typed(in->yaml, d), *o = typed(in->overrides, d);

	if (!dd || !y || !o) {
		node_free(dd);
		node_free(y);
		node_free(o);
		return NULL;
	}
	f.name = in->name ? in->name : slash ? slash + 1 : in->dir;
	f.hostname = name_hostname(f.name);
	f.param = map_get(y, "param");
	validate_params_used(y, d);
	f.doc = fill_layers(dd, y, o);
	fill(&f);
	validate(f.doc, in, host, d);
	check_message(&f);
	node_free(dd);
	node_free(y);
	node_free(o);
	node_free(f.guest_vars);
	node_free(f.host_vars);
	free(f.hostname);
	if (d->errors) {
		node_free(f.doc);
		return NULL;
	}
	return f.doc;
}

struct node *resolve(const struct resolve_in *in, struct diag *d)
{
	struct host host;
	struct node *doc;

	if (in->host)
		return resolve_on(in, in->host, d);
	host_load(&host);
	doc = resolve_on(in, &host, d);
	host_free(&host);
	return doc;
}

/* A layer in _config; NULL without error when there is none. */
static struct node *config_layer(const char *home, const char *name, struct diag *d)
{
	char *path = xasprintf("%s/_config/%s", home, name);
	struct buf text = { 0 };
	struct err e = { 0 };
	struct node *n = NULL;
	struct stat st;

	if (lstat(path, &st) == 0 && (file_read(path, TREE_TEXT_MAX, &text, &e) < 0 ||
				      !(n = tree_parse(buf_str(&text), text.len, path, &e))))
		diag_error(d, (struct pos){ 0 }, NULL, "%s", e.msg);
	buf_free(&text);
	free(path);
	return n;
}

/* What shows that an instance was made, not only described. */
static bool was_made(const char *dir)
{
	static const char *const files[] = { F_HA_STDOUT, F_HA_STDERR, "vz-identifier", "image", "disk",
					     F_BASEDISK,  F_DIFFDISK,  F_CIDATA_ISO };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char *path = xasprintf("%s/%s", dir, files[i]);
		struct stat st;
		int r = lstat(path, &st);

		free(path);
		if (r == 0)
			return true;
	}
	return false;
}

/* The content of lima-version: NULL for a new instance, "" for one that is older than that file. */
static char *version_of(const char *dir, bool existing)
{
	char *path = xasprintf("%s/" F_LIMA_VERSION, dir), *version = NULL;
	struct buf text = { 0 };
	struct err e = { 0 };

	if (file_read(path, ERR_MAX, &text, &e) == 0) {
		version = xstrndup(buf_str(&text), strcspn(buf_str(&text), " \t\r\n"));
	} else if (existing) {
		version = xstrdup("");
	}
	buf_free(&text);
	free(path);
	return version;
}

struct node *resolve_instance(const struct node *yaml, const char *dir, const char *home, bool warnings, struct diag *d)
{
	bool existing = was_made(dir);
	char *version = version_of(dir, existing);
	struct node *defaults = config_layer(home, "default.yaml", d), *overrides = config_layer(home, "override.yaml", d);
	struct resolve_in in = {
		.dir = dir, .home = home, .yaml = yaml, .defaults = defaults, .overrides = overrides,
		.instance_version = version, .existing = existing, .warnings = warnings,
	};
	struct node *doc = resolve(&in, d);

	node_free(defaults);
	node_free(overrides);
	free(version);
	return doc;
}

int resolve_bytes(const struct node *doc, const char *path, uint64_t *ret)
{
	const struct node *n = tree_get(doc, path);
	struct err e = { 0 };

	return n && n->type == NODE_STR ? size_parse(n->str, path, ret, &e) : -1;
}
