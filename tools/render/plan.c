/* plan - see plan.h. */
#include "plan.h"

#include <stdio.h>
#include <string.h>

#include "num.h"
#include "resolve.h"

#define VALUE_SHOWN 60 /* bytes of a value in a line */
#define PATH_TEXT_MAX 512
#define IMAGES "images"

struct plan {
	struct buf *out;
	enum change_class worst;
	bool same_image; /* changes of images: do not matter to the disk that is there */
	int lines;
};

/* A value on one line, not too long. */
static void shown(const struct node *n, struct buf *out)
{
	struct buf text = { 0 };

	if (!n) {
		buf_adds(out, "(unset)");
		return;
	}
	tree_emit_json(n, false, &text);
	if (text.len > VALUE_SHOWN) {
		size_t cut = VALUE_SHOWN;

		while (cut && ((unsigned char)text.data[cut] & 0xc0) == 0x80)
			cut--;
		buf_add(out, text.data, cut);
		buf_adds(out, "...");
	} else {
		buf_adds(out, buf_str(&text));
	}
	buf_free(&text);
}

/* The entry that a disk is made from: the first one for the architecture. Those behind it stand in when it cannot be
 * had. */
static const struct node *image_used(const struct node *doc)
{
	const struct node *images = tree_seq(doc, "images");
	const char *arch = tree_str(doc, "", "arch");

	for (size_t i = 0; images && i < images->n; i++)
		if (!strcmp(tree_str(images->item[i], arch, "arch"), arch))
			return images->item[i];
	return NULL;
}

/* A smaller disk cannot be had from the old one. */
static enum change_class class_of(const struct plan *p, const char *path, const struct node *a, const struct node *b)
{
	const struct schema_key *k = schema_find(path);
	uint64_t was, will;
	struct err e = { 0 };

	if (!strcmp(path, "disk") && a && b && size_parse(a->str, "disk", &was, &e) == 0 &&
	    size_parse(b->str, "disk", &will, &e) == 0)
		return will < was ? CHANGE_DISK : will == was ? CHANGE_NOOP : CHANGE_RESTART;
	if (p->same_image && !strncmp(path, IMAGES, strlen(IMAGES)))
		return CHANGE_NOOP;
	return k ? k->change : CHANGE_RESTART;
}

static void line(struct plan *p, const char *path, const struct node *a, const struct node *b)
{
	enum change_class class = class_of(p, path, a, b);

	buf_addf(p->out, "%s: ", path);
	shown(a, p->out);
	buf_adds(p->out, " -> ");
	shown(b, p->out);
	buf_addf(p->out, " (%s)\n", change_name(class));
	p->lines++;
	if (class > p->worst)
		p->worst = class;
}

static void compare(struct plan *p, const char *path, const struct node *a, const struct node *b)
{
	char below[PATH_TEXT_MAX];

	if (node_equal(a, b))
		return;
	if (a && b && a->type == NODE_MAP && b->type == NODE_MAP) {
		for (size_t i = 0; i < a->n; i++) {
			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", a->key[i]);
			compare(p, below, a->item[i], map_get(b, a->key[i]));
		}
		for (size_t i = 0; i < b->n; i++) {
			snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", b->key[i]);
			if (!map_get(a, b->key[i]))
				compare(p, below, NULL, b->item[i]);
		}
		return;
	}
	/* Lists of the same length: what changed in which entry. Others are shown as a whole. */
	if (a && b && a->type == NODE_SEQ && b->type == NODE_SEQ && a->n == b->n) {
		for (size_t i = 0; i < a->n; i++) {
			snprintf(below, sizeof(below), "%s[%zu]", path, i);
			compare(p, below, a->item[i], b->item[i]);
		}
		return;
	}
	line(p, path, a, b);
}

int plan_diff(const struct node *old_resolved, const struct node *new_resolved, struct buf *out_text,
	      enum change_class *worst)
{
	struct plan p = { .out = out_text };

	p.same_image = node_equal(image_used(old_resolved), image_used(new_resolved));
	for (const struct schema_key *k = schema_root()->child; k; k = k->next)
		compare(&p, k->path, map_get(old_resolved, k->path), map_get(new_resolved, k->path));
	if (worst)
		*worst = p.worst;
	return p.lines;
}
