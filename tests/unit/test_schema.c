/* uses: render */
/* The table of keys, and what is made from it. */
#include "tap.h"

#include "fake_resolve.h"
#include "file.h"
#include "render/plan.h"
#include "render/schema.h"

static void finding(void)
{
	const struct schema_key *k = schema_find("mounts[2].9p.msize");

	is_str(k ? k->path : NULL, "mounts[].9p.msize", "a key of a list's items");
	k = schema_find("env.FOO");
	is_str(k ? k->path : NULL, "env.*", "any key");
	k = schema_find("vmOpts.qemu.cpuType.x86_64");
	is_str(k ? k->path : NULL, "vmOpts.qemu.cpuType.*", "any key, further down");
	k = schema_find("vmOpts.bhyve.x");
	ok(!k, "nothing beneath what is not looked into");
	ok(!schema_find("nope") && !schema_find("ssh.nope") && !schema_find("ssh[0]"), "no such key");
	is_str(schema_suggest(schema_root(), "memroy"), "memory", "swapped letters");
	is_str(schema_suggest(schema_root(), "portForward"), "portForwards", "a letter too few");
	is_str(schema_suggest(schema_root(), "CPUS"), "cpus", "another case");
	is_str(schema_suggest(schema_root(), "completely"), NULL, "nothing alike");
	is_str(schema_suggest(schema_find("ssh"), "localport"), "localPort", "in a map");
}

/* Every row has words, and its default is one of its values. */
static void rows(const struct schema_key *parent)
{
	for (const struct schema_key *k = parent->child; k; k = k->next) {
		bool item = !strcmp(k->name, "[]");

		if (!k->doc != item)
			ok(false, "%s: documentation for keys, none for items", k->path);
		if (k->doc && (k->doc[strlen(k->doc) - 1] == '.' || strchr(k->doc, '\n')))
			ok(false, "%s: one line without a full stop", k->path);
		if (k->values && k->fallback && *k->fallback != '(' && strcmp(k->fallback, "\"\"") != 0)
			ok(schema_has_value(k, k->fallback), "%s: its default %s is accepted", k->path, k->fallback);
		if (k->type == T_BOOL && k->fallback && *k->fallback != '(')
			ok(!strcmp(k->fallback, "true") || !strcmp(k->fallback, "false"), "%s: a truth value", k->path);
		if (schema_find(k->path) != k)
			ok(false, "%s: is found by its path", k->path);
		if (k->type == T_LIST && !k->child)
			ok(false, "%s: a list has items", k->path);
		rows(k);
	}
}

static void json(void)
{
	struct buf out = { 0 };
	struct err e = { 0 };
	struct node *n;

	schema_json(&out);
	n = tree_parse(buf_str(&out), out.len, "schema.json", &e);
	ok(n != NULL, "the JSON schema is JSON");
	is_str(tree_str(n, "", "properties.cpus.anyOf[0].type"), "integer", "a number");
	is_num(tree_int(n, 0, "properties.cpus.anyOf[0].maximum"), 4096, "... with its limit");
	is_str(tree_str(n, "", "properties.mounts.anyOf[0].items.anyOf[0].properties.9p.anyOf[0].properties.cache.anyOf[0].enum[3]"),
	       "mmap", "words, in items");
	is_num(tree_get(n, "properties")->n, 42, "all top-level keys");
	ok(!tree_bool(n, true, "additionalProperties"), "and no others");
	node_free(n);
	buf_free(&out);
}

#define MAN_PAGE "tools/man/lima.yaml.5"

/* Puts the keys between the two comments of the page. */
static void update(const char *page, const char *keys)
{
	const char *begin = strstr(page, "tools/render/schema_print.c.\n"), *end = strstr(page, ".\\\" End of what");
	FILE *f = begin && end ? fopen(MAN_PAGE, "w") : NULL;

	if (f) {
		fprintf(f, "%.*s\n%s%s", (int)(strchr(begin, '\n') - page), page, keys, end);
		fclose(f);
	}
}

/* lima.yaml.5 holds the text that the table gives. With UPDATE=1 in the environment it is written there. */
static void man_page(void)
{
	struct buf page = { 0 }, keys = { 0 };
	struct err e = { 0 };

	schema_mdoc(&keys);
	ok(file_read(MAN_PAGE, 1 << 20, &page, &e) == 0, "the man page can be read");
	if (getenv("UPDATE"))
		update(buf_str(&page), buf_str(&keys));
	ok(strstr(buf_str(&page), buf_str(&keys)) != NULL, MAN_PAGE " is up to date (UPDATE=1 %s writes it)", "test_schema");
	buf_free(&page);
	buf_free(&keys);
}

static void plans(void)
{
	static const char before[] = "images: [{location: /a}]\ncpus: 2\nenv: {A: b}\ndisk: 20GiB\nmounts: []\n";
	static const char after[] = "images: [{location: /b}]\ncpus: 4\nenv: {A: c, D: e}\ndisk: 10GiB\nmounts: [{location: /srv}]\n"
				    "message: hi\n";
	struct diag d = { 0 };
	struct node *a = fake_resolve("a", NULL, before, NULL, (struct resolve_in){ 0 }, &d);
	struct node *b = fake_resolve("b", NULL, after, NULL, (struct resolve_in){ 0 }, &d);
	struct buf out = { 0 };
	enum change_class worst = CHANGE_DISK;

	is_num(plan_diff(a, a, &out, &worst), 0, "nothing differs");
	ok(worst == CHANGE_NOOP && !out.len, "and nothing is said");
	is_num(plan_diff(a, b, &out, &worst), 7, "what differs");
	is_str(buf_str(&out),
	       "images[0].location: \"/a\" -> \"/b\" (new-disk)\n"
	       "cpus: 2 -> 4 (restart)\n"
	       "disk: \"20GiB\" -> \"10GiB\" (new-disk)\n"
	       "mounts: [] -> [{\"location\":\"/srv\",\"mountPoint\":\"/srv\",\"writable\":false,\"ss... (recreate-cidata)\n"
	       "message: \"\" -> \"hi\" (live)\n"
	       "env.A: \"b\" -> \"c\" (recreate-cidata)\n"
	       "env.D: (unset) -> \"e\" (recreate-cidata)\n",
	       "the plan");
	is_str(change_name(worst), "new-disk", "the worst");
	buf_free(&out);
	plan_diff(b, a, &out, NULL);
	ok(strstr(buf_str(&out), "disk: \"10GiB\" -> \"20GiB\" (restart)\n") != NULL, "a disk can grow");
	buf_free(&out);
	node_free(a);
	node_free(b);
	diag_free(&d);
}

int main(void)
{
	finding();
	rows(schema_root());
	json();
	man_page();
	plans();
	return done();
}
