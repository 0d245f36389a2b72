/* edit - changing the description of an instance that exists, without ever asking for another disk. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "instance_files.h"
#include "log.h"
#include "num.h"
#include "render/plan.h"
#include "render/resolve.h"
#include "template.h"

static int read_text(const char *path, struct buf *text, struct err *e)
{
	return file_read(path, TREE_TEXT_MAX, text, e);
}

static int check_disk(const struct node *before, const struct node *after, struct err *e)
{
	uint64_t old, new;
	char old_text[32], new_text[32];

	if (resolve_bytes(before, "disk", &old) < 0 || resolve_bytes(after, "disk", &new) < 0 || new >= old)
		return 0;
	size_format(old, old_text, sizeof(old_text));
	size_format(new, new_text, sizeof(new_text));
	return err_set(e, EXIT_NO, "field `disk`: shrinking the disk (%s --> %s) is not supported", old_text, new_text);
}

/* What the instance has now. A description that is broken already can only get better: NULL then. */
static struct node *now(const struct instance *in, const struct buf *text, const char *path)
{
	struct err ignored = { 0 };
	struct node *doc = tree_parse(buf_str(text), text->len, path, &ignored);
	struct node *filled = doc && doc->type == NODE_MAP ? template_fill(doc, in->dir, in->home, false, &ignored) : NULL;

	node_free(doc);
	return filled;
}

static int check_change(const struct instance *in, const struct node *before, const struct node *after, struct err *e)
{
	enum change_class worst = CHANGE_NOOP;
	struct buf lines = { 0 };
	int r = check_disk(before, after, e);

	plan_diff(before, after, &lines, &worst);
	if (r == 0 && worst == CHANGE_DISK && disk_exists(in))
		r = err_set(e, EXIT_NO,
			    "this would need a new disk: %.*s; delete the instance to have one, or let `make INSTANCE=%s CONFIRM=yes start` "
			    "set the old one aside", (int)strcspn(buf_str(&lines), "\n"), buf_str(&lines), in->name);
	buf_free(&lines);
	return r;
}

/* The text that lima.yaml would get. */
static int changed_text(const struct buf *old, const char *path, const struct strv *settings, struct buf *new, struct err *e)
{
	struct node *doc = tree_parse(buf_str(old), old->len, path, e);
	int r = doc ? template_edit(doc, settings, e) : -1;

	if (r == 0)
		tree_emit(doc, new);
	node_free(doc);
	return r;
}

int description_edit(const struct instance *in, const struct strv *settings, const struct buf *text, bool *changed, struct err *e)
{
	char *path = instance_path(in, F_LIMA_YAML);
	struct template t = { 0 };
	struct buf old = { 0 }, new = { 0 };
	struct node *before = NULL, *after = NULL;
	int r = read_text(path, &old, e);

	*changed = false;
	if (r == 0 && settings)
		r = changed_text(&old, path, settings, &new, e);
	else if (r == 0)
		buf_add(&new, buf_str(text), text->len);
	if (r == 0 && (old.len != new.len || memcmp(buf_str(&old), buf_str(&new), old.len) != 0)) {
		r = template_take(&new, path, &t, e);
		if (r == 0)
			r = template_embed(&t, EMBED_ALL, e);
		after = r == 0 ? template_fill(t.doc, in->dir, in->home, true, e) : NULL;
		before = after ? now(in, &old, path) : NULL;
		r = after && (!before || check_change(in, before, after, e) == 0) ? 0 : editor_reject(&new, e);
		if (r == 0)
			r = file_write_if_changed(path, buf_str(&new), new.len, 0644, changed, e);
	}
	node_free(before);
	node_free(after);
	template_free(&t);
	buf_free(&new);
	buf_free(&old);
	free(path);
	return r;
}
