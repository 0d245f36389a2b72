/* uses: render */
/* Merging of templates: every file tests/data/merge/X.case is one row of the rules, with the text that must come out.
 */
#include <dirent.h>

#include "file.h"
#include "render/merge.h"
#include "tap.h"

#define DATA "tests/data/merge"

/* The text of the next section: from the line "=== NAME" at *p, which moves to the next one. NULL at the end. */
static char *section(char **p, char name[32])
{
	char *start, *next, *text;

	if (!*p || sscanf(*p, "=== %31s", name) != 1)
		return NULL;
	start = strchr(*p, '\n') + 1;
	next = strncmp(start, "=== ", 4) ? strstr(start, "\n=== ") : start - 1;
	text = next ? xstrndup(start, (size_t)(next + 1 - start)) : xstrdup(start);
	*p = next ? next + 1 : NULL;
	return text;
}

static struct node *parse(const char *text, const char *file)
{
	struct err e = {0};
	struct node *n = tree_parse(text, strlen(text), file, &e);

	if (!n)
		ok(0, "%s", e.msg);
	return n;
}

static void check_want(const char *file, struct node *t, const char *want)
{
	struct buf got = {0};
	struct err e = {0};
	struct node *again;

	if (!ok(merge_combine(t, &e) == 0, "%s: combined", file))
		printf("# %s\n", e.msg);
	tree_emit(t, &got);
	is_str(buf_str(&got), want, file);
	again = parse(buf_str(&got), file);
	ok(again && node_equal(again, t), "%s: reads back", file);
	node_free(again);
	buf_free(&got);
}

static void check_case(const char *file)
{
	struct buf all = {0};
	struct err e = {0};
	struct node *t = NULL;
	char *p, *text, name[32] = "";
	bool checked = false;

	if (!ok(file_read(file, 1 << 20, &all, &e) == 0, "%s is there", file))
		return;
	p = strstr(buf_str(&all), "=== ");
	while ((text = section(&p, name))) {
		struct node *n = strcmp(name, "want") ? parse(text, file) : NULL;

		if (!strcmp(name, "template")) {
			t = n;
		} else if (!strcmp(name, "base")) {
			ok(t && n && merge_into(t, n, &e) == 0, "%s: merged", file);
			node_free(n);
		} else if (t) {
			check_want(file, t, text);
			checked = true;
		}
		free(text);
	}
	ok(checked, "%s has an expectation", file);
	node_free(t);
	buf_free(&all);
}

static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_case(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".case");
}

static void test_too_large(void)
{
	struct node *t = node_new(NODE_MAP), *r = node_new(NODE_MAP), *list = node_new(NODE_SEQ);
	struct err e = {0};
	char key[16];

	for (int i = 0; i <= MERGE_ENTRIES_MAX; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_append(r, key, (struct pos){0}, node_int(i));
		seq_add(list, node_str(key));
	}
	is_num(merge_into(t, r, &e), -1, "a map with too many keys is refused");
	is_num(e.code, EXIT_BADDATA, "as bad data");
	ok(strstr(e.msg, "10001") && strstr(e.msg, "10000"), "with the numbers: %s", e.msg);
	node_free(t);
	node_free(r);
	t = node_new(NODE_MAP);
	map_set(t, "additionalDisks", list);
	is_num(merge_combine(t, &e), -1, "so is a list of too many disks");
	node_free(t);
}

int main(void)
{
	struct dirent **list = NULL;
	int n = scandir(DATA, &list, is_case, compare);

	ok(n >= 28, "there are cases in %s (%d)", DATA, n);
	for (int i = 0; i < n; i++) {
		char *path = path_join(DATA, list[i]->d_name);

		check_case(path);
		free(path);
		free(list[i]);
	}
	free(list);
	test_too_large();
	return done();
}
