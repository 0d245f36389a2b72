/* uses: render */
/* The YAML tree: what is parsed and printed means the same again, and printing is a fixed point. Then the text is resolved as a
 * lima.yaml, on a made-up machine; a result is a tree that survives printing too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/fake_resolve.h"
#include "file.h"
#include "tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_yaml(const struct node *a)
{
	struct buf text = { 0 }, again = { 0 }, json = { 0 };
	struct err e = { 0 };
	struct node *b;

	tree_emit(a, &text);
	tree_emit_json(a, true, &json);
	b = tree_parse(buf_str(&text), text.len, "emitted", &e);
	/* Printing may make a text longer than what is accepted. */
	if (!b && text.len <= TREE_TEXT_MAX) {
		fprintf(stderr, "%s\n%s\n", e.msg, buf_str(&text));
		abort();
	}
	if (b && !node_equal(a, b)) {
		fprintf(stderr, "not equal:\n%s\n", buf_str(&text));
		abort();
	}
	if (b)
		tree_emit(b, &again);
	if (b && (again.len != text.len || memcmp(buf_str(&again), buf_str(&text), text.len) != 0)) {
		fprintf(stderr, "not a fixed point:\n%s\n--\n%s\n", buf_str(&text), buf_str(&again));
		abort();
	}
	node_free(b);
	buf_free(&text);
	buf_free(&again);
	buf_free(&json);
}

static void check_resolve(const struct node *yaml)
{
	struct resolve_in in = { .dir = "/nonexistent/fuzz", .home = "/nonexistent", .yaml = yaml, .defaults = yaml,
				 .warnings = true, .host = &fake_machine };
	struct diag d = { 0 };
	struct node *doc = resolve(&in, &d);

	/* A base document without errors is resolved; one with errors gives nothing. */
	if (!doc != !!d.errors)
		abort();
	if (doc)
		check_yaml(doc);
	node_free(doc);
	free(fake_findings(&d, true));
	diag_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { 0 };
	struct node *root = tree_parse((const char *)data, n, "fuzz", &e);

	if (root) {
		check_yaml(root);
		check_resolve(root);
	}
	node_free(root);
	return 0;
}
