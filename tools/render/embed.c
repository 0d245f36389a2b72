/* embed - see embed.h. */
#include "embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embed_script.h"
#include "file.h"
#include "merge.h"

/* --- what is shared by the whole tree of bases --- */

static int embed_bases(struct embedding *m, struct node *t);

static bool already_used(const struct embedding *m, const char *locator)
{
	for (size_t i = 0; i < m->used.n; i++)
		if (!strcmp(m->used.v[i], locator))
			return true;
	return false;
}

static void note_file(struct embedding *m, const struct locator_source *s)
{
	if (m->o->files && s->path)
		strv_add(m->o->files, s->path);
}

int embed_read(struct embedding *m, const char *locator, struct pos at, const char *key, struct locator_source *s)
{
	struct err e = {0};

	if (locator_read(locator, m->o->ctx, s, &e) < 0) {
		diag_error(m->d, at, key, "%s", e.msg);
		return -1;
	}
	if (s->note)
		diag_warn(m->d, at, key, "%s", s->note);
	note_file(m, s);
	return 0;
}

/* --- references --- */

/* The text of a reference: STRING, or url of {url: STRING}. NULL and a finding when it has none. */
const char *embed_reference(struct embedding *m, const struct node *ref, const char *key)
{
	const struct node *url = ref->type == NODE_MAP ? map_get(ref, "url") : ref;

	if (url && url->type == NODE_STR && *url->str)
		return url->str;
	diag_error(m->d, ref->pos, key, "expected a locator, or {url: LOCATOR}");
	return NULL;
}

static void set_reference(struct node *ref, const char *locator)
{
	if (ref->type == NODE_MAP) {
		map_set(ref, "url", node_str(locator));
		return;
	}
	free(ref->str);
	ref->str = xstrdup(locator);
}

int embed_make_absolute(struct embedding *m, struct node *ref, const char *from, const char *key)
{
	const char *text = embed_reference(m, ref, key);
	struct err e = {0};
	char *all;

	if (!text)
		return -1;
	all = locator_absolute(text, from, m->o->ctx, &e);
	if (!all) {
		diag_error(m->d, ref->pos, key, "%s", e.msg);
		return -1;
	}
	if (strcmp(all, text))
		set_reference(ref, all);
	free(all);
	return 0;
}

/* `base:` as a list, whatever form it had; NULL when there is none. */
static struct node *base_list(struct embedding *m, struct node *t)
{
	struct node *base = map_get(t, "base"), *list;

	if (!base || base->type == NODE_NULL || base->type == NODE_SEQ)
		return base && base->type == NODE_SEQ ? base : NULL;
	if (base->type != NODE_STR) {
		diag_error(m->d, base->pos, "base",
			   "expected a locator or a list of locators; write \"base: [{url: ...}]\" for one");
		return NULL;
	}
	list = node_new(NODE_SEQ);
	list->pos = base->pos;
	list->head = base->head;
	base->head = NULL;
	list->b = true; /* written without dashes; see unwrap_base */
	seq_add(list, base);
	for (size_t i = 0; i < t->n; i++)
		if (t->item[i] == base)
			t->item[i] = list;
	return list;
}

/* The one base that is left is written as it was. */
static void unwrap_base(struct node *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct node *list = t->item[i];

		if (strcmp(t->key[i], "base") != 0 || list->type != NODE_SEQ || !list->b || list->n != 1)
			continue;
		t->item[i] = seq_take(list, 0);
		if (!t->item[i]->head) {
			t->item[i]->head = list->head;
			list->head = NULL;
		}
		node_free(list);
	}
}

static int absolute_bases(struct embedding *m, struct node *t, const char *from)
{
	const struct node *list = base_list(m, t);
	char key[32];
	int r = 0;

	for (size_t i = 0; list && i < list->n; i++) {
		snprintf(key, sizeof(key), "base[%zu]", i);
		r |= embed_make_absolute(m, list->item[i], from, key);
	}
	return r;
}

/* Everything in a document that was just read is relative to where it came from, so this comes before any merging. */
static int make_absolute(struct embedding *m, struct node *t, const char *from)
{
	size_t before = m->d->errors;

	absolute_bases(m, t, from);
	embed_script_references(m, t, from);
	return m->d->errors == before ? 0 : -1;
}

/* --- bases --- */

static bool is_template(const char *locator)
{
	return locator_kind(locator) == LOCATOR_TEMPLATE;
}

/* References that stay must all be of the form template:NAME, since what is merged from others would overtake them. */
static int check_kept(struct embedding *m, const struct node *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *locator = embed_reference(m, list->item[i], "base");

		if (locator && is_template(locator))
			continue;
		if (locator)
			diag_error(m->d, list->item[i]->pos, "base",
				   "%s stands behind a template: base, which is kept; "
				   "put it first, or embed all",
				   locator);
		return -1;
	}
	return 0;
}

static int claim_base(struct embedding *m, const struct node *ref, const char *locator)
{
	struct node *digest = map_get(ref, "digest");

	if (digest && digest->type != NODE_NULL) {
		diag_error(m->d, digest->pos, "base", "digests of bases are not supported; remove it");
		return -1;
	}
	if (already_used(m, locator)) {
		diag_error(m->d, ref->pos, "base",
			   "%s is used twice (base loop); a base may occur once in the whole tree", locator);
		return -1;
	}
	if (m->used.n >= EMBED_BASES_MAX) {
		diag_error(m->d, ref->pos, "base", "more than %d bases", EMBED_BASES_MAX);
		return -1;
	}
	strv_add(&m->used, locator);
	return 0;
}

/* The parser's message has "FILE:LINE:COLUMN: " in front; a finding keeps these apart. */
static void parse_error(struct embedding *m, const char *file, const struct err *e)
{
	struct pos at = {file, 0, 0};
	size_t n = strlen(file);
	int used = 0;

	if (strncmp(e->msg, file, n) || sscanf(e->msg + n, ":%u:%u: %n", &at.line, &at.col, &used) != 2)
		diag_error(m->d, at, NULL, "%s", e->msg);
	else
		diag_error(m->d, at, NULL, "%s", e->msg + n + used);
}

static struct node *parse(struct embedding *m, const struct locator_source *s)
{
	struct err e = {0};
	struct node *root = tree_parse(buf_str(&s->text), s->text.len, s->file, &e);

	if (!root) {
		parse_error(m, s->file, &e);
		return NULL;
	}
	if (root->type == NODE_MAP)
		return root;
	diag_error(m->d, root->pos, NULL, "a template must be a map of keys and values");
	node_free(root);
	return NULL;
}

/* Reads one base with all of its own bases. */
static struct node *load_base(struct embedding *m, const char *locator, struct pos at)
{
	struct locator_source s = {0};
	struct node *r;

	if (embed_read(m, locator, at, "base", &s) < 0)
		return NULL;
	r = parse(m, &s);
	if (r && (make_absolute(m, r, s.locator) < 0 || embed_bases(m, r) < 0)) {
		node_free(r);
		r = NULL;
	}
	locator_source_free(&s);
	return r;
}

static int merge_base(struct embedding *m, struct node *t, const struct node *ref, const char *locator)
{
	struct err e = {0};
	struct node *r = claim_base(m, ref, locator) < 0 ? NULL : load_base(m, locator, ref->pos);
	const struct node *theirs;
	struct node *mine;
	int result;

	if (!r)
		return -1;
	mine = map_get(t, "base");
	theirs = map_get(r, "base");
	if (mine && theirs && mine->n == 0)
		mine->b = theirs->b;
	result = merge_into(t, r, &e);
	node_free(r);
	if (result < 0)
		diag_error(m->d, ref->pos, "base", "%s", e.msg);
	return result;
}

/* Removes what is left of `base`; a comment above it stays when it starts the file, where it is the title. */
static void drop_base(struct node *t)
{
	bool first = t->n > 1 && !strcmp(t->key[0], "base");
	struct node *base = map_take(t, "base"), *next = first ? t->item[0] : NULL;
	char *both;

	if (next && base->head) {
		both = next->head ? xasprintf("%s\n%s", base->head, next->head) : xstrdup(base->head);
		free(next->head);
		next->head = both;
	}
	node_free(base);
}

static int embed_bases(struct embedding *m, struct node *t)
{
	struct node *list, *ref;
	int r = 0;

	while (r == 0 && (list = base_list(m, t)) && list->n) {
		const char *locator = embed_reference(m, list->item[0], "base");

		if (!locator)
			return -1;
		if (m->o->keep_templates && is_template(locator))
			return check_kept(m, list) < 0 ? -1 : embed_scripts(m, t);
		ref = seq_take(list, 0);
		r = merge_base(m, t, ref, locator);
		node_free(ref);
	}
	if (r < 0)
		return -1;
	drop_base(t);
	return embed_scripts(m, t);
}

/* --- the whole --- */

/* $LIMA_HOME/_config/base.yaml, when there is one, is the first base. */
static void add_base_config(struct embedding *m, struct node *t)
{
	char *path = xasprintf("%s/_config/base.yaml", m->o->ctx->home);
	struct node *list = base_list(m, t);

	if (path_exists(path)) {
		if (!list) {
			list = node_new(NODE_SEQ);
			map_set(t, "base", list);
		}
		seq_insert(list, 0, node_str(path));
	}
	free(path);
}

static size_t text_size(const struct node *n)
{
	size_t sum = 4 + (n->str ? strlen(n->str) : 0) + (n->head ? strlen(n->head) : 0);

	for (size_t i = 0; i < n->n; i++)
		sum += text_size(n->item[i]) + (n->type == NODE_MAP ? strlen(n->key[i]) : 0);
	return sum;
}

static int finish(struct embedding *m, struct node *t)
{
	struct err e = {0};

	if (merge_combine(t, &e) < 0) {
		diag_error(m->d, t->pos, NULL, "%s", e.msg);
		return -1;
	}
	if (text_size(t) > TREE_TEXT_MAX) {
		diag_error(m->d, t->pos, NULL, "the template with its bases and files is larger than %u bytes",
			   TREE_TEXT_MAX);
		return -1;
	}
	return 0;
}

struct node *embed_source(const struct locator_source *s, const struct embed_opts *o, struct diag *d)
{
	struct embedding m = {.o = o, .d = d};
	struct node *t = parse(&m, s);
	int r = t ? make_absolute(&m, t, s->locator) : -1;

	if (r == 0 && o->keep_all) {
		unwrap_base(t);
		return t;
	}
	if (r == 0 && !o->no_base_config)
		add_base_config(&m, t);
	if (r == 0)
		r = embed_bases(&m, t);
	if (r == 0)
		r = finish(&m, t);
	strv_free(&m.used);
	if (r == 0 && o->keep_templates)
		unwrap_base(t);
	if (r == 0)
		return t;
	node_free(t);
	return NULL;
}

struct node *embed(const char *locator, const struct embed_opts *o, struct diag *d)
{
	struct embedding m = {.o = o, .d = d};
	struct locator_source s = {0};
	struct node *t;

	if (embed_read(&m, locator, (struct pos){0}, NULL, &s) < 0)
		return NULL;
	t = embed_source(&s, o, d);
	locator_source_free(&s);
	return t;
}
