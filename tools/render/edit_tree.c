/* edit_tree - see edit_tree.h. */
#include "edit_tree.h"

#include <stdlib.h>
#include <string.h>

static void keep_comments(struct node *value, struct node *old)
{
	value->pos = old->pos;
	value->head = old->head;
	value->line_comment = old->line_comment;
	old->head = old->line_comment = NULL;
	if (value->type == NODE_STR && old->type == NODE_STR && (old->style == '"' || old->style == '\''))
		value->style = old->style;
}

void edit_put_key(struct node *map, const char *key, struct node *value)
{
	struct node *old = map_get(map, key);

	if (old)
		keep_comments(value, old);
	if (map->n == 0)
		map->style = 0;
	map_set(map, key, value);
}

int edit_put(struct node *doc, const char *path, struct node *value, struct err *e)
{
	struct node *at = doc;

	for (const char *p = path + 1;;) {
		size_t n = strcspn(p, ".");
		char *key = xstrndup(p, n);
		struct node *next;

		if (at->type != NODE_MAP) {
			err_set(e, EXIT_BADDATA, "what is above %s in the document is not a map", path);
			free(key);
			node_free(value);
			return -1;
		}
		next = map_get(at, key);
		if (!p[n])
			edit_put_key(at, key, value);
		else if (!next || next->type == NODE_NULL)
			edit_put_key(at, key, node_new(NODE_MAP));
		at = map_get(at, key);
		free(key);
		if (!p[n])
			return 0;
		p += n + 1;
	}
}

struct node *edit_list(struct node *doc, const char *key, struct err *e)
{
	struct node *list = map_get(doc, key);

	if (!list || list->type == NODE_NULL) {
		list = node_new(NODE_SEQ);
		edit_put_key(doc, key, list);
	}
	if (list->type != NODE_SEQ) {
		err_set(e, EXIT_BADDATA, "%s is not a list in the document", key);
		return NULL;
	}
	if (list->n == 0)
		list->style = 0;
	return list;
}
