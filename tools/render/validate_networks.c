/* validate_networks - network cards, and texts that become variables. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "validate.h"

#define INTERFACE_MAX 15 /* IFNAMSIZ - 1 */

/* Bytes of a MAC address written with ':' or '-' between bytes, or '.' between pairs of bytes; 0 when it is none. */
static size_t mac_bytes(const char *s)
{
	size_t digits = 0, group, each = strchr(s, '.') ? 4 : 2;
	char separator = s[0] && s[1] ? s[each] : 0;

	if (!separator || !strchr(":-.", separator))
		return 0;
	for (;; s++) {
		for (group = 0; isxdigit((unsigned char)*s); s++)
			group++;
		if (group != each)
			return 0;
		digits += group;
		if (!*s)
			return digits / 2;
		if (*s != separator)
			return 0;
	}
}

/* The mode of a network in _config/networks.yaml; "" when it is not there. */
static char *network_mode(struct check *c, const char *name)
{
	static const char *const built_in[][2] = {
		{ "user-v2", "user-v2" }, { "shared", "shared" }, { "host", "host" }, { "bridged", "bridged" },
	};
	char *path = xasprintf("%s/_config/networks.yaml", c->in->home), *mode = NULL;
	struct buf text = { 0 };
	struct err e = { 0 };
	struct node *file = NULL;
	const struct node *entry;

	if (file_read(path, TREE_TEXT_MAX, &text, &e) == 0)
		file = tree_parse(buf_str(&text), text.len, path, &e);
	entry = map_get(map_get(file, "networks"), name);
	if (entry)
		mode = xstrdup(tree_str(entry, "", "mode"));
	for (size_t i = 0; !mode && i < sizeof(built_in) / sizeof(*built_in); i++)
		if (!strcmp(name, built_in[i][0]) && (!file || i == 0))
			mode = xstrdup(built_in[i][1]);
	node_free(file);
	buf_free(&text);
	free(path);
	return mode ? mode : xstrdup("");
}

static void kind(struct check *c, const struct node *n, size_t i)
{
	const char *lima = tree_str(n, "", "lima"), *sock = tree_str(n, "", "socket");
	bool nat = tree_bool(n, false, "vzNAT");
	int given = (*lima != 0) + (*sock != 0) + nat;
	char *mode;
	struct stat st;

	if (given != 1) {
		check_error(c, NULL, n, check_key("networks[%zu]", i), given ? "needs just one of lima, socket and vzNAT" :
									       "needs one of lima, socket and vzNAT");
		return;
	}
	if (nat && !strcmp(tree_str(c->doc, "", "vmType"), "qemu"))
		check_error(c, map_get(n, "vzNAT"), n, check_key("networks[%zu].vzNAT", i), "needs vmType vz");
	mode = *lima ? network_mode(c, lima) : NULL;
	if (mode && !*mode)
		check_error(c, map_get(n, "lima"), n, check_key("networks[%zu].lima", i), "there is no network %s in _config/networks.yaml",
			    lima);
	else if (mode && strcmp(mode, "user-v2") != 0)
		check_error(c, map_get(n, "lima"), n, check_key("networks[%zu].lima", i), "%s is of the mode %s, which needs macOS", lima,
			    mode);
	free(mode);
	if (*sock && stat(sock, &st) == 0 ? !S_ISSOCK(st.st_mode) : *sock && errno != ENOENT)
		check_error(c, map_get(n, "socket"), n, check_key("networks[%zu].socket", i), "%s is no socket", sock);
}

static void card(struct check *c, const struct node *list, size_t i)
{
	const struct node *n = list->item[i], *in = map_get(n, "interface");
	const char *mac = tree_str(n, "", "macAddress"), *name = tree_str(n, "", "interface");
	const char *key = check_key("networks[%zu].interface", i);

	if (*mac && mac_bytes(mac) != 6)
		check_error(c, map_get(n, "macAddress"), n, check_key("networks[%zu].macAddress", i),
			    "must be six bytes such as 52:55:55:12:34:56, not \"%s\"", mac);
	if (strlen(name) > INTERFACE_MAX)
		check_error(c, in, n, key, "\"%s\" is longer than %d bytes", name, INTERFACE_MAX);
	if (name[strcspn(name, " \t\n/")])
		check_error(c, in, n, key, "\"%s\" has a blank or a slash", name);
	if (!strcmp(name, "eth0"))
		check_error(c, in, n, key, "eth0 is the name of the first card");
	for (size_t j = 0; j < i; j++)
		if (!strcmp(name, tree_str(list->item[j], "", "interface")))
			check_error(c, in, n, key, "%s is used by an entry before", name);
}

static bool is_param_name(const char *s)
{
	return isalpha((unsigned char)*s) &&
	       !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")];
}

static void param(struct check *c)
{
	const struct node *map = map_get(c->doc, "param");

	for (size_t i = 0; map && i < map->n; i++) {
		const struct node at = { .pos = map->key_pos[i] };

		if (!is_param_name(map->key[i]))
			check_error(c, &at, map, check_key("param.%s", map->key[i]), "a name has letters, digits and _ and begins with a letter");
	}
}

/* What ends up in files of NAME=VALUE lines. */
static void env(struct check *c)
{
	const struct node *map = map_get(c->doc, "env");

	for (size_t i = 0; map && i < map->n; i++) {
		const struct node at = { .pos = map->key_pos[i] };

		if (!*map->key[i] || strpbrk(map->key[i], "= \t\n\r\"'\\$`") || isdigit((unsigned char)*map->key[i]))
			check_error(c, &at, map, check_key("env.%s", map->key[i]), "is no name for a variable");
	}
}

void validate_networks(struct check *c)
{
	const struct node *list = tree_seq(c->doc, "networks");

	for (size_t i = 0; list && i < list->n; i++) {
		kind(c, list->item[i], i);
		card(c, list, i);
	}
	param(c);
	env(c);
}
