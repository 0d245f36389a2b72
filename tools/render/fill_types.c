/* fill_types - every value of a layer gets the type that the schema wants, or is refused.
 *
 * After this the other steps need no checks of types. Unknown keys are warned about and left out; null means "not set". */
#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"

#define ENTRIES_MAX 1000 /* of one list or map: each may be compared with each */
#define SHOWN_MAX 40 /* characters of a value in a message */

struct types {
	struct diag *diag;
	struct buf path; /* of the value that is looked at */
};

static struct node *convert(struct types *t, const struct node *n, const struct schema_key *k);

static size_t path_push(struct types *t, const char *fmt, const char *key, size_t i)
{
	size_t was = t->path.len;

	if (*fmt == '[')
		buf_addf(&t->path, "[%zu]", i);
	else
		buf_addf(&t->path, "%s%s", was ? "." : "", key);
	return was;
}

static void path_pop(struct types *t, size_t was)
{
	t->path.len = was;
	if (t->path.data)
		t->path.data[was] = '\0';
}

/* What a value of the wrong type is, for a message. */
static const char *shown(const struct node *n, char out[SHOWN_MAX + 8])
{
	static const char *const names[] = { "null", "a truth value", "a number", "a number", "a text", "a list", "a map" };

	if (n->type == NODE_SEQ || n->type == NODE_MAP || !n->str || strpbrk(n->str, "\n"))
		return names[n->type];
	snprintf(out, SHOWN_MAX + 8, n->type == NODE_STR ? "\"%.*s\"" : "%.*s", SHOWN_MAX, n->str);
	return out;
}

static struct node *wrong(struct types *t, const struct node *n, const struct schema_key *k)
{
	char tmp[SHOWN_MAX + 8];

	diag_error(t->diag, n->pos, buf_str(&t->path), "must be %s, not %s", schema_type_name(k), shown(n, tmp));
	return NULL;
}

/* A new node of a type at the place of an old one. */
static struct node *at(const struct node *old, struct node *n)
{
	n->pos = old->pos;
	n->style = old->style;
	return n;
}

static struct node *to_text(struct types *t, const struct node *n, const struct schema_key *k)
{
	char text[48];

	switch (n->type) {
	case NODE_STR:
		return at(n, node_str(n->str));
	case NODE_BOOL:
		return at(n, node_str(n->b ? "true" : "false"));
	case NODE_INT:
		snprintf(text, sizeof(text), "%" PRId64, n->i);
		return at(n, node_str(text));
	case NODE_FLOAT:
		/* An integer beyond 64 bits stays as it was written. */
		scalar_float(n->f, text);
		return at(n, node_str(n->str && !n->str[strspn(n->str, "0123456789")] ? n->str : text));
	default:
		return wrong(t, n, k);
	}
}

static bool whole(double f, int64_t *ret)
{
	if (!isfinite(f) || fabs(f) >= 9.2e18)
		return false;
	*ret = (int64_t)f;
	return true;
}

/* Numbers, also in quotes; fractions are cut off. */
static struct node *to_int(struct types *t, const struct node *n, const struct schema_key *k)
{
	struct node *r = node_int(0);
	const char *s = n->type == NODE_STR ? n->str : "";
	struct node as = { 0 };

	if (n->type == NODE_INT) {
		r->i = n->i;
		return at(n, r);
	}
	if (n->type == NODE_FLOAT && whole(n->f, &r->i))
		return at(n, r);
	if (*s && !s[strspn(s, "0123456789.eE+")] && *s != '+') {
		scalar_resolve(s, &as);
		/* In quotes a leading zero is just that. */
		if ((as.type == NODE_INT || as.type == NODE_FLOAT || !s[strspn(s, "0123456789")]) &&
		    whole(strtod(s, NULL), &r->i))
			return at(n, r);
	}
	node_free(r);
	return wrong(t, n, k);
}

static struct node *to_ip(struct types *t, const struct node *n, const struct schema_key *k)
{
	struct in6_addr address;

	if (n->type != NODE_STR)
		return wrong(t, n, k);
	if (!*n->str)
		return NULL;
	if (inet_pton(AF_INET, n->str, &address) != 1 && inet_pton(AF_INET6, n->str, &address) != 1)
		return wrong(t, n, k);
	return at(n, node_str(n->str));
}

static struct node *to_range(struct types *t, const struct node *n, const struct schema_key *k)
{
	static const struct schema_key number = { .type = T_INT };
	struct node *r;

	if (n->type != NODE_SEQ || n->n > 2)
		return wrong(t, n, k);
	r = at(n, node_new(NODE_SEQ));
	for (size_t i = 0; i < 2; i++) {
		size_t was = path_push(t, "[", NULL, i);
		struct node *v = i < n->n && n->item[i]->type != NODE_NULL ? to_int(t, n->item[i], &number) : at(n, node_int(0));

		path_pop(t, was);
		if (!v) {
			node_free(r);
			return NULL;
		}
		seq_add(r, v);
	}
	return r;
}

static bool too_many(struct types *t, const struct node *n)
{
	if (n->n <= ENTRIES_MAX)
		return false;
	diag_error(t->diag, n->pos, t->path.len ? buf_str(&t->path) : NULL, "has %zu entries, more than %d", n->n, ENTRIES_MAX);
	return true;
}

static struct node *to_list(struct types *t, const struct node *n, const struct schema_key *k)
{
	struct node *r, one = { .type = NODE_SEQ, .pos = n->pos, .n = 1 };
	struct node *item = (struct node *)(uintptr_t)n;

	/* `base: NAME` is a list of one. */
	if (k->shorthand && n->type == NODE_STR) {
		one.item = &item;
		n = &one;
	}
	if (n->type != NODE_SEQ)
		return wrong(t, n, k);
	if (too_many(t, n))
		return NULL;
	r = at(n, node_new(NODE_SEQ));
	for (size_t i = 0; i < n->n; i++) {
		size_t was = path_push(t, "[", NULL, i);
		struct node *v = NULL;

		if (n->item[i]->type == NODE_NULL)
			diag_error(t->diag, n->item[i]->pos, buf_str(&t->path), "is empty; remove it, or quote \"~\"");
		else
			v = convert(t, n->item[i], k->child);
		path_pop(t, was);
		if (v)
			seq_add(r, v);
	}
	return r;
}

static void unknown_key(struct types *t, const struct schema_key *k, const char *key, struct pos pos)
{
	const char *near = schema_suggest(k, key);
	size_t was;

	if (k == schema_root() && !strcmp(key, "_computed"))
		return;
	was = path_push(t, "", key, 0);
	if (near)
		diag_warn(t->diag, pos, buf_str(&t->path), "unknown key; did you mean %s?", near);
	else
		diag_warn(t->diag, pos, buf_str(&t->path), "unknown key, ignored");
	path_pop(t, was);
}

/* Null is "not set"; but a text in a map of texts is then empty, and a driver's settings are none. */
static struct node *null_value(const struct node *n, const struct schema_key *map, const struct schema_key *k)
{
	if (k->type == T_STR && !strcmp(k->name, "*"))
		return at(n, node_str(""));
	return map->layer == LAYER_WHOLE ? at(n, node_new(NODE_MAP)) : NULL;
}

static struct node *to_map(struct types *t, const struct node *n, const struct schema_key *k)
{
	struct node *r;

	if (n->type != NODE_MAP && n->type != NODE_SEQ && k->shorthand) {
		struct node *text = to_text(t, n, k);

		r = at(n, node_new(NODE_MAP));
		map_append(r, k->shorthand, n->pos, text);
		return r;
	}
	if (n->type != NODE_MAP)
		return wrong(t, n, k);
	if (too_many(t, n))
		return NULL;
	r = at(n, node_new(NODE_MAP));
	for (size_t i = 0; i < n->n; i++) {
		const struct schema_key *child = schema_child(k, n->key[i]);
		struct node *v;
		size_t was;

		if (!child) {
			unknown_key(t, k, n->key[i], n->key_pos[i]);
			continue;
		}
		was = path_push(t, "", n->key[i], 0);
		v = n->item[i]->type == NODE_NULL ? null_value(n->item[i], k, child) : convert(t, n->item[i], child);
		path_pop(t, was);
		if (v)
			map_append(r, n->key[i], n->key_pos[i], v);
	}
	return r;
}

static struct node *to_bool(struct types *t, const struct node *n, const struct schema_key *k)
{
	return n->type == NODE_BOOL ? at(n, node_bool(n->b)) : wrong(t, n, k);
}

static struct node *to_any(struct types *t, const struct node *n, const struct schema_key *k)
{
	(void)t;
	(void)k;
	return node_copy(n);
}

static struct node *convert(struct types *t, const struct node *n, const struct schema_key *k)
{
	static struct node *(*const by_type[])(struct types *, const struct node *, const struct schema_key *) = {
		[T_STR] = to_text,   [T_BOOL] = to_bool,	[T_INT] = to_int,	[T_SIZE] = to_text, [T_IP] = to_ip,
		[T_DIGEST] = to_text, [T_RANGE] = to_range, [T_LIST] = to_list, [T_MAP] = to_map,   [T_ANY] = to_any,
	};

	return by_type[k->type](t, n, k);
}

struct node *fill_types(const struct node *layer, struct diag *d)
{
	struct types t = { .diag = d };
	struct node *r = NULL;

	if (layer->type == NODE_MAP)
		r = convert(&t, layer, schema_root());
	else
		diag_error(d, layer->pos, NULL, "the file must be a map of keys and values");
	buf_free(&t.path);
	return r;
}
