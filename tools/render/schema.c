/* schema - finding things in the table of schema_table.c.
 *
 * The table is flat, because that is how people read it; links between its rows are made at the first use. */
#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema_table.h"

static struct schema_key root = { .path = "", .type = T_MAP, .name = "" };

const char *change_name(enum change_class c)
{
	static const char *const names[] = { "no-op", "live", "restart", "recreate-cidata", "new-disk" };

	return names[c];
}

/* Where the last part of a path begins: behind the last '.', or at a final "[]". */
static size_t last_part(const char *path)
{
	size_t n = strlen(path);
	const char *dot = strrchr(path, '.');

	if (n >= 2 && !strcmp(path + n - 2, "[]"))
		return n - 2;
	return dot ? (size_t)(dot - path) + 1 : 0;
}

static struct schema_key *find_row(const char *path, size_t n)
{
	if (n == 0)
		return &root;
	for (struct schema_key *k = schema_table; k->path; k++)
		if (!strncmp(k->path, path, n) && !k->path[n])
			return k;
	return NULL;
}

/* Links each row to its parent, behind the children that come before it. Parents stand before their children. */
static void link_rows(void)
{
	for (struct schema_key *k = schema_table; k->path; k++) {
		size_t at = last_part(k->path);
		struct schema_key *parent = find_row(k->path, at && k->path[at - 1] == '.' ? at - 1 : at);
		const struct schema_key **end;

		k->name = k->path + at;
		if (!parent)
			abort(); /* a row without parent: every test would fail */
		k->parent = parent;
		for (end = &parent->child; *end; end = (const struct schema_key **)(uintptr_t) & (*end)->next)
			;
		*end = k;
	}
}

const struct schema_key *schema_root(void)
{
	if (!root.child)
		link_rows();
	return &root;
}

static const struct schema_key *child_n(const struct schema_key *parent, const char *key, size_t n)
{
	const struct schema_key *k = parent->child;

	for (; k; k = k->next)
		if ((!strncmp(k->name, key, n) && !k->name[n]) || (!strcmp(k->name, "*") && *key != '['))
			return k;
	return NULL;
}

const struct schema_key *schema_child(const struct schema_key *parent, const char *key)
{
	return child_n(parent, key, strlen(key));
}

const struct schema_key *schema_find(const char *path)
{
	const struct schema_key *k = schema_root();

	while (k && *path) {
		size_t n = strcspn(path, ".[");

		if (n) {
			k = child_n(k, path, n);
			path += n;
		} else if (*path == '[') {
			k = child_n(k, "[]", 2);
			path += strcspn(path, "]");
			path += *path == ']';
		}
		path += *path == '.';
	}
	return k;
}

/* Optimal string alignment: insertions, deletions, replacements and swapped neighbours. */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 40 };
	size_t d[3][LONGEST + 1], n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = d[i % 3], *up = d[(i - 1) % 3], *up2 = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[n % 3][m];
}

const char *schema_suggest(const struct schema_key *parent, const char *key)
{
	const char *best = NULL;
	size_t least = strlen(key) / 3 + 1;

	for (const struct schema_key *k = parent->child; k; k = k->next) {
		size_t d = !strcasecmp(k->name, key) ? 0 : distance(key, k->name);

		if (d < least || (d == least && !best)) {
			least = d;
			best = k->name;
		}
	}
	return best;
}

const char *schema_type_name(const struct schema_key *k)
{
	static const char *const names[] = {
		"a text",          "true or false",       "a whole number", "a size such as 4GiB", "an IP address",
		"a digest such as sha256:...", "two port numbers [first, last]", "a list",         "a map",
		"anything",
	};

	return names[k->type];
}

const char *schema_next_word(const char *words, size_t *len)
{
	if (!*words)
		return NULL;
	*len = strcspn(words, "|");
	return words + *len + (words[*len] == '|');
}

bool schema_has_value(const struct schema_key *k, const char *word)
{
	size_t len;

	for (const char *w = k->values, *next; w && (next = schema_next_word(w, &len)); w = next)
		if (strlen(word) == len && !strncmp(w, word, len))
			return true;
	return !k->values;
}
