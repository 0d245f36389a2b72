/* uses: render */
/* Every key of lima.yaml: its default, a value of its own, and that a value of another type is refused. The table is
 * tests/data/spec-fields.tsv; a key of the schema that is not in it is a failure, and so is one that the schema lacks. */
#include "tap.h"

#include "fake_resolve.h"
#include "file.h"
#include "render/schema.h"

#define TABLE "tests/data/spec-fields.tsv"
#define COLUMNS 5

static char *keys[400];
static size_t n_keys;

/* "mounts[].9p.msize" -> "mounts[0].9p.msize" */
static char *first_entry(const char *key)
{
	struct buf b = { 0 };

	for (const char *p = key; *p; p++) {
		buf_addc(&b, *p);
		if (*p == '[')
			buf_addc(&b, '0');
	}
	return buf_detach(&b);
}

/* The inside of a flow map as a document with images. */
static char *document(const char *inside)
{
	bool none = !strcmp(inside, "-");

	if (strstr(inside, "images: [{") == inside)
		return xasprintf("{%s}\n", inside);
	return xasprintf("{images: [{location: /x.img}]%s%s}\n", none ? "" : ", ", none ? "" : inside);
}

static void has_value(const char *key, const char *inside, const char *want)
{
	char *text = document(inside), *path = first_entry(key), *errors;
	struct diag d = { 0 };
	struct node *doc = fake_resolve("y.yaml", NULL, text, NULL, (struct resolve_in){ 0 }, &d);
	const struct node *n = doc ? tree_get(doc, path) : NULL;
	struct buf got = { 0 };

	errors = fake_findings(&d, false);
	if (n)
		tree_emit_json(n, false, &got);
	if (!ok(doc && !strcmp(n ? buf_str(&got) : "-", want), "%s: {%s} gives %s", key, inside, want))
		printf("# got %s\n# %s\n", n ? buf_str(&got) : "-", errors);
	node_free(doc);
	diag_free(&d);
	buf_free(&got);
	free(errors);
	free(path);
	free(text);
}

/* A list where there must be a scalar or a map, a map where there must be a list. */
static void refuses_type(const char *key, const char *inside)
{
	const struct schema_key *k = schema_find(key);
	char *text = document(inside), *path = first_entry(key), *cut = strrchr(path, '.'), *errors;
	struct err e = { 0 };
	struct diag d = { 0 };
	struct node *y = tree_parse(text, strlen(text), "y.yaml", &e), *parent = y, *doc;
	struct buf wrong = { 0 };

	if (cut) {
		*cut = 0;
		parent = (struct node *)tree_get(y, path);
	}
	if (!ok(parent != NULL, "%s is in %s", key, text))
		return;
	map_set(parent, cut ? cut + 1 : path, node_new(k->type == T_LIST || k->type == T_RANGE ? NODE_MAP : NODE_SEQ));
	tree_emit(y, &wrong);
	doc = fake_resolve("y.yaml", NULL, buf_str(&wrong), NULL, (struct resolve_in){ 0 }, &d);
	if (cut)
		*cut = '.';
	errors = fake_findings(&d, false);
	free(text);
	text = xasprintf("%s: must be ", path);
	ok(!doc && strstr(errors, text), "%s refuses another type: %s", key, errors);
	free(errors);
	free(text);
	free(path);
	node_free(y);
	node_free(doc);
	buf_free(&wrong);
	diag_free(&d);
}

static void check_row(char *line)
{
	char *column[COLUMNS] = { NULL }, *save = NULL;
	size_t n = 0;

	for (char *c = strtok_r(line, "\t", &save); c && n < COLUMNS; c = strtok_r(NULL, "\t", &save))
		column[n++] = c;
	keys[n_keys++] = column[0];
	if (!ok(schema_find(column[0]) != NULL, "%s is a key", column[0]))
		return;
	if (n == 3 && !strcmp(column[1], "see")) {
		const char *last = strrchr(column[0], '.') ? strrchr(column[0], '.') + 1 : column[0];
		struct buf b = { 0 };
		struct err e = { 0 };

		ok(file_read(column[2], 1 << 20, &b, &e) == 0 && strstr(buf_str(&b), last), "%s names %s", column[2], last);
		buf_free(&b);
		return;
	}
	if (!ok(n == COLUMNS, "%s: %d columns", column[0], COLUMNS))
		return;
	has_value(column[0], column[1], column[2]);
	has_value(column[0], column[3], column[4]);
	/* That the two differ is what makes the row a test; some keys have one good value only, or must be given. */
	ok(strcmp(column[1], column[3]), "%s: two documents", column[0]);
	if (schema_find(column[0])->type != T_ANY)
		refuses_type(column[0], column[3]);
}

static bool listed(const char *path)
{
	for (size_t i = 0; i < n_keys; i++)
		if (!strcmp(keys[i], path))
			return true;
	return false;
}

/* Entries ("[]") and free keys ("*") are tested with the list or map that they are of. */
static void check_complete(const struct schema_key *parent)
{
	for (const struct schema_key *k = parent->child; k; k = k->next) {
		if (strcmp(k->name, "[]") && strcmp(k->name, "*"))
			ok(listed(k->path), "%s is in " TABLE, k->path);
		check_complete(k);
	}
}

int main(void)
{
	struct buf all = { 0 };
	struct err e = { 0 };
	char *save = NULL;

	if (!ok(file_read(TABLE, 1 << 20, &all, &e) == 0, TABLE " is there"))
		return done();
	for (char *l = strtok_r((char *)buf_str(&all), "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (*l != '#')
			check_row(l);
	check_complete(schema_root());
	buf_free(&all);
	return done();
}
