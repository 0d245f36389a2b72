/* validate - the order of the checks, those that the schema's table expresses, and how findings are made. */
#include "validate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "sha.h"

#define KEY_TEXT_MAX 512
#define REASON_MAX 768

/* Whether `a` is `b` or something beneath it. */
static bool beneath(const char *a, const char *b)
{
	size_t n = strlen(b);

	return !strncmp(a, b, n) && (!a[n] || a[n] == '.' || a[n] == '[');
}

static bool has_error(const struct diag *d, const char *key)
{
	for (size_t i = 0; i < d->n; i++)
		if (!d->item[i].warning && d->item[i].key &&
		    (beneath(key, d->item[i].key) || beneath(d->item[i].key, key)))
			return true;
	return false;
}

static struct pos place(const struct node *n, const struct node *map)
{
	return n && n->pos.line ? n->pos : map ? map->pos : (struct pos){ 0 };
}

bool check_has_error(const struct check *c, const char *key)
{
	return has_error(c->diag, key);
}

void check_error(struct check *c, const struct node *n, const struct node *map, const char *key, const char *fmt, ...)
{
	char reason[REASON_MAX];
	va_list ap;

	if (has_error(c->diag, key))
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	diag_error(c->diag, place(n, map), key, "%s", reason);
}

void check_warn(struct check *c, const struct node *n, const struct node *map, const char *key, const char *fmt, ...)
{
	char reason[REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	diag_warn(c->diag, place(n, map), key, "%s", reason);
}

const char *check_key(const char *fmt, ...)
{
	static char text[2][KEY_TEXT_MAX];
	static unsigned turn;
	va_list ap;

	turn ^= 1;
	va_start(ap, fmt);
	vsnprintf(text[turn], sizeof(text[turn]), fmt, ap);
	va_end(ap);
	return text[turn];
}

bool check_absolute(const char *path)
{
	return *path == '/';
}

/* "a, b or c", without the empty word. */
static void word_list(const char *words, struct buf *out)
{
	size_t len;

	for (const char *w = words, *next; (next = schema_next_word(w, &len)); w = next) {
		if (!len)
			continue;
		if (out->len)
			buf_adds(out, *next ? ", " : " or ");
		buf_add(out, w, len);
	}
}

static void check_word(struct check *c, const struct node *n, const struct schema_key *k, const char *key)
{
	struct buf words = { 0 };

	if (schema_has_value(k, n->str))
		return;
	word_list(k->values, &words);
	check_error(c, n, NULL, key, "must be %s%s, not \"%s\"", strchr(k->values, '|') ? "one of " : "", buf_str(&words),
		    n->str);
	buf_free(&words);
}

bool check_printable(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f ||
		    ((unsigned char)*s == 0xc2 && (unsigned char)s[1] < 0xa0))
			return false;
	return true;
}

static void check_scalar(struct check *c, const struct node *n, const struct schema_key *k, const char *key)
{
	struct digest digest;
	struct err e = { 0 };
	uint64_t bytes;

	/* Whoever reads these is a parser of lines somewhere: refused here, nothing can be smuggled in later. */
	if (n->type == NODE_STR && !k->lines && !check_printable(n->str))
		check_error(c, n, NULL, key, "must be one line of printable characters");
	if (n->type == NODE_STR && k->values)
		check_word(c, n, k, key);
	if (k->type == T_INT && (k->min || k->max) && (n->i < k->min || n->i > k->max))
		check_error(c, n, NULL, key, "must be between %" PRId64 " and %" PRId64 ", not %" PRId64, k->min, k->max, n->i);
	if (k->type == T_SIZE && size_parse(n->str, "size", &bytes, &e) < 0)
		check_error(c, n, NULL, key, "%s", strstr(e.msg, ": ") + 2);
	if (k->type == T_DIGEST && *n->str && digest_parse(n->str, &digest, &e) < 0)
		check_error(c, n, NULL, key, "%s", e.msg);
}

/* The values of `n`, a map or list that `k` describes. */
static void check_children(struct check *c, const struct node *n, const struct schema_key *k, const char *path)
{
	for (size_t i = 0; i < n->n; i++) {
		bool list = n->type == NODE_SEQ;
		const struct schema_key *below = list ? k->child : schema_child(k, n->key[i]);
		char key[KEY_TEXT_MAX];

		if (!below || below->type == T_ANY)
			continue;
		if (list)
			snprintf(key, sizeof(key), "%s[%zu]", path, i);
		else
			snprintf(key, sizeof(key), "%s%s%s", path, *path ? "." : "", n->key[i]);
		if (n->item[i]->type != NODE_MAP && n->item[i]->type != NODE_SEQ)
			check_scalar(c, n->item[i], below, key);
		else if (below->type == T_MAP || below->type == T_LIST)
			check_children(c, n->item[i], below, key);
	}
}

void validate_schema(struct check *c)
{
	check_children(c, c->doc, schema_root(), "");
}

void validate(const struct node *doc, const struct resolve_in *in, const struct host *host, struct diag *d)
{
	struct check c = { doc, in, host, d };

	validate_schema(&c);
	validate_system(&c);
	validate_files(&c);
	validate_mounts(&c);
	validate_scripts(&c);
	validate_ports(&c);
	validate_networks(&c);
}
