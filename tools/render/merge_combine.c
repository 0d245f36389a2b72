/* merge_combine - entries of lists that mean the same thing become one: the second half of merge.h. */
#include <stdlib.h>
#include <string.h>

#include "merge.h"

#define WILDCARD "*"

/* Fields are keys, or KEY.KEY. Those of `either` are filled only when the entry has none of them. */
struct rule {
	const char *list;
	const char *key, *other_key; /* what tells entries apart; the other one when the first is not set */
	const char *field[16];
	const char *either[3];
};

static const struct rule rules[] = {
    {.list = "additionalDisks", .key = "name", .field = {"format", "fsType", "fsArgs"}},
    {.list = "mounts",
     .key = "mountPoint",
     .other_key = "location",
     .field = {"mountPoint", "writable", "sshfs.cache", "sshfs.followSymlinks", "sshfs.sftpDriver", "9p.securityModel",
	       "9p.protocolVersion", "9p.msize", "9p.cache", "virtiofs.queueSize"}},
    {.list = "networks", .key = "interface", .field = {"macAddress", "vzNAT", "metric"}, .either = {"lima", "socket"}},
};

/* Null and the empty text and list mean "not set" inside such entries. */
static bool is_set(const struct node *n)
{
	return n && n->type != NODE_NULL && !(n->type == NODE_STR && !*n->str) && !(n->type == NODE_SEQ && n->n == 0);
}

static const char *text_of(const struct node *n)
{
	return is_set(n) && n->type != NODE_MAP && n->type != NODE_SEQ ? n->str : NULL;
}

/* The key of an entry; NULL = it has none and is like no other. A disk may be just its name. */
static const char *key_of(const struct rule *rule, const struct node *entry)
{
	const char *key;

	if (entry->type != NODE_MAP)
		return strcmp(rule->list, "additionalDisks") ? NULL : text_of(entry);
	key = text_of(map_get(entry, rule->key));
	return key || !rule->other_key ? key : text_of(map_get(entry, rule->other_key));
}

/* A disk that is just a name becomes {name: NAME}, in its place. */
static void become_map(struct node *entry, const char *key)
{
	struct node *name, old = *entry;

	if (entry->type == NODE_MAP)
		return;
	name = node_new(NODE_NULL);
	*entry = *name;
	entry->type = NODE_MAP;
	entry->pos = old.pos;
	entry->head = old.head;
	entry->line_comment = old.line_comment;
	*name = old;
	name->head = name->line_comment = NULL;
	map_set(entry, key, name);
}

/* The part of `entry` that a field is in ("sshfs" of "sshfs.cache"), made when `make`; *key is the last part of the
 * field. */
static struct node *holder(struct node *entry, const char *field, const char **key, bool make)
{
	const char *dot = strchr(field, '.');
	struct node *part;
	char *name;

	*key = dot ? dot + 1 : field;
	if (!dot)
		return entry;
	name = xstrndup(field, (size_t)(dot - field));
	part = map_get(entry, name);
	if (make && !is_set(part)) {
		part = node_new(NODE_MAP);
		map_set(entry, name, part);
	}
	free(name);
	return part;
}

static const struct node *get_field(struct node *entry, const char *field)
{
	const char *key;
	const struct node *part = entry->type == NODE_MAP ? holder(entry, field, &key, false) : NULL;

	return part && part->type == NODE_MAP ? map_get(part, key) : NULL;
}

static void fill_field(const struct rule *rule, struct node *to, struct node *from, const char *field)
{
	const struct node *value = get_field(from, field);
	struct node *part;
	const char *key;

	if (!is_set(value) || is_set(get_field(to, field)))
		return;
	if (!strcmp(field, rule->key) && text_of(value) && !strcmp(text_of(value), WILDCARD))
		return;
	become_map(to, rule->key);
	part = holder(to, field, &key, true);
	if (part->type == NODE_MAP)
		map_set(part, key, node_copy(value));
}

/* Fills what `to` lacks. */
static void fill(const struct rule *rule, struct node *to, struct node *from)
{
	bool either = false;

	if (from->type != NODE_MAP)
		return;
	for (size_t i = 0; rule->either[i]; i++)
		either |= is_set(map_get(to, rule->either[i]));
	for (size_t i = 0; rule->either[i] && !either; i++)
		fill_field(rule, to, from, rule->either[i]);
	for (size_t i = 0; rule->field[i]; i++)
		fill_field(rule, to, from, rule->field[i]);
}

static bool fill_same(const struct rule *rule, struct node *list, size_t i, const char *key)
{
	for (size_t k = 0; k < i; k++) {
		const char *other = key_of(rule, list->item[k]);

		if (other && !strcmp(other, key)) {
			fill(rule, list->item[k], list->item[i]);
			return true;
		}
	}
	return false;
}

static bool fill_all(const struct rule *rule, struct node *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		fill(rule, list->item[k], list->item[i]);
	return true;
}

static void combine_list(const struct rule *rule, struct node *list)
{
	for (size_t i = 0; i < list->n;) {
		const char *key = key_of(rule, list->item[i]);
		bool gone = key && (strcmp(key, WILDCARD) ? fill_same(rule, list, i, key) : fill_all(rule, list, i));

		if (gone)
			node_free(seq_take(list, i));
		else
			i++;
	}
}

int merge_combine(struct node *t, struct err *e)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct node *list = map_get(t, rules[i].list);

		if (!list || list->type != NODE_SEQ)
			continue;
		if (list->n > MERGE_ENTRIES_MAX)
			return err_set(e, EXIT_BADDATA, "%s has %zu entries; at most %d can be merged", rules[i].list,
				       list->n, MERGE_ENTRIES_MAX);
		combine_list(&rules[i], list);
	}
	return 0;
}
