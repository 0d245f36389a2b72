/* schema_print - the table for others: JSON Schema for editors, mdoc for the man page. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

/* --- JSON Schema --- */

static struct node *set_str(struct node *map, const char *key, const char *value)
{
	map_set(map, key, node_str(value));
	return map;
}

static struct node *type_of(const char *name)
{
	return set_str(node_new(NODE_MAP), "type", name);
}

static struct node *words(const char *list)
{
	struct node *seq = node_new(NODE_SEQ);
	size_t len;

	for (const char *w = list, *next; (next = schema_next_word(w, &len)); w = next) {
		char *word = xstrndup(w, len);

		seq_add(seq, node_str(word));
		free(word);
	}
	return seq;
}

static struct node *describe(const struct schema_key *k);

static struct node *map_schema(const struct schema_key *k)
{
	struct node *s = type_of("object"), *properties = node_new(NODE_MAP);
	bool any = false;

	for (const struct schema_key *c = k->child; c; c = c->next) {
		if (!strcmp(c->name, "*")) {
			map_set(s, "additionalProperties", describe(c));
			any = true;
		} else {
			map_set(properties, c->name, describe(c));
		}
	}
	if (properties->n)
		map_set(s, "properties", properties);
	else
		node_free(properties);
	if (!any)
		map_set(s, "additionalProperties", node_bool(false));
	return s;
}

static struct node *list_schema(const struct schema_key *k)
{
	struct node *s = type_of("array");

	if (k->child)
		map_set(s, "items", describe(k->child));
	return s;
}

static struct node *range_schema(void)
{
	struct node *s = type_of("array"), *item = type_of("integer");

	map_set(item, "minimum", node_int(0));
	map_set(item, "maximum", node_int(65535));
	map_set(s, "items", item);
	map_set(s, "maxItems", node_int(2));
	return s;
}

static struct node *int_schema(const struct schema_key *k)
{
	struct node *s = type_of("integer");

	if (k->min || k->max) {
		map_set(s, "minimum", node_int(k->min));
		map_set(s, "maximum", node_int(k->max));
	}
	return s;
}

/* Numbers and truth values become texts, so a text may be written as one. */
static struct node *text_schema(const struct schema_key *k)
{
	struct node *s = node_new(NODE_MAP);

	if (k->values)
		map_set(s, "enum", words(k->values));
	else
		map_set(s, "type", words("string|number|boolean"));
	return s;
}

static struct node *plain_schema(const struct schema_key *k)
{
	switch (k->type) {
	case T_BOOL:
		return type_of("boolean");
	case T_INT:
		return int_schema(k);
	case T_RANGE:
		return range_schema();
	case T_LIST:
		return list_schema(k);
	case T_MAP:
		return map_schema(k);
	case T_ANY:
		return node_new(NODE_MAP);
	default:
		return text_schema(k);
	}
}

/* Null means "not set" everywhere but for items of lists. */
static struct node *describe(const struct schema_key *k)
{
	struct node *s = node_new(NODE_MAP), *any;

	if (k->doc)
		set_str(s, "description", k->doc);
	if (k->fallback && *k->fallback != '(' && k->type != T_MAP && k->type != T_LIST)
		map_set(s, "default", k->type == T_BOOL ? node_bool(!strcmp(k->fallback, "true")) :
				      k->type == T_INT ? node_int(strtoll(k->fallback, NULL, 10)) :
							 node_str(!strcmp(k->fallback, "\"\"") ? "" : k->fallback));
	if (k->type == T_ANY)
		return s;
	any = node_new(NODE_SEQ);
	seq_add(any, plain_schema(k));
	if (k->shorthand)
		seq_add(any, type_of("string"));
	if (strcmp(k->name, "[]") != 0)
		seq_add(any, type_of("null"));
	map_set(s, "anyOf", any);
	return s;
}

void schema_json(struct buf *out)
{
	struct node *root = node_new(NODE_MAP), *body = map_schema(schema_root());

	set_str(root, "$schema", "http://json-schema.org/draft-07/schema#");
	set_str(root, "title", "lima.yaml");
	for (size_t i = 0; i < body->n; i++)
		map_set(root, body->key[i], node_copy(body->item[i]));
	node_free(body);
	tree_emit_json(root, true, out);
	buf_addc(out, '\n');
	node_free(root);
}

/* --- mdoc --- */

/* Text where nothing is taken for a macro or an escape. */
static void escaped(struct buf *out, const char *s)
{
	if (*s == '.' || *s == '\'')
		buf_adds(out, "\\&");
	for (; *s; s++) {
		if (*s == '\\')
			buf_adds(out, "\\e");
		else if (*s == '-')
			buf_adds(out, "\\-");
		else
			buf_addc(out, *s);
	}
}

static const char *layer_words(const struct schema_key *k)
{
	switch (k->layer) {
	case LAYER_CONCAT:
		return "override, file, default one behind the other";
	case LAYER_UNIQUE:
		return "all, each text once";
	case LAYER_FIRST:
		return "that of the highest layer that is not empty";
	case LAYER_WHOLE:
		return "by key, each as a whole";
	case LAYER_MOUNTS:
		return "joined by mountPoint";
	case LAYER_NETWORKS:
		return "joined by interface";
	case LAYER_YAML:
		return "only that of the file itself";
	default:
		return NULL;
	}
}

static void fact(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "%s ", name);
	escaped(out, value);
	buf_adds(out, ".\n");
}

static void entry(struct buf *out, const struct schema_key *k)
{
	size_t len;

	buf_adds(out, ".It Va ");
	escaped(out, k->path);
	buf_addf(out, " Pq %s\n", schema_type_name(k));
	if (k->doc) {
		escaped(out, k->doc);
		buf_adds(out, ".\n");
	}
	if (k->values) {
		bool first = true;

		buf_adds(out, "One of ");
		for (const char *w = k->values, *next; (next = schema_next_word(w, &len)); w = next) {
			char *word = xstrndup(w, len);

			buf_adds(out, first ? "" : ", ");
			escaped(out, len ? word : "\"\"");
			first = false;
			free(word);
		}
		buf_adds(out, ".\n");
	}
	if (k->type == T_INT && k->max)
		buf_addf(out, "From %" PRId64 " to %" PRId64 ".\n", k->min, k->max);
	if (k->expand)
		buf_addf(out, "Templates: %s.\n", k->expand == EXPAND_HOST ? "host" : "guest");
	if (k->fallback && k->type != T_MAP && k->type != T_LIST) {
		size_t n = strlen(k->fallback);
		char *text = *k->fallback == '(' ? xstrndup(k->fallback + 1, n - 2) : xstrdup(k->fallback);

		fact(out, "Default:", text);
		free(text);
	}
	if (k->drivers)
		fact(out, "Only for vmType", k->drivers);
	if (layer_words(k))
		fact(out, "Layers:", layer_words(k));
	fact(out, "Change:", change_name(k->change));
}

static void walk(struct buf *out, const struct schema_key *k)
{
	for (const struct schema_key *c = k->child; c; c = c->next) {
		/* What has no words of its own is explained with what it is in. */
		if (c->doc)
			entry(out, c);
		walk(out, c);
	}
}

void schema_mdoc(struct buf *out)
{
	buf_adds(out, ".Bl -tag -width Ds\n");
	walk(out, schema_root());
	buf_adds(out, ".El\n");
}
