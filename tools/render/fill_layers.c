/* fill_layers - default.yaml, lima.yaml and override.yaml become one, as the schema says for each key. */
#include <stdlib.h>
#include <string.h>

#include "fill.h"

/* The layers, lowest first. */
struct layers {
	const struct node *v[3];
};

static struct layers children(const struct layers *l, const char *key)
{
	struct layers c;

	for (int i = 0; i < 3; i++)
		c.v[i] = map_get(l->v[i], key);
	return c;
}

static const struct node *highest(const struct layers *l)
{
	return l->v[2] ? l->v[2] : l->v[1] ? l->v[1] : l->v[0];
}

static bool has_text(const struct node *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i]->type == NODE_STR && !strcmp(list->item[i]->str, text))
			return true;
	return false;
}

/* All items, with the layers in this order. */
static struct node *concat(const struct layers *l, const int order[3], bool unique)
{
	struct node *r = NULL;

	for (int i = 0; i < 3; i++) {
		const struct node *from = l->v[order[i]];

		if (!from)
			continue;
		if (!r) {
			r = node_new(NODE_SEQ);
			r->pos = from->pos;
		}
		for (size_t j = 0; j < from->n; j++)
			if (!unique || !has_text(r, from->item[j]->str))
				seq_add(r, node_copy(from->item[j]));
	}
	return r;
}

static struct node *first_filled(const struct layers *l)
{
	for (int i = 2; i >= 0; i--)
		if (l->v[i] && l->v[i]->n)
			return node_copy(l->v[i]);
	return NULL;
}

/* Maps with any keys: a higher layer overwrites single keys, as a whole. */
static struct node *by_key(const struct layers *l)
{
	struct node *r = NULL;

	for (int i = 0; i < 3; i++) {
		if (!l->v[i])
			continue;
		if (!r) {
			r = node_new(NODE_MAP);
			r->pos = l->v[i]->pos;
		}
		for (size_t j = 0; j < l->v[i]->n; j++) {
			if (map_get(r, l->v[i]->key[j]))
				map_set(r, l->v[i]->key[j], node_copy(l->v[i]->item[j]));
			else
				map_append(r, l->v[i]->key[j], l->v[i]->key_pos[j], node_copy(l->v[i]->item[j]));
		}
	}
	return r;
}

static struct node *combine(const struct schema_key *k, const struct layers *l);

static struct node *by_schema(const struct schema_key *k, const struct layers *l)
{
	struct node *r = node_new(NODE_MAP);

	r->pos = highest(l)->pos;
	for (const struct schema_key *c = k->child; c; c = c->next) {
		struct layers below = children(l, c->name);
		struct node *v = highest(&below) ? combine(c, &below) : NULL;

		if (v)
			map_append(r, c->name, v->pos, v);
	}
	return r;
}

static struct node *combine(const struct schema_key *k, const struct layers *l)
{
	static const int oyd[3] = { 2, 1, 0 }, dyo[3] = { 0, 1, 2 };

	switch (k->layer) {
	case LAYER_CONCAT:
		return concat(l, oyd, false);
	case LAYER_UNIQUE:
		return concat(l, dyo, true);
	case LAYER_MOUNTS:
	case LAYER_NETWORKS:
		return concat(l, dyo, false);
	case LAYER_FIRST:
		return first_filled(l);
	case LAYER_WHOLE:
		return by_key(l);
	case LAYER_YAML:
		return node_copy(l->v[1]);
	case LAYER_ONE:
		break;
	}
	if (k->type != T_MAP)
		return node_copy(highest(l));
	return schema_child(k, "*") == k->child ? by_key(l) : by_schema(k, l);
}

struct node *fill_layers(const struct node *d, const struct node *y, const struct node *o)
{
	struct layers l = { { d, y, o } };
	struct node *r = by_schema(schema_root(), &l);

	/* Where a missing key would have to be written. */
	if (y)
		r->pos = y->pos;
	return r;
}

void fill_missing(struct node *map, const char *key, struct node *value)
{
	if (map_get(map, key)) {
		node_free(value);
		return;
	}
	value->pos = map->pos;
	map_append(map, key, map->pos, value);
}

void fill_missing_str(struct node *map, const char *key, const char *value)
{
	if (!map_get(map, key))
		fill_missing(map, key, node_str(value));
}

static struct node *fixed_default(const struct schema_key *k)
{
	const char *text = k->fallback;

	if (!text || *text == '(')
		return NULL;
	if (k->type == T_LIST)
		return node_new(NODE_SEQ);
	if (k->type == T_MAP)
		return node_new(NODE_MAP);
	if (k->type == T_BOOL)
		return node_bool(!strcmp(text, "true"));
	if (k->type == T_INT)
		return node_int(strtoll(text, NULL, 10));
	return node_str(!strcmp(text, "\"\"") ? "" : text);
}

/* The keys of a map in the order of the schema. */
static void order_map(const struct schema_key *k, struct node *n)
{
	struct node *sorted = node_new(NODE_MAP), tmp;

	for (const struct schema_key *c = k->child; c; c = c->next)
		for (size_t i = 0; i < n->n; i++)
			if (n->item[i] && !strcmp(n->key[i], c->name)) {
				map_append(sorted, n->key[i], n->key_pos[i], n->item[i]);
				n->item[i] = NULL;
			}
	for (size_t i = 0; i < n->n; i++)
		if (n->item[i])
			map_append(sorted, n->key[i], n->key_pos[i], n->item[i]);
	for (size_t i = 0; i < n->n; i++)
		n->item[i] = NULL;
	tmp = *n;
	n->n = sorted->n;
	n->item = sorted->item;
	n->key = sorted->key;
	n->key_pos = sorted->key_pos;
	sorted->n = tmp.n;
	sorted->item = tmp.item;
	sorted->key = tmp.key;
	sorted->key_pos = tmp.key_pos;
	node_free(sorted);
}

void fill_defaults(const struct schema_key *k, struct node *n)
{
	if (n->type == NODE_SEQ && k->child)
		for (size_t i = 0; i < n->n; i++)
			fill_defaults(k->child, n->item[i]);
	/* What a driver's settings leave out is for the driver. */
	if (n->type != NODE_MAP || k->layer == LAYER_WHOLE || !k->child || !strcmp(k->child->name, "*"))
		return;
	for (const struct schema_key *c = k->child; c; c = c->next) {
		struct node *v = map_get(n, c->name);

		if (!v && (v = fixed_default(c)))
			fill_missing(n, c->name, v);
		if (v)
			fill_defaults(c, v);
	}
	order_map(k, n);
}
