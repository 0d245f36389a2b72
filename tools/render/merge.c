/* merge - see merge.h. The order of concatenation is what lets a base bring scripts that must run first, and images
 * that are tried last. */
#include "merge.h"

#include <stdlib.h>
#include <string.h>

static int merge_maps(struct node *t, struct node *r, const char *path, struct err *e);

static int check_size(const struct node *n, const char *what, struct err *e)
{
	if (n->n <= MERGE_ENTRIES_MAX)
		return 0;
	return err_set(e, EXIT_BADDATA, "%s has %zu entries; at most %d can be merged", what, n->n, MERGE_ENTRIES_MAX);
}

/* --- lists --- */

static void take_text(char **to, char **from)
{
	if (*to || !*from)
		return;
	*to = *from;
	*from = NULL;
}

static void move_entries(struct node *to, struct node *from)
{
	for (size_t i = 0; i < from->n; i++)
		seq_add(to, from->item[i]);
	from->n = 0;
}

/* Moves the entries of r behind those of t, or before them. */
static void concat(struct node *t, struct node *r, bool in_front)
{
	struct node *last = r;

	if (t->n == 0 || (t->style && r->n && !r->style))
		t->style = r->style; /* block entries stay readable only in a block list */
	if (in_front) {
		last = node_new(NODE_SEQ);
		move_entries(last, t);
		move_entries(t, r);
	}
	move_entries(t, last);
	if (last != r)
		node_free(last);
	take_text(&t->head, &r->head);
	take_text(&t->line_comment, &r->line_comment);
}

static int drop_repeated(struct node *seq, struct err *e)
{
	if (check_size(seq, "mountTypesUnsupported", e) < 0)
		return -1;
	for (size_t i = 1; i < seq->n;) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = node_equal(seq->item[k], seq->item[i]);
		if (seen)
			node_free(seq_take(seq, i));
		else
			i++;
	}
	return 0;
}

/* `path` is the place of the list in the document: "images", "vmOpts.x.y". */
static int merge_lists(struct node *t, struct node *r, const char *path, struct err *e)
{
	if (!strcmp(path, "dns") && t->n > 0)
		return 0;
	concat(t, r, !strcmp(path, "base") || !strcmp(path, "provision") || !strcmp(path, "probes"));
	return strcmp(path, "mountTypesUnsupported") ? 0 : drop_repeated(t, e);
}

/* --- scalars --- */

/* Compares "2.10.0" and "2.9" by their numbers; what follows the numbers does not count. */
static int compare_versions(const char *a, const char *b)
{
	for (int part = 0; part < 3; part++) {
		unsigned long x = strtoul(a, (char **)&a, 10), y = strtoul(b, (char **)&b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		a += *a == '.';
		b += *b == '.';
	}
	return 0;
}

static bool is_scalar(const struct node *n)
{
	return n->type != NODE_SEQ && n->type != NODE_MAP && n->type != NODE_NULL;
}

/* Of these two the higher one counts, wherever it stands. */
static bool is_minimum(const char *path)
{
	return !strcmp(path, "minimumLimaVersion") || !strcmp(path, "vmOpts.qemu.minimumVersion");
}

static void merge_minimum(struct node *t, struct node *r, const char *key)
{
	const struct node *ours = map_get(t, key), *theirs = map_get(r, key);

	if (is_scalar(ours) && is_scalar(theirs) && ours->str && theirs->str &&
	    compare_versions(theirs->str, ours->str) > 0)
		map_set(t, key, map_take(r, key));
}

/* --- maps --- */

/* What both have. */
static int merge_value(struct node *t, struct node *r, const char *key, const char *path, struct err *e)
{
	struct node *ours = map_get(t, key), *theirs = map_get(r, key);

	if (ours->type == NODE_MAP && theirs->type == NODE_MAP)
		return merge_maps(ours, theirs, path, e);
	if (ours->type == NODE_SEQ && theirs->type == NODE_SEQ)
		return merge_lists(ours, theirs, path, e);
	if (is_minimum(path))
		merge_minimum(t, r, key);
	return 0;
}

static int merge_maps(struct node *t, struct node *r, const char *path, struct err *e)
{
	const char *what = *path ? path : "a template";
	int result = check_size(t, what, e) < 0 || check_size(r, what, e) < 0 ? -1 : 0;

	if (t->n == 0)
		t->style = r->style;
	for (size_t i = 0; result == 0 && i < r->n;) {
		size_t before = r->n;
		char *key = xstrdup(r->key[i]);

		if (map_get(t, key)) {
			char *below = xasprintf("%s%s%s", path, *path ? "." : "", key);

			result = merge_value(t, r, key, below, e);
			free(below);
		} else {
			map_set(t, key, map_take(r, key));
		}
		free(key);
		i += r->n == before;
	}
	return result;
}

int merge_into(struct node *t, struct node *r, struct err *e)
{
	return t->type == NODE_MAP && r->type == NODE_MAP ? merge_maps(t, r, "", e) : 0;
}
