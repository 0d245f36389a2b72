/* tree_comments - finds the comments of a YAML text, which libyaml drops, and gives them to the nodes they belong to.
 *
 * The parser reports each piece of the text that is content; what lies between two pieces is searched for comments and
 * blank lines. A comment behind something on its line belongs to that; one on a line of its own belongs to the next
 * entry (key or list item), or, when it is indented more than what follows, is the foot of the list or map that ends there.
 */
#ifndef LIMA_TREE_COMMENTS_H
#define LIMA_TREE_COMMENTS_H

#include <yaml.h>

#include "tree.h"

struct comment_line {
	unsigned col; /* from 0 */
	const char *text;
	size_t len;   /* 0 = a blank line */
};

/* Zeroed with `text` and `n` set to start. Texts of comments point into `text`. */
struct comments {
	const char *text;
	size_t n;
	size_t at, index;        /* the furthest place that was asked for: in bytes, and in characters as libyaml counts */
	size_t gap;              /* the byte where the next gap begins */
	struct comment_line *line; /* waiting for the next entry */
	size_t nline;
	struct node *behind;     /* takes a comment on the same line; NULL = the node that comes next */
	char *next_line_comment; /* for that one */
};

/* The event is content: searches the gap before it. */
void comments_content(struct comments *c, const yaml_event_t *event);
/* An entry begins: its head, or NULL. The caller frees it. */
char *comments_head(struct comments *c);
/* The node of an entry was made. `inline_value`: comments between it and its key are for it, not for its first entry. */
void comments_node(struct comments *c, struct node *n, bool inline_value);
/* The collection `n`, whose entries begin at column `col`, ends before something at column `next` (from 0). */
void comments_foot(struct comments *c, struct node *n, unsigned col, unsigned next);
/* For the root, before its first entry and after its last. What stands above the last blank line is the document's head. */
void comments_root_head(struct comments *c, struct node *root);
void comments_root_foot(struct comments *c, struct node *root);
void comments_free(struct comments *c);

#endif
