/* validate_scripts - provision, probes, and whether each param is used. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "validate.h"

#define PLAYBOOK_MAX (4u << 20)
#define PARAMS_MAX 200 /* each is looked for in every script */

static bool set(const struct node *map, const char *key)
{
	const struct node *n = map_get(map, key);

	return n && !(n->type == NODE_STR && !*n->str);
}

static bool octal(const char *s)
{
	return *s && !s[strspn(s, "01234567")] && strlen(s) <= 5;
}

/* data and yq write a file. */
static void file_entry(struct check *c, const struct node *p, size_t i, bool yq)
{
	const char *path = tree_str(p, "", "path");

	if (!*path)
		check_error(c, NULL, p, check_key("provision[%zu].path", i), "is missing: the file to write");
	else if (!check_absolute(path))
		check_error(c, map_get(p, "path"), p, check_key("provision[%zu].path", i), "must be absolute, not \"%s\"", path);
	if (yq && !set(p, "expression"))
		check_error(c, NULL, p, check_key("provision[%zu].expression", i), "is missing");
	if (!octal(tree_str(p, "", "permissions")))
		check_error(c, map_get(p, "permissions"), p, check_key("provision[%zu].permissions", i),
			    "must be octal digits such as 644, not \"%s\"", tree_str(p, "", "permissions"));
}

static void script_entry(struct check *c, const struct node *p, size_t i, const char *mode)
{
	static const char *const data_only[] = { "content", "overwrite", "owner", "path", "permissions", "format" };

	if (strcmp(mode, "ansible") != 0 && !set(p, "script"))
		check_error(c, map_get(p, "script"), p, check_key("provision[%zu].script", i), "is missing");
	for (size_t j = 0; j < sizeof(data_only) / sizeof(*data_only); j++)
		if (map_get(p, data_only[j]))
			check_error(c, map_get(p, data_only[j]), p, check_key("provision[%zu].%s", i, data_only[j]),
				    "is for the modes data and yq, not %s", mode);
}

static void playbook(struct check *c, const struct node *p, size_t i, const char *mode)
{
	const struct node *n = map_get(p, "playbook");
	const char *key = check_key("provision[%zu].playbook", i), *path = tree_str(p, "", "playbook");

	if (!*path)
		return;
	if (strcmp(mode, "ansible") != 0)
		check_error(c, n, p, key, "is for the mode ansible, not %s", mode);
	else if (set(p, "script"))
		check_error(c, n, p, key, "an entry has either a script or a playbook");
	else if (access(path, R_OK) < 0)
		check_error(c, n, p, key, "%s cannot be read", path);
	check_warn(c, n, p, key, "the mode ansible is deprecated");
}

static void embedded(struct check *c, const struct node *p, const char *key)
{
	const struct node *file = map_get(p, "file");

	if (file && (set(file, "url") || set(file, "digest")))
		check_error(c, file, p, key, "the file must have been put in; this is a template, not an instance");
}

static void provision(struct check *c, const struct node *p, size_t i)
{
	static const struct schema_key modes = { .values = "system|user|boot|dependency|data|yq|ansible" };
	const char *mode = tree_str(p, "system", "mode");

	embedded(c, p, check_key("provision[%zu].file", i));
	if (!schema_has_value(&modes, mode))
		return; /* was said with the table */
	if (map_get(p, "skipDefaultDependencyResolution") && strcmp(mode, "dependency") != 0)
		check_error(c, map_get(p, "skipDefaultDependencyResolution"), p,
			    check_key("provision[%zu].skipDefaultDependencyResolution", i), "is for the mode dependency, not %s", mode);
	if (!strcmp(mode, "data") || !strcmp(mode, "yq"))
		file_entry(c, p, i, *mode == 'y');
	else
		script_entry(c, p, i, mode);
	playbook(c, p, i, mode);
	if (c->in->warnings && strstr(tree_str(p, "", "script"), "LIMA_CIDATA"))
		check_warn(c, map_get(p, "script"), p, check_key("provision[%zu].script", i),
			   "uses LIMA_CIDATA variables, which may change");
}

void validate_scripts(struct check *c)
{
	const struct node *scripts = tree_seq(c->doc, "provision"), *probes = tree_seq(c->doc, "probes");

	for (size_t i = 0; scripts && i < scripts->n; i++)
		provision(c, scripts->item[i], i);
	for (size_t i = 0; probes && i < probes->n; i++) {
		const struct node *p = probes->item[i];

		embedded(c, p, check_key("probes[%zu].file", i));
		if (strncmp(tree_str(p, "", "script"), "#!", 2) != 0)
			check_error(c, map_get(p, "script"), p, check_key("probes[%zu].script", i), "must begin with #!");
	}
}

/* --- params --- */

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* `word` in text, as a whole. */
static const char *find_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p++)
		if ((p == text || !is_name(p[-1])) && !is_name(p[n]))
			return p;
	return NULL;
}

/* Whether a text uses the param: as $PARAM_KEY, or .Param.KEY within {{ }}. */
static bool uses(const char *text, const char *key)
{
	char *shell = xasprintf("PARAM_%s", key), *field = xasprintf(".Param.%s", key);
	bool used = find_word(text, shell) != NULL;
	size_t n = strlen(field);

	for (const char *open = text, *close; !used && (open = strstr(open, "{{")); open = close) {
		close = strchr(open, '}');
		if (!close)
			break;
		for (const char *p = open; !used && (p = memmem(p, (size_t)(close - p), field, n)); p++)
			used = !is_name(p[n]);
	}
	free(shell);
	free(field);
	return used;
}

static bool playbook_uses(const char *path, const char *key)
{
	struct buf text = { 0 };
	struct err e = { 0 };
	bool used = file_read(path, PLAYBOOK_MAX, &text, &e) == 0 && uses(buf_str(&text), key);

	buf_free(&text);
	return used;
}

static bool used_somewhere(const struct node *yaml, const char *key)
{
	static const char *const fields[][2] = {
		{ "provision", "script" },	 { "provision", "content" },	    { "provision", "expression" },
		{ "provision", "owner" },	 { "provision", "path" },	    { "provision", "permissions" },
		{ "probes", "script" },		 { "copyToHost", "guest" },	    { "copyToHost", "host" },
		{ "portForwards", "guestSocket" }, { "portForwards", "hostSocket" }, { "mounts", "location" },
		{ "mounts", "mountPoint" },	 { "provision", "playbook" },
	};

	for (size_t f = 0; f < sizeof(fields) / sizeof(*fields); f++) {
		const struct node *list = tree_seq(yaml, "%s", fields[f][0]);

		for (size_t i = 0; list && i < list->n; i++) {
			const char *text = tree_str(list->item[i], "", "%s", fields[f][1]);

			if (!strcmp(fields[f][1], "playbook") ? *text && playbook_uses(text, key) : uses(text, key))
				return true;
		}
	}
	/* We also count these two, which templates can be in as well. */
	return uses(tree_str(yaml, "", "message"), key) || uses(tree_str(yaml, "", "user.home"), key);
}

void validate_params_used(const struct node *yaml, struct diag *d)
{
	const struct node *param = map_get(yaml, "param");

	if (param && param->n > PARAMS_MAX) {
		diag_error(d, param->pos, "param", "has %zu entries, more than %d", param->n, PARAMS_MAX);
		return;
	}
	for (size_t i = 0; param && i < param->n; i++) {
		char key[256];

		if (!strcmp(param->key[i], "internal_netplanOptional") || used_somewhere(yaml, param->key[i]))
			continue;
		snprintf(key, sizeof(key), "param.%s", param->key[i]);
		diag_error(d, param->key_pos[i], key,
			   "is never used: no provision, probe, copyToHost, portForwards or mount has it");
	}
}
