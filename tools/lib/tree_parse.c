/* tree_parse - YAML text to tree, on the events of libyaml.
 *
 * libyaml checks the grammar; this adds what a configuration needs: types, aliases and merge keys resolved under limits, duplicate
 * keys refused, comments kept (tree_comments.h), and positions everywhere. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree_comments.h"

#define ANCHORS_MAX 1000
#define KEY_LEN_MAX 1000

struct anchor {
	char *name;
	struct node *node;
	bool open; /* still being read */
};
struct parser {
	yaml_parser_t yaml;
	yaml_event_t event;
	const char *file;
	struct err *e;
	struct comments comments;
	struct anchor anchor[ANCHORS_MAX];
	size_t nanchor, nodes, bytes;
	unsigned depth;
	unsigned indent;   /* column of the key whose value is read */
	struct node *dead; /* parts that are in no tree any more, but an anchor may point there */
};

static struct pos pos_of(const struct parser *p, yaml_mark_t mark)
{
	return (struct pos){ p->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

__attribute__((format(printf, 3, 4))) static int fail(struct parser *p, struct pos at, const char *fmt, ...)
{
	char reason[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return err_set(p->e, EXIT_BADDATA, "%s:%u:%u: %s", p->file, at.line, at.col, reason);
}

/* What libyaml says, and what it usually means. */
static const char *explain(const char *problem)
{
	static const char *const table[][2] = {
		{ "found character that cannot start any token", "a value cannot begin like this; quote it, and indent with "
								 "blanks only" },
		{ "mapping values are not allowed in this context", "\": \" cannot stand here; quote the value, or correct "
								    "the indentation" },
		{ "could not find expected ':'", "a key without ':'" },
		{ "did not find expected key", "a key is expected here; check the indentation" },
		{ "did not find expected '-' indicator", "a list item is expected here; check the indentation" },
		{ "found unexpected end of stream", "the text ends inside of a quoted value" },
		{ "found undefined tag handle", "unknown tag" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (!strcmp(problem, table[i][0]))
			return table[i][1];
	return problem;
}

/* The reader knows only the byte offset of what it refuses. */
static struct pos offset_pos(const struct parser *p, size_t offset)
{
	struct pos at = { p->file, 1, 1 };

	for (size_t i = 0; i < offset && i < p->comments.n; i++) {
		if (p->comments.text[i] == '\n') {
			at.line++;
			at.col = 1;
		} else if (((unsigned char)p->comments.text[i] & 0xc0) != 0x80) {
			at.col++;
		}
	}
	return at;
}

static int yaml_failed(struct parser *p)
{
	const yaml_parser_t *y = &p->yaml;
	const char *problem = y->problem ? y->problem : "unknown problem";

	if (y->error == YAML_MEMORY_ERROR)
		return err_set(p->e, EXIT_UNAVAIL, "%s: out of memory", p->file);
	if (y->error == YAML_READER_ERROR)
		return fail(p, offset_pos(p, y->problem_offset), "not valid YAML: %s%s", problem,
			    strstr(problem, "UTF-8") ? "; save the file as UTF-8" : "");
	return fail(p, pos_of(p, y->problem_mark), "not valid YAML: %s", explain(problem));
}

static int next(struct parser *p)
{
	yaml_event_delete(&p->event);
	if (!yaml_parser_parse(&p->yaml, &p->event))
		return yaml_failed(p);
	if (p->event.type != YAML_STREAM_START_EVENT && p->event.type != YAML_DOCUMENT_START_EVENT)
		comments_content(&p->comments, &p->event);
	return 0;
}

/* Counts what a new or copied node costs. */
static int charge(struct parser *p, size_t bytes, struct pos at)
{
	p->bytes += bytes;
	if (++p->nodes > TREE_NODES_MAX)
		return fail(p, at, "more than %d values", TREE_NODES_MAX);
	if (p->bytes > TREE_BYTES_MAX)
		return fail(p, at, "more than %u MiB of text, aliases included", TREE_BYTES_MAX >> 20);
	return 0;
}

static int charge_copy(struct parser *p, const struct node *n, unsigned depth, struct pos at)
{
	size_t bytes = n->str ? strlen(n->str) : 0;

	if (n->head)
		bytes += strlen(n->head);
	if (depth > TREE_DEPTH_MAX)
		return fail(p, at, "nested deeper than %d", TREE_DEPTH_MAX);
	if (charge(p, bytes, at) < 0)
		return -1;
	for (size_t i = 0; i < n->n; i++)
		if (charge_copy(p, n->item[i], depth + 1, at) < 0)
			return -1;
	return 0;
}

/* Notes that `node` has the anchor `name` (may be NULL). Returns its index + 1, 0 for none, -1 on error. */
static int anchor_open(struct parser *p, const yaml_char_t *name, struct node *node)
{
	if (!name)
		return 0;
	if (p->nanchor == ANCHORS_MAX)
		return fail(p, node->pos, "more than %d anchors", ANCHORS_MAX);
	p->anchor[p->nanchor] = (struct anchor){ xstrdup((const char *)name), node, true };
	return (int)++p->nanchor;
}

static struct node *alias(struct parser *p)
{
	const char *name = (const char *)p->event.data.alias.anchor;
	struct pos at = pos_of(p, p->event.start_mark);
	struct node *copy;
	size_t i = p->nanchor;

	while (i > 0 && strcmp(p->anchor[i - 1].name, name) != 0)
		i--;
	if (i == 0) {
		fail(p, at, "there is no anchor &%s before this", name);
		return NULL;
	}
	if (p->anchor[i - 1].open) {
		fail(p, at, "*%s stands inside of its own anchor", name);
		return NULL;
	}
	if (charge_copy(p, p->anchor[i - 1].node, p->depth, at) < 0)
		return NULL;
	copy = node_copy(p->anchor[i - 1].node);
	free(copy->head);
	free(copy->line_comment);
	copy->head = copy->line_comment = NULL;
	return copy;
}

static char style_of(yaml_scalar_style_t style)
{
	switch (style) {
	case YAML_SINGLE_QUOTED_SCALAR_STYLE:
		return '\'';
	case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
		return '"';
	case YAML_LITERAL_SCALAR_STYLE:
		return '|';
	case YAML_FOLDED_SCALAR_STYLE:
		return '>';
	default:
		return 0;
	}
}

static int fill_scalar(struct parser *p, struct node *n)
{
	const char *text = (const char *)p->event.data.scalar.value;
	size_t len = p->event.data.scalar.length;
	const char *tag = (const char *)p->event.data.scalar.tag;
	int anchor = anchor_open(p, p->event.data.scalar.anchor, n);
	const char *why;

	if (anchor > 0)
		p->anchor[anchor - 1].open = false;
	if (anchor < 0 || charge(p, len, n->pos) < 0)
		return -1;
	if (memchr(text, 0, len))
		return fail(p, n->pos, "a NUL character cannot be used");
	n->str = xstrndup(text, len);
	n->style = style_of(p->event.data.scalar.style);
	if (!n->style)
		scalar_resolve(n->str, n);
	return tag && scalar_tag(n, tag, &why) < 0 ? fail(p, n->pos, "%s", why) : 0;
}

static struct node *parse_node(struct parser *p, char *head, bool in_map);

static int parse_items(struct parser *p, struct node *seq)
{
	for (;;) {
		struct node *item;

		if (next(p) < 0)
			return -1;
		if (p->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		item = parse_node(p, comments_head(&p->comments), false);
		if (!item)
			return -1;
		seq_add(seq, item);
	}
}

/* The text of a key, from the current event; NULL on error. The caller frees it. */
static char *parse_key(struct parser *p)
{
	struct pos at = pos_of(p, p->event.start_mark);
	struct node *n = NULL;
	char *key = NULL;

	if (p->event.type == YAML_ALIAS_EVENT) {
		n = alias(p);
		if (!n)
			return NULL;
	} else if (p->event.type == YAML_SCALAR_EVENT) {
		n = node_new(NODE_STR);
		n->pos = at;
		seq_add(p->dead, n); /* an anchor may point to it */
		if (fill_scalar(p, n) < 0)
			return NULL;
	}
	if (!n || n->type == NODE_MAP || n->type == NODE_SEQ)
		fail(p, at, "a key must be a word or a text, not a list or a map; quote {{...}}");
	else if (strlen(n->str) > KEY_LEN_MAX)
		fail(p, at, "a key is longer than %d bytes", KEY_LEN_MAX);
	else
		key = xstrdup(n->str);
	if (p->event.type == YAML_ALIAS_EVENT)
		node_free(n);
	return key;
}

/* Whether the current event is the key "<<" of merges. */
static bool is_merge_key(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       !strcmp((const char *)event->data.scalar.value, "<<");
}

struct entry {
	const char *key;
	size_t order;
};

static int by_key_and_order(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	return r ? r : x->order < y->order ? -1 : 1;
}

/* Keys given twice: an error among the first `own` entries; of merged ones the first stays. */
static int finish_map(struct parser *p, struct node *map, size_t own)
{
	struct entry *sorted = xcalloc(map->n + 1, sizeof(*sorted));
	int r = 0;
	size_t to = own;

	for (size_t i = 0; i < map->n; i++)
		sorted[i] = (struct entry){ map->key[i], i };
	qsort(sorted, map->n, sizeof(*sorted), by_key_and_order);
	for (size_t i = 1; i < map->n && r == 0; i++) {
		size_t at = sorted[i].order;

		if (strcmp(sorted[i - 1].key, sorted[i].key) != 0)
			continue;
		if (at < own)
			r = fail(p, map->key_pos[at], "the key %s is given twice", map->key[at]);
		else
			map->key_pos[at].line = 0; /* marks what goes away */
	}
	for (size_t i = own; i < map->n; i++) {
		if (map->key_pos[i].line) {
			map->key[to] = map->key[i];
			map->key_pos[to] = map->key_pos[i];
			map->item[to++] = map->item[i];
		} else {
			free(map->key[i]);
			seq_add(p->dead, map->item[i]);
		}
	}
	map->n = to > own ? to : own;
	free(sorted);
	return r;
}

static int merge_one(struct parser *p, struct node *map, struct node *from, struct pos at)
{
	if (from->type != NODE_MAP)
		return fail(p, at, "<<: wants a map or a list of maps");
	for (size_t i = 0; i < from->n; i++) {
		struct pos key_pos = from->key_pos[i];

		if (charge_copy(p, from->item[i], p->depth, at) < 0)
			return -1;
		map_append(map, from->key[i], key_pos, node_copy(from->item[i]));
	}
	return 0;
}

/* Appends what the values of "<<" have; they stay in p->dead. */
static int merge_all(struct parser *p, struct node *map, struct node *merges)
{
	for (size_t i = 0; i < merges->n; i++) {
		struct node *from = merges->item[i];
		size_t n = from->type == NODE_SEQ ? from->n : 1;

		for (size_t j = 0; j < n; j++)
			if (merge_one(p, map, from->type == NODE_SEQ ? from->item[j] : from, from->pos) < 0)
				return -1;
	}
	return 0;
}

static int parse_entry(struct parser *p, struct node *map, struct node *merges)
{
	struct pos at = pos_of(p, p->event.start_mark);
	bool merge = is_merge_key(&p->event), twice = merge && merges->n;
	char *head = comments_head(&p->comments), *key = parse_key(p);
	struct node *value = NULL;

	p->indent = at.col - 1;
	if (key && twice)
		fail(p, at, "the key << is given twice; write <<: [*a, *b]");
	if (key && !twice && next(p) == 0)
		value = parse_node(p, head, true);
	else
		free(head);
	if (value && merge)
		seq_add(merges, value);
	else if (value)
		map_append(map, key, at, value);
	free(key);
	return value ? 0 : -1;
}

static int parse_entries(struct parser *p, struct node *map)
{
	struct node *merges = node_new(NODE_SEQ);
	size_t own;

	seq_add(p->dead, merges);
	for (;;) {
		if (next(p) < 0)
			return -1;
		if (p->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (parse_entry(p, map, merges) < 0)
			return -1;
	}
	own = map->n;
	return merge_all(p, map, merges) < 0 ? -1 : finish_map(p, map, own);
}

/* '{', or ':' for a single pair without braces in a flow list: then the event has no text of its own. */
static char flow_map_style(const yaml_event_t *ev)
{
	return ev->start_mark.index == ev->end_mark.index ? ':' : '{';
}

static int parse_collection(struct parser *p, struct node *n, bool in_map)
{
	bool is_map = n->type == NODE_MAP;
	const yaml_event_t *ev = &p->event;
	bool flow = is_map ? ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE :
			     ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	const yaml_char_t *name = is_map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor;
	unsigned col = (unsigned)(name ? ev->end_mark.column : ev->start_mark.column);
	int anchor = anchor_open(p, name, n), r;

	n->style = flow ? (is_map ? flow_map_style(ev) : '[') : !is_map && in_map && col > p->indent ? '-' : 0;
	if (anchor < 0 || charge(p, 0, n->pos) < 0)
		return -1;
	if (++p->depth > TREE_DEPTH_MAX)
		return fail(p, n->pos, "nested deeper than %d", TREE_DEPTH_MAX);
	if (p->depth == 1)
		comments_root_head(&p->comments, n);
	r = is_map ? parse_entries(p, n) : parse_items(p, n);
	p->depth--;
	if (anchor > 0)
		p->anchor[anchor - 1].open = false;
	if (r == 0)
		comments_foot(&p->comments, n, flow ? 1 : col, flow ? 0 : (unsigned)p->event.start_mark.column);
	if (r == 0 && flow)
		p->comments.behind = n;
	return r;
}

/* The value that the current event begins. Takes `head` over. */
static struct node *parse_node(struct parser *p, char *head, bool in_map)
{
	struct pos at = pos_of(p, p->event.start_mark);
	struct node *n;
	bool collection = true;
	int r = 0;

	switch (p->event.type) {
	case YAML_ALIAS_EVENT:
		n = alias(p);
		collection = false;
		break;
	case YAML_MAPPING_START_EVENT:
		n = node_new(NODE_MAP);
		break;
	case YAML_SEQUENCE_START_EVENT:
		n = node_new(NODE_SEQ);
		break;
	default:
		n = node_new(NODE_STR);
		collection = false;
	}
	if (!n) {
		free(head);
		return NULL;
	}
	n->head = head;
	if (p->event.type != YAML_ALIAS_EVENT)
		n->pos = at;
	comments_node(&p->comments, n, in_map && !collection);
	if (collection)
		r = parse_collection(p, n, in_map);
	else if (p->event.type == YAML_SCALAR_EVENT)
		r = fill_scalar(p, n);
	if (r == 0)
		return n;
	node_free(n);
	return NULL;
}

/* The first document; an empty text is an empty map. */
static struct node *parse_document(struct parser *p)
{
	struct node *root;

	do {
		if (next(p) < 0)
			return NULL;
	} while (p->event.type == YAML_STREAM_START_EVENT || p->event.type == YAML_DOCUMENT_START_EVENT);
	if (p->event.type == YAML_STREAM_END_EVENT) {
		root = node_new(NODE_MAP);
		root->pos = (struct pos){ p->file, 1, 1 };
	} else {
		root = parse_node(p, NULL, false);
		if (!root)
			return NULL;
		if (next(p) < 0) {
			node_free(root);
			return NULL;
		}
	}
	if (root->type == NODE_NULL) {
		root->type = NODE_MAP;
		free(root->str);
		root->str = NULL;
	}
	comments_root_foot(&p->comments, root);
	return root;
}

struct node *tree_parse(const char *text, size_t n, const char *file, struct err *e)
{
	struct parser *p;
	struct node *root;

	if (n > TREE_TEXT_MAX) {
		err_set(e, EXIT_BADDATA, "%s:1:1: the file has %zu bytes, more than %u", file, n, TREE_TEXT_MAX);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->file = tree_intern(file);
	p->e = e;
	p->comments.text = text;
	p->comments.n = n;
	p->dead = node_new(NODE_SEQ);
	if (!yaml_parser_initialize(&p->yaml)) {
		err_set(e, EXIT_UNAVAIL, "%s: out of memory", file);
		root = NULL;
	} else {
		yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&p->yaml, (const unsigned char *)text, n);
		root = parse_document(p);
		yaml_event_delete(&p->event);
		yaml_parser_delete(&p->yaml);
	}
	for (size_t i = 0; i < p->nanchor; i++)
		free(p->anchor[i].name);
	comments_free(&p->comments);
	node_free(p->dead);
	free(p);
	return root;
}
