/* uses: render */
/* Fuzzes merging: two YAML texts with a line "%%" between them. What comes out must print, and read back the same.
 * */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "render/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct node *t)
{
	struct buf text = {0};
	struct err e = {0};
	struct node *again;

	tree_emit(t, &text);
	again = tree_parse(buf_str(&text), text.len, "again", &e);
	/* Two documents below the limits may be beyond one together. */
	if (again ? !node_equal(again, t) : text.len <= TREE_TEXT_MAX / 4) {
		fprintf(stderr, "%s\n%s\n", e.msg, buf_str(&text));
		abort();
	}
	node_free(again);
	buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = xstrndup((const char *)data, n), *middle = strstr(text, "\n%%\n");
	struct err e = {0};
	struct node *t, *r;

	if (middle)
		*middle = '\0';
	t = tree_parse(text, strlen(text), "t", &e);
	r = middle ? tree_parse(middle + 4, strlen(middle + 4), "r", &e) : node_new(NODE_MAP);
	if (t && r && t->type == NODE_MAP && merge_into(t, r, &e) == 0 && merge_combine(t, &e) == 0)
		check(t);
	node_free(t);
	node_free(r);
	free(text);
	return 0;
}
