/* complete_names - see complete_names.h. */
#include "complete_names.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "dirs.h"
#include "file.h"
#include "instance_files.h"
#include "plugin.h"
#include "render/locator.h"
#include "render/schema.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a directory beneath LIMA_HOME that have `file` in them and do not begin with '.' or '_', sorted. */
static void add_dirs(const char *below, const char *file, struct strv *names)
{
	struct err ignored = { 0 };
	char *home = dirs_home(&ignored), *dir = home ? path_join(home, below) : NULL;
	DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *entry;
	size_t from = names->n;

	while (d && (entry = readdir(d))) {
		char *path = xasprintf("%s/%s/%s", dir, entry->d_name, file);

		if (!strchr("._", entry->d_name[0]) && path_exists(path))
			strv_add(names, entry->d_name);
		free(path);
	}
	if (d)
		closedir(d);
	if (names->n > from)
		qsort(names->v + from, names->n - from, sizeof(*names->v), by_text);
	free(dir);
	free(home);
}

void complete_instances(struct strv *names)
{
	add_dirs(".", F_LIMA_YAML, names);
}

void complete_disks(struct strv *names)
{
	add_dirs("_disk", "datadisk", names);
	add_dirs("_disks", "datadisk", names);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_text);
}

void complete_templates(const char *typed, struct strv *names)
{
	struct locator_ctx ctx = { 0 };
	struct locator_list list = { 0 };
	struct err ignored = { 0 };
	const char *name = strncmp(typed, "template:", 9) ? "" : typed + 9, *slash = strrchr(name, '/');
	bool parts = slash ? slash[1] == '_' : *name == '_';

	if (locator_ctx_init(&ctx, &ignored) == 0 && locator_list(&ctx, &list, &ignored) == 0)
		for (size_t i = 0; i < list.n; i++) {
			const char *last = strrchr(list.v[i].name, '/');
			bool part = list.v[i].hidden || (last ? last[1] == '_' : list.v[i].name[0] == '_');

			if (!part || parts)
				strv_addf(names, "template:%s", list.v[i].name);
		}
	locator_list_free(&list);
	locator_ctx_free(&ctx);
}

void complete_networks(const char *prefix, struct strv *names)
{
	static const char *const usual[] = { "bridged", "host", "shared", "user-v2" };
	struct err ignored = { 0 };
	char *home = dirs_home(&ignored), *path = home ? path_join(home, "_config/networks.yaml") : NULL;
	struct buf text = { 0 };
	struct node *doc = NULL;
	const struct node *map;

	if (path && path_exists(path) && file_read(path, TREE_TEXT_MAX, &text, &ignored) == 0)
		doc = tree_parse(buf_str(&text), text.len, path, &ignored);
	map = doc ? map_get(doc, "networks") : NULL;
	for (size_t i = 0; map && map->type == NODE_MAP && i < map->n; i++)
		strv_addf(names, "%s%s", prefix, map->key[i]);
	for (size_t i = 0; !map && i < sizeof(usual) / sizeof(*usual); i++)
		strv_addf(names, "%s%s", prefix, usual[i]);
	node_free(doc);
	buf_free(&text);
	free(path);
	free(home);
}

static void add_paths(const struct schema_key *k, struct strv *names)
{
	for (; k; k = k->next) {
		if (!strchr(k->path, '*') && k->name && strcmp(k->name, "[]") != 0)
			strv_addf(names, ".%s", k->path);
		add_paths(k->child, names);
	}
}

void complete_paths(struct strv *names)
{
	add_paths(schema_root()->child, names);
}

void complete_plugins(const char *program, struct strv *names)
{
	struct plugins list;

	plugins_list(program, &list);
	for (size_t i = 0; i < list.n; i++)
		if (!list.v[i].hidden && !command_find(command_table, list.v[i].name))
			strv_add(names, list.v[i].name);
	plugins_free(&list);
}
