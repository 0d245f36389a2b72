/* config - a resolved document in the form that `limactl list` and `limactl info` show: the keys of lima.yaml in the order of the
 * schema, without what is not set. Source: spec/cli.md section 9.6.
 *
 * Programs that read it were written for Lima, whose values know "not set" and "zero" apart for some keys only; so which zeros
 * are shown is a matter of the key. */
#include <string.h>

#include "inspect.h"
#include "render/schema.h"

/* Keys whose false and 0 count as "not set". */
static const char *const zero_is_unset[] = { "portForwards[].guestIPMustBeZero", "portForwards[].guestPort", "portForwards[].hostPort",
					     "portForwards[].reverse",           "portForwards[].ignore",    "portForwards[].static",
					     "copyToHost[].deleteOnStop" };
/* Keys whose empty text is a value. */
static const char *const empty_is_set[] = { "audio.device", "audio.interface", "timezone" };

static bool listed(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], path))
			return true;
	return false;
}
#define LISTED(list, path) listed(list, sizeof(list) / sizeof(*(list)), path)

static struct node *shown(const struct node *n, const struct schema_key *k);

static struct node *shown_seq(const struct node *n, const struct schema_key *k)
{
	struct node *out = node_new(NODE_SEQ);

	for (size_t i = 0; i < n->n; i++) {
		struct node *child = shown(n->item[i], k ? schema_child(k, "[]") : NULL);

		if (child)
			seq_add(out, child);
	}
	return out;
}

static void add(struct node *out, const struct node *n, size_t i, const struct schema_key *k)
{
	struct node *child = shown(n->item[i], k);

	if (child)
		map_append(out, n->key[i], (struct pos){ 0 }, child);
}

static struct node *shown_map(const struct node *n, const struct schema_key *k)
{
	struct node *out = node_new(NODE_MAP);

	/* What the schema knows first, in its order. */
	for (const struct schema_key *c = k ? k->child : NULL; c; c = c->next)
		for (size_t i = 0; strcmp(c->name, "*") != 0 && i < n->n; i++)
			if (!strcmp(n->key[i], c->name))
				add(out, n, i, c);
	for (size_t i = 0; i < n->n; i++) {
		const struct schema_key *c = k ? schema_child(k, n->key[i]) : NULL;

		if (!c || !strcmp(c->name, "*"))
			add(out, n, i, c);
	}
	return out;
}

/* NULL when it is left out. */
static struct node *shown(const struct node *n, const struct schema_key *k)
{
	const char *path = k && k->path ? k->path : "";
	struct node *out;

	if (n->type == NODE_MAP || n->type == NODE_SEQ) {
		out = n->type == NODE_MAP ? shown_map(n, k) : shown_seq(n, k);
		if (out->n)
			return out;
		node_free(out);
		return NULL;
	}
	if (n->type == NODE_NULL)
		return NULL;
	if (n->type == NODE_STR && !*n->str && !LISTED(empty_is_set, path))
		return NULL;
	if (((n->type == NODE_BOOL && !n->b) || (n->type == NODE_INT && n->i == 0)) && LISTED(zero_is_unset, path))
		return NULL;
	return node_copy(n);
}

struct node *config_shown(const struct node *resolved)
{
	struct node *out = shown(resolved, schema_root());

	if (out)
		node_free(map_take(out, "_computed")); /* what resolving adds for us */
	return out ? out : node_new(NODE_MAP);
}
