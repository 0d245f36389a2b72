/* edit_list - the options that change lists and maps: mounts, networks, images, parameters, port forwards, and
 * expressions. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csv.h"
#include "edit_tree.h"
#include "expr.h"
#include "locator_priv.h"
#include "name.h"
#include "num.h"

/* Calls `each` for the parts of "A,B,C"; one in double quotes may have a comma. */
static int for_parts(struct node *list, const char *value, struct err *e,
		     int (*each)(struct node *list, const char *part, size_t at, struct err *e))
{
	struct strv parts = {0};
	int r = csv_record(value, &parts, e);

	for (size_t i = 0; r == 0 && i < parts.n; i++)
		r = *parts.v[i] ? each(list, parts.v[i], i, e)
				: err_set(e, EXIT_USAGE, "an entry between commas is empty");
	strv_free(&parts);
	return r;
}

/* --- mounts --- */

/* {location, mountPoint, writable} for DIR[:w]. */
static struct node *mount_entry(const char *text, struct err *e)
{
	size_t n = strlen(text);
	bool writable = n > 2 && !strcmp(text + n - 2, ":w");
	char *dir = xstrndup(text, writable ? n - 2 : n), *cwd = getcwd(NULL, 0);
	struct locator_ctx ctx = {.cwd = cwd, .user_home = getenv("HOME")};
	char *path = cwd || *dir == '/' ? locator_abs_path(dir, &ctx, e) : NULL;
	struct node *m = NULL;

	if (path) {
		m = node_new(NODE_MAP);
		map_set(m, "location", node_str(path));
		map_set(m, "mountPoint", node_str(path));
		map_set(m, "writable", node_bool(writable));
	} else if (!cwd) {
		err_sys(e, EXIT_IOERR, "cannot find the current directory");
	}
	free(path);
	free(dir);
	free(cwd);
	return m;
}

static int prepend_mount(struct node *list, const char *part, size_t at, struct err *e)
{
	struct node *m = mount_entry(part, e);

	(void)at;
	if (m)
		seq_insert(list, 0, m);
	return m ? 0 : -1;
}

static int append_mount(struct node *list, const char *part, size_t at, struct err *e)
{
	struct node *m = mount_entry(part, e);

	(void)at;
	if (m)
		seq_add(list, m);
	return m ? 0 : -1;
}

/* Each goes to the front, so the last one given comes first. */
int edit_mount(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *list = edit_list(doc, f->keys + 1, e);

	return list ? for_parts(list, value, e, prepend_mount) : -1;
}

int edit_mount_only(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *list = node_new(NODE_SEQ);

	edit_put_key(doc, f->keys + 1, list);
	return for_parts(list, value, e, append_mount);
}

int edit_mount_none(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	bool b;

	if (edit_bool_value(value, &b, e) < 0)
		return -1;
	if (b)
		edit_put_key(doc, f->keys + 1, node_new(NODE_NULL));
	return 0;
}

int edit_mount_writable(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	const struct node *list = map_get(doc, "mounts");
	bool b;

	(void)f;
	if (edit_bool_value(value, &b, e) < 0)
		return -1;
	for (size_t i = 0; list && list->type == NODE_SEQ && i < list->n; i++)
		if (list->item[i]->type == NODE_MAP)
			edit_put_key(list->item[i], "writable", node_bool(b));
	return 0;
}

/* --- networks and names --- */

static bool has_text(const struct node *list, const char *key, const char *text)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct node *n = key ? map_get(list->item[i], key) : list->item[i];

		if (n && n->type == NODE_STR && !strcmp(n->str, text))
			return true;
	}
	return false;
}

static bool has_vznat(const struct node *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (tree_bool(list->item[i], false, "vzNAT"))
			return true;
	return false;
}

/* A network that is there already is not added again; entries of other kinds stay as they are. */
static int add_network(struct node *list, const char *part, size_t at, struct err *e)
{
	struct node *entry = NULL;

	(void)at;
	if (!strcmp(part, "vzNAT")) {
		if (has_vznat(list))
			return 0;
		entry = node_new(NODE_MAP);
		map_set(entry, "vzNAT", node_bool(true));
	} else if (!strncmp(part, "lima:", 5)) {
		if (name_check(part + 5, "network", e) < 0)
			return edit_misuse(e);
		if (has_text(list, "lima", part + 5))
			return 0;
		entry = node_new(NODE_MAP);
		map_set(entry, "lima", node_str(part + 5));
	} else {
		return err_set(e, EXIT_USAGE, "\"%s\" is neither lima:NAME nor vzNAT", part);
	}
	seq_add(list, entry);
	return 0;
}

int edit_network(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *list = edit_list(doc, f->keys + 1, e);

	return list ? for_parts(list, value, e, add_network) : -1;
}

static int add_dns(struct node *list, const char *part, size_t at, struct err *e)
{
	unsigned char address[sizeof(struct in6_addr)];

	(void)at;
	if (inet_pton(AF_INET, part, address) != 1 && inet_pton(AF_INET6, part, address) != 1)
		return err_set(e, EXIT_USAGE, "\"%s\" is not an IP address", part);
	if (!has_text(list, NULL, part))
		seq_add(list, node_str(part));
	return 0;
}

int edit_dns(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *list = edit_list(doc, f->keys + 1, e);

	if (!list || for_parts(list, value, e, add_dns) < 0)
		return -1;
	return edit_put(doc, ".hostResolver.enabled", node_bool(false), e);
}

/* --- the rest --- */

static void list_keys(const struct node *map, struct buf *out)
{
	for (size_t i = 0; map && i < map->n; i++)
		buf_addf(out, "%s%s", i ? ", " : "", map->key[i]);
}

/* Only parameters that the template has can be set: another name is a typing error. */
int edit_param(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *map = map_get(doc, f->keys + 1);
	const char *equals = strchr(value, '=');
	struct buf known = {0};
	char *key;
	int r = 0;

	if (!equals || equals == value)
		return err_set(e, EXIT_USAGE, "expected KEY=VALUE");
	key = xstrndup(value, (size_t)(equals - value));
	list_keys(map && map->type == NODE_MAP ? map : NULL, &known);
	if (map && map->type == NODE_MAP && map_get(map, key))
		edit_put_key(map, key, node_str(equals + 1));
	else
		r = err_set(e, EXIT_USAGE, "template does not define param `%s`; it has %s", key,
			    known.len ? known.data : "none");
	buf_free(&known);
	free(key);
	return r;
}

int edit_image_variant(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *list = map_get(doc, f->keys + 1);
	struct buf known = {0};
	int r = 0;

	if (!list || list->type != NODE_SEQ)
		return err_set(e, EXIT_BADDATA, "the document has no images");
	for (size_t i = 0; i < list->n; i++) {
		const char *variant = tree_str(list->item[i], "", "variant");

		if (!strstr(buf_str(&known), variant))
			buf_addf(&known, "%s%s", known.len ? ", " : "", variant);
	}
	if (has_text(list, "variant", value)) {
		for (size_t i = list->n; i-- > 0;)
			if (strcmp(tree_str(list->item[i], "", "variant"), value))
				node_free(seq_take(list, i));
	} else {
		r = err_set(e, EXIT_USAGE, "no image has this variant; there is %s", known.len ? known.data : "none");
	}
	buf_free(&known);
	return r;
}

static char *trimmed(const char *s, size_t n)
{
	while (n && strchr(" \t", *s)) {
		s++;
		n--;
	}
	while (n && strchr(" \t", s[n - 1]))
		n--;
	return xstrndup(s, n);
}

static int port_entry(struct node *entry, const char *key, const char *text, size_t n, struct err *e)
{
	char *port = trimmed(text, n);
	uint64_t number;
	int r = num_parse(port, 0, 65535, key, &number, e);

	if (r == 0) {
		struct node *s = node_str(port);

		s->style = '"';
		map_set(entry, key, s);
	}
	free(port);
	return r < 0 ? edit_misuse(e) : 0;
}

static int port_static(struct node *entry, const char *text, struct err *e)
{
	char *part;
	bool b = false;
	int r = 0;

	if (*text == ',') {
		part = trimmed(text + 1, strlen(text + 1));
		r = strncmp(part, "static=", 7) || !part[7]
			? err_set(e, EXIT_USAGE, "after the comma only static=true or static=false may stand")
			: edit_bool_value(part + 7, &b, e);
		free(part);
	}
	map_set(entry, "static", node_bool(b));
	return r;
}

/* HOST:GUEST[,static=BOOL]. */
int edit_port_forward(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *list = edit_list(doc, f->keys + 1, e), *entry;
	size_t ports = strcspn(value, ","), host = strcspn(value, ":");

	if (!list)
		return -1;
	if (host >= ports || memchr(value + host + 1, ':', ports - host - 1))
		return err_set(e, EXIT_USAGE, "expected HOST:GUEST, two port numbers");
	entry = node_new(NODE_MAP);
	if (port_entry(entry, "guestPort", value + host + 1, ports - host - 1, e) < 0 ||
	    port_entry(entry, "hostPort", value, host, e) < 0 || port_static(entry, value + ports, e) < 0) {
		node_free(entry);
		return -1;
	}
	seq_add(list, entry);
	return 0;
}

int edit_expression(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	struct node *result = expr_apply(doc, value, e), old;

	(void)f;
	if (!result)
		return -1;
	old = *doc;
	*doc = *result;
	*result = old;
	node_free(result);
	return 0;
}
