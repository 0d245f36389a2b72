/* embed_script - `file:` of provision and probes entries becomes `script:` (`content:`, `expression:`) with the file's
 * text. */
#include "embed_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sha.h"

/* Calls `each` for every entry that has a `file`; `key` is "provision[0].file". */
static int for_files(struct embedding *m, struct node *t, const void *arg,
		     int (*each)(struct embedding *m, struct node *entry, struct node *file, const char *key,
				 const void *arg))
{
	static const char *const lists[] = {"provision", "probes"};
	char key[48];
	int r = 0;

	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
		const struct node *list = map_get(t, lists[l]);

		for (size_t i = 0; list && list->type == NODE_SEQ && i < list->n; i++) {
			struct node *file = map_get(list->item[i], "file");

			if (!file || file->type == NODE_NULL)
				continue;
			snprintf(key, sizeof(key), "%s[%zu].file", lists[l], i);
			if (each(m, list->item[i], file, key, arg) < 0)
				r = -1;
		}
	}
	return r;
}

static int reference_one(struct embedding *m, struct node *entry, struct node *file, const char *key, const void *from)
{
	(void)entry;
	return embed_make_absolute(m, file, from, key);
}

void embed_script_references(struct embedding *m, struct node *t, const char *from)
{
	for_files(m, t, from, reference_one);
}

static const char *target_key(const struct node *entry)
{
	const char *mode = tree_str(entry, "", "mode");

	return !strcmp(mode, "data") ? "content" : !strcmp(mode, "yq") ? "expression" : "script";
}

/* An empty script counts as none; other fields are there when they are there. */
static bool has_target(const struct node *entry, const char *key)
{
	const struct node *n = map_get(entry, key);

	if (!n || n->type == NODE_NULL)
		return false;
	return strcmp(key, "script") || n->type != NODE_STR || *n->str;
}

static int check_digest(struct embedding *m, const struct node *file, const struct buf *text, const char *key)
{
	const struct node *want = file->type == NODE_MAP ? map_get(file, "digest") : NULL;
	struct err e = {0};
	struct digest d;
	char hex[SHA_HEX_SIZE];

	if (!want || want->type == NODE_NULL)
		return 0;
	if (digest_parse(want->str ? want->str : "", &d, &e) < 0) {
		diag_error(m->d, want->pos, key, "%s", e.msg);
		return -1;
	}
	sha_hex(d.alg, buf_str(text), text->len, hex);
	if (!strcmp(hex, d.hex))
		return 0;
	diag_error(m->d, want->pos, key, "the file has the digest %s:%s, not this one", sha_name(d.alg), hex);
	return -1;
}

/* Puts the text where `file` stood, so that the order of keys stays. */
static void replace_file(struct node *entry, const char *target, const struct locator_source *s)
{
	struct node *text = node_str(buf_str(&s->text)), *old;

	text->style = strchr(text->str, '\n') ? '|' : 0;
	text->pos = (struct pos){s->file, 1, 1};
	node_free(map_take(entry, target)); /* null or empty */
	for (size_t i = 0; i < entry->n; i++) {
		if (strcmp(entry->key[i], "file"))
			continue;
		old = entry->item[i];
		text->head = old->head;
		old->head = NULL;
		free(entry->key[i]);
		entry->key[i] = xstrdup(target);
		entry->item[i] = text;
		node_free(old);
	}
}

static int embed_one(struct embedding *m, struct node *entry, struct node *file, const char *key, const void *arg)
{
	const char *target = target_key(entry), *locator = embed_reference(m, file, key);
	struct locator_source s = {0};
	int r = 0;

	(void)arg;
	if (!locator)
		return -1;
	if (has_target(entry, target) || (m->o->keep_templates && locator_kind(locator) == LOCATOR_TEMPLATE))
		return 0;
	if (embed_read(m, locator, file->pos, key, &s) < 0)
		return -1;
	if (memchr(buf_str(&s.text), '\0', s.text.len)) {
		diag_error(m->d, file->pos, key, "%s has a NUL byte in it; only text can be embedded", locator);
		r = -1;
	}
	if (r == 0)
		r = check_digest(m, file, &s.text, key);
	if (r == 0)
		replace_file(entry, target, &s);
	locator_source_free(&s);
	return r;
}

int embed_scripts(struct embedding *m, struct node *t)
{
	return for_files(m, t, NULL, embed_one);
}
