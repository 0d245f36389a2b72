/* tree - building trees and reading them; see tree.h.
 *
 * Child arrays grow by doubling: room for n children is the power of two at or above n (at least 4), so no capacity is
 * kept. Maps are searched from the front: those of lima.yaml are small, and order is what people care about. */
#include "tree.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_TEXT_MAX 1024

struct node *node_new(enum node_type type)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->type = type;
	return n;
}

struct node *node_str(const char *s)
{
	struct node *n = node_new(NODE_STR);

	n->str = xstrdup(s);
	return n;
}

struct node *node_int(int64_t i)
{
	struct node *n = node_new(NODE_INT);

	n->i = i;
	return n;
}

struct node *node_bool(bool b)
{
	struct node *n = node_new(NODE_BOOL);

	n->b = b;
	return n;
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static size_t room_for(size_t n)
{
	size_t room = 4;

	while (room < n)
		room *= 2;
	return room;
}

static void set_room(struct node *n, size_t room)
{
	n->item = xrealloc(n->item, room * sizeof(*n->item));
	if (n->type != NODE_MAP)
		return;
	n->key = xrealloc(n->key, room * sizeof(*n->key));
	n->key_pos = xrealloc(n->key_pos, room * sizeof(*n->key_pos));
}

/* Makes room for one more child. */
static void grow(struct node *n)
{
	if (!n->item || room_for(n->n) != room_for(n->n + 1))
		set_room(n, room_for(n->n + 1));
}

struct node *node_copy(const struct node *n)
{
	struct node *c;

	if (!n)
		return NULL;
	c = xmalloc(sizeof(*c));
	*c = *n;
	c->str = dup_or_null(n->str);
	c->head = dup_or_null(n->head);
	c->line_comment = dup_or_null(n->line_comment);
	c->foot = dup_or_null(n->foot);
	c->item = NULL;
	c->key = NULL;
	c->key_pos = NULL;
	if (n->n)
		set_room(c, room_for(n->n));
	for (size_t i = 0; i < n->n; i++) {
		c->item[i] = node_copy(n->item[i]);
		if (n->type == NODE_MAP && c->key) {
			c->key[i] = xstrdup(n->key[i]);
			c->key_pos[i] = n->key_pos[i];
		}
	}
	return c;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++) {
		node_free(n->item[i]);
		if (n->type == NODE_MAP)
			free(n->key[i]);
	}
	free(n->item);
	free(n->key);
	free(n->key_pos);
	free(n->str);
	free(n->head);
	free(n->line_comment);
	free(n->foot);
	free(n);
}

const char *tree_intern(const char *file)
{
	static struct strv names;

	if (!file)
		return NULL;
	for (size_t i = names.n; i > 0; i--)
		if (!strcmp(names.v[i - 1], file))
			return names.v[i - 1];
	strv_add(&names, file);
	return names.v[names.n - 1];
}

static size_t map_find(const struct node *map, const char *key, size_t len)
{
	if (!map || map->type != NODE_MAP)
		return SIZE_MAX;
	for (size_t i = 0; i < map->n; i++)
		if (!strncmp(map->key[i], key, len) && !map->key[i][len])
			return i;
	return SIZE_MAX;
}

struct node *map_get(const struct node *map, const char *key)
{
	size_t at = map_find(map, key, strlen(key));

	return at == SIZE_MAX ? NULL : map->item[at];
}

/* Comments belong to the place, unless the new value brings its own. */
static void hand_on(char **to, char **from)
{
	if (*to)
		return;
	*to = *from;
	*from = NULL;
}

void map_set(struct node *map, const char *key, struct node *value)
{
	size_t at = map_find(map, key, strlen(key));

	if (at == SIZE_MAX) {
		map_append(map, key, value->pos, value);
		return;
	}
	hand_on(&value->head, &map->item[at]->head);
	hand_on(&value->line_comment, &map->item[at]->line_comment);
	node_free(map->item[at]);
	map->item[at] = value;
}

void map_append(struct node *map, const char *key, struct pos key_pos, struct node *value)
{
	grow(map);
	map->key[map->n] = xstrdup(key);
	map->key_pos[map->n] = key_pos;
	map->item[map->n++] = value;
}

/* Closes the gap that a removed child leaves. */
static void remove_at(struct node *n, size_t at)
{
	size_t after = n->n - at - 1;

	memmove(n->item + at, n->item + at + 1, after * sizeof(*n->item));
	if (n->type == NODE_MAP) {
		memmove(n->key + at, n->key + at + 1, after * sizeof(*n->key));
		memmove(n->key_pos + at, n->key_pos + at + 1, after * sizeof(*n->key_pos));
	}
	n->n--;
}

struct node *map_take(struct node *map, const char *key)
{
	size_t at = map_find(map, key, strlen(key));
	struct node *taken;

	if (at == SIZE_MAX)
		return NULL;
	taken = map->item[at];
	free(map->key[at]);
	remove_at(map, at);
	return taken;
}

void seq_add(struct node *seq, struct node *value)
{
	seq_insert(seq, seq->n, value);
}

void seq_insert(struct node *seq, size_t at, struct node *value)
{
	grow(seq);
	if (at > seq->n)
		at = seq->n;
	memmove(seq->item + at + 1, seq->item + at, (seq->n - at) * sizeof(*seq->item));
	seq->item[at] = value;
	seq->n++;
}

struct node *seq_take(struct node *seq, size_t at)
{
	struct node *taken;

	if (!seq || seq->type != NODE_SEQ || at >= seq->n)
		return NULL;
	taken = seq->item[at];
	remove_at(seq, at);
	return taken;
}

/* "[3]" at *path; moves behind it. */
static const struct node *index_step(const struct node *n, const char **path)
{
	char *end;
	unsigned long i = strtoul(*path + 1, &end, 10);

	if (*end != ']' || end == *path + 1)
		return NULL;
	*path = end + 1;
	return n && n->type == NODE_SEQ && i < n->n ? n->item[i] : NULL;
}

struct node *tree_get(const struct node *root, const char *path)
{
	const struct node *n = root;

	while (n && *path) {
		size_t len = strcspn(path, ".[");

		if (len) {
			size_t at = map_find(n, path, len);

			n = at == SIZE_MAX ? NULL : n->item[at];
			path += len;
		} else if (*path == '[') {
			n = index_step(n, &path);
		}
		if (*path == '.')
			path++;
	}
	/* A reader's view may be const, the document's owner may change it. */
	return (struct node *)(uintptr_t)n;
}

__attribute__((format(printf, 2, 0))) static const struct node *get_va(const struct node *root, const char *fmt,
								       va_list ap)
{
	char path[PATH_TEXT_MAX];
	int n = vsnprintf(path, sizeof(path), fmt, ap);

	return n < 0 || (size_t)n >= sizeof(path) ? NULL : tree_get(root, path);
}

const char *tree_str(const struct node *root, const char *fallback, const char *path, ...)
{
	const struct node *n;
	va_list ap;

	va_start(ap, path);
	n = get_va(root, path, ap);
	va_end(ap);
	return n && n->type == NODE_STR ? n->str : fallback;
}

int64_t tree_int(const struct node *root, int64_t fallback, const char *path, ...)
{
	const struct node *n;
	va_list ap;

	va_start(ap, path);
	n = get_va(root, path, ap);
	va_end(ap);
	return n && n->type == NODE_INT ? n->i : fallback;
}

bool tree_bool(const struct node *root, bool fallback, const char *path, ...)
{
	const struct node *n;
	va_list ap;

	va_start(ap, path);
	n = get_va(root, path, ap);
	va_end(ap);
	return n && n->type == NODE_BOOL ? n->b : fallback;
}

const struct node *tree_seq(const struct node *root, const char *path, ...)
{
	const struct node *n;
	va_list ap;

	va_start(ap, path);
	n = get_va(root, path, ap);
	va_end(ap);
	return n && n->type == NODE_SEQ ? n : NULL;
}

size_t tree_len(const struct node *root, const char *path, ...)
{
	const struct node *n;
	va_list ap;

	va_start(ap, path);
	n = get_va(root, path, ap);
	va_end(ap);
	return n && n->type == NODE_SEQ ? n->n : 0;
}

static bool map_equal(const struct node *a, const struct node *b)
{
	for (size_t i = 0; i < a->n; i++) {
		/* The same order is the common case, and makes comparing large maps cheap. */
		const struct node *other = !strcmp(a->key[i], b->key[i]) ? b->item[i] : map_get(b, a->key[i]);

		if (!other || !node_equal(a->item[i], other))
			return false;
	}
	return true;
}

static bool seq_equal(const struct node *a, const struct node *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!node_equal(a->item[i], b->item[i]))
			return false;
	return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
	if (!a || !b || a->type != b->type || a->n != b->n)
		return a == b;
	switch (a->type) {
	case NODE_BOOL:
		return a->b == b->b;
	case NODE_INT:
		return a->i == b->i;
	case NODE_FLOAT:
		return a->f == b->f || (isnan(a->f) && isnan(b->f));
	case NODE_STR:
		return !strcmp(a->str, b->str);
	case NODE_MAP:
		return map_equal(a, b);
	case NODE_SEQ:
		return seq_equal(a, b);
	case NODE_NULL:
		break;
	}
	return true;
}
