/* expr_jv - see expr_jv.h. Lists are compared from both ends, so that what was inserted, removed or prepended does not
 * make everything behind it look changed. */
#include "expr_jv.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_MAX 1000000 /* comparisons of list entries; longer lists lose comments, not time */

struct patch {
	struct err *e;
	size_t nodes;
};

static struct node *patch(struct patch *p, const struct node *old, jv v, unsigned depth);

/* --- to libjq --- */

static jv number(double f)
{
	if (isnan(f))
		return jv_null();
	return jv_number(isinf(f) ? (f > 0 ? DBL_MAX : -DBL_MAX) : f);
}

jv expr_to_jv(const struct node *n)
{
	jv v;

	switch (n->type) {
	case NODE_BOOL:
		return jv_bool(n->b);
	case NODE_INT:
		return jv_number((double)n->i);
	case NODE_FLOAT:
		return number(n->f);
	case NODE_STR:
		return jv_string(n->str);
	case NODE_SEQ:
		v = jv_array_sized(n->n ? (int)n->n : 1);
		for (size_t i = 0; i < n->n; i++)
			v = jv_array_append(v, expr_to_jv(n->item[i]));
		return v;
	case NODE_MAP:
		v = jv_object();
		for (size_t i = 0; i < n->n; i++)
			v = jv_object_set(v, jv_string(n->key[i]), expr_to_jv(n->item[i]));
		return v;
	case NODE_NULL:
		break;
	}
	return jv_null();
}

/* --- comparing; `v` is kept --- */

static bool same(const struct node *n, jv v);

static bool same_list(const struct node *n, jv v)
{
	bool equal = (size_t)jv_array_length(jv_copy(v)) == n->n;

	for (size_t i = 0; equal && i < n->n; i++) {
		jv item = jv_array_get(jv_copy(v), (int)i);

		equal = same(n->item[i], item);
		jv_free(item);
	}
	return equal;
}

static bool same_map(const struct node *n, jv v)
{
	bool equal = (size_t)jv_object_length(jv_copy(v)) == n->n;

	for (size_t i = 0; equal && i < n->n; i++) {
		jv item = jv_object_get(jv_copy(v), jv_string(n->key[i]));

		equal = jv_is_valid(item) && same(n->item[i], item);
		jv_free(item);
	}
	return equal;
}

/* Whether the value is what expr_to_jv makes of the node. */
static bool same(const struct node *n, jv v)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_NULL:
		return n->type == NODE_NULL || (n->type == NODE_FLOAT && isnan(n->f));
	case JV_KIND_TRUE:
	case JV_KIND_FALSE:
		return n->type == NODE_BOOL && n->b == (jv_get_kind(v) == JV_KIND_TRUE);
	case JV_KIND_NUMBER:
		if (n->type == NODE_INT)
			return (double)n->i == jv_number_value(v);
		return n->type == NODE_FLOAT &&
		       (n->f == jv_number_value(v) || (isinf(n->f) && fabs(jv_number_value(v)) == DBL_MAX));
	case JV_KIND_STRING:
		return n->type == NODE_STR && !strcmp(n->str, jv_string_value(v));
	case JV_KIND_ARRAY:
		return n->type == NODE_SEQ && same_list(n, v);
	case JV_KIND_OBJECT:
		return n->type == NODE_MAP && same_map(n, v);
	case JV_KIND_INVALID:
		break;
	}
	return false;
}

/* --- new nodes --- */

static struct node *new_number(double f)
{
	struct node *n;

	if (f == floor(f) && f >= -9007199254740992.0 && f <= 9007199254740992.0)
		return node_int((int64_t)f);
	n = node_new(NODE_FLOAT);
	n->f = f;
	return n;
}

static struct node *new_text(struct patch *p, jv v)
{
	const char *s = jv_string_value(v);
	struct node *n;

	if (strlen(s) != (size_t)jv_string_length_bytes(jv_copy(v))) {
		err_set(p->e, EXIT_USAGE, "the result has a NUL character in a text");
		return NULL;
	}
	n = node_str(s);
	if (strchr(s, '\n'))
		n->style = '|';
	return n;
}

static struct node *new_scalar(struct patch *p, jv v)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_TRUE:
	case JV_KIND_FALSE:
		return node_bool(jv_get_kind(v) == JV_KIND_TRUE);
	case JV_KIND_NUMBER:
		return new_number(jv_number_value(v));
	case JV_KIND_STRING:
		return new_text(p, v);
	default:
		return node_new(NODE_NULL);
	}
}

static char *dup_text(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* The comments and place of what was there before. */
static void dress(struct node *n, const struct node *old)
{
	bool quoted = old->type == NODE_STR && (old->style == '"' || old->style == '\'');

	n->pos = old->pos;
	n->head = dup_text(old->head);
	n->line_comment = dup_text(old->line_comment);
	if (n->type == NODE_STR && quoted && !n->style)
		n->style = old->style;
	if (n->type != old->type || (n->type != NODE_SEQ && n->type != NODE_MAP))
		return;
	n->foot = dup_text(old->foot);
	n->style = old->style;
}

/* --- changing --- */

static int patch_entry(struct patch *p, struct node *list, const struct node *old, jv v, unsigned depth)
{
	struct node *n = patch(p, old, v, depth + 1);

	if (n)
		seq_add(list, n);
	return n ? 0 : -1;
}

static bool same_at(const struct node *old, size_t i, jv v, size_t k)
{
	jv item = jv_array_get(jv_copy(v), (int)k);
	bool equal = same(old->item[i], item);

	jv_free(item);
	return equal;
}

/* The part of two lists between what is equal at the start and at the end. */
struct middle {
	const struct node *old;
	size_t from, was; /* old entries from..from+was */
	jv list;
	size_t now;		    /* new entries from..from+now */
	const struct node **before; /* for each new entry the old one that it stems from; NULL = none */
	bool *used;
};

/* New entries that are equal to an old one stem from that, wherever it stood. */
static void match_equal(struct middle *m)
{
	for (size_t k = 0; k < m->now && m->was * m->now <= SEARCH_MAX; k++) {
		jv item = jv_array_get(jv_copy(m->list), (int)(m->from + k));

		for (size_t i = 0; i < m->was && !m->before[k]; i++)
			if (!m->used[i] && same(m->old->item[m->from + i], item)) {
				m->used[i] = true;
				m->before[k] = m->old->item[m->from + i];
			}
		jv_free(item);
	}
}

/* As many as before: what has no equal is taken for the old one, changed. */
static void match_rest(struct middle *m)
{
	size_t i = 0;

	for (size_t k = 0; k < m->now; k++) {
		if (m->before[k])
			continue;
		while (m->used[i])
			i++;
		m->before[k] = m->old->item[m->from + i++];
	}
}

static int patch_middle(struct patch *p, struct node *list, struct middle *m, unsigned depth)
{
	int r = 0;

	m->before = xcalloc(m->now, sizeof(*m->before));
	m->used = xcalloc(m->was, sizeof(*m->used));
	match_equal(m);
	if (m->was == m->now)
		match_rest(m);
	for (size_t k = 0; r == 0 && k < m->now; k++)
		r = patch_entry(p, list, m->before[k], jv_array_get(jv_copy(m->list), (int)(m->from + k)), depth);
	free(m->before);
	free(m->used);
	return r;
}

static int patch_list(struct patch *p, struct node *list, const struct node *old, jv v, unsigned depth)
{
	size_t was = old ? old->n : 0, now = (size_t)jv_array_length(jv_copy(v)), front = 0, back = 0;
	struct middle m;
	int r;

	while (front < was && front < now && same_at(old, front, v, front))
		front++;
	while (back < was - front && back < now - front && same_at(old, was - 1 - back, v, now - 1 - back))
		back++;
	for (size_t i = 0; i < front; i++)
		seq_add(list, node_copy(old->item[i]));
	m = (struct middle){.old = old, .from = front, .was = was - front - back, .list = v, .now = now - front - back};
	r = patch_middle(p, list, &m, depth);
	for (size_t i = was - back; r == 0 && i < was; i++)
		seq_add(list, node_copy(old->item[i]));
	if (list->n && was == 0)
		list->style = 0;
	return r;
}

/* Keys that stay keep their order; *fresh is left with those that are new. */
static int patch_old_keys(struct patch *p, struct node *map, const struct node *old, jv *fresh, unsigned depth)
{
	for (size_t i = 0; old && i < old->n; i++) {
		jv item = jv_object_get(jv_copy(*fresh), jv_string(old->key[i]));
		struct node *n;

		if (!jv_is_valid(item)) {
			jv_free(item);
			continue;
		}
		n = patch(p, old->item[i], item, depth + 1);
		if (!n)
			return -1;
		map_append(map, old->key[i], old->key_pos[i], n);
		*fresh = jv_object_delete(*fresh, jv_string(old->key[i]));
	}
	return 0;
}

static int patch_new_keys(struct patch *p, struct node *map, jv fresh, unsigned depth)
{
	int r = 0;

	for (int it = jv_object_iter(fresh); r == 0 && jv_object_iter_valid(fresh, it);
	     it = jv_object_iter_next(fresh, it)) {
		jv key = jv_object_iter_key(fresh, it);
		struct node *n = NULL;

		if (strlen(jv_string_value(key)) != (size_t)jv_string_length_bytes(jv_copy(key)))
			err_set(p->e, EXIT_USAGE, "the result has a NUL character in a key");
		else
			n = patch(p, NULL, jv_object_iter_value(fresh, it), depth + 1);
		if (n)
			map_append(map, jv_string_value(key), n->pos, n);
		r = n ? 0 : -1;
		jv_free(key);
	}
	return r;
}

static int patch_map(struct patch *p, struct node *map, const struct node *old, jv v, unsigned depth)
{
	jv fresh = jv_copy(v);
	int r = patch_old_keys(p, map, old, &fresh, depth);

	if (r == 0)
		r = patch_new_keys(p, map, fresh, depth);
	jv_free(fresh);
	if (map->n && old && old->n == 0)
		map->style = 0;
	return r;
}

static struct node *patch_collection(struct patch *p, const struct node *old, jv v, unsigned depth)
{
	bool list = jv_get_kind(v) == JV_KIND_ARRAY;
	struct node *n = node_new(list ? NODE_SEQ : NODE_MAP);
	const struct node *like = old && old->type == n->type ? old : NULL;

	if (old)
		dress(n, old);
	if (depth < TREE_DEPTH_MAX && (list ? patch_list : patch_map)(p, n, like, v, depth) == 0)
		return n;
	if (depth >= TREE_DEPTH_MAX)
		err_set(p->e, EXIT_BADDATA, "the result is nested deeper than %d", TREE_DEPTH_MAX);
	node_free(n);
	return NULL;
}

/* Consumes v. `old` is what was at this place; NULL = nothing. */
static struct node *patch(struct patch *p, const struct node *old, jv v, unsigned depth)
{
	struct node *n;

	if (++p->nodes > TREE_NODES_MAX) {
		err_set(p->e, EXIT_BADDATA, "the result has more than %d values", TREE_NODES_MAX);
		jv_free(v);
		return NULL;
	}
	if (old && same(old, v)) {
		n = node_copy(old);
	} else if (jv_get_kind(v) == JV_KIND_ARRAY || jv_get_kind(v) == JV_KIND_OBJECT) {
		n = patch_collection(p, old, v, depth);
	} else {
		n = new_scalar(p, v);
		if (n && old)
			dress(n, old);
	}
	jv_free(v);
	return n;
}

struct node *expr_patch(const struct node *old, jv value, struct err *e)
{
	struct patch p = {.e = e};

	return patch(&p, old, value, 0);
}
