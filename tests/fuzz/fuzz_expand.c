/* uses: render */
/* Fuzzes the template language. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "render/expand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct node *variables(void)
{
	static const char yaml[] =
	    "Name: foo\nUID: 1000\nYes: true\nF: 1.5\nParam: {a: x, b: ''}\nList: [one, 2, [3]]\n"
	    "C: {'*': null}\n";
	struct err e = {0};
	struct node *n = tree_parse(yaml, strlen(yaml), "vars", &e);

	if (!n)
		abort();
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct node *vars;
	char *text = xstrndup((const char *)data, n);
	struct buf out = {0};
	struct err e = {0};
	int r;

	if (!vars)
		vars = variables();
	buf_adds(&out, "kept");
	r = expand_text(text, vars, &out, &e);
	if (r < 0 && (e.code != EXIT_BADDATA || strcmp(buf_str(&out), "kept")))
		abort(); /* an error leaves the output alone */
	if (r == 0 && (strncmp(buf_str(&out), "kept", 4) || (!strstr(text, "{{") && strcmp(buf_str(&out) + 4, text))))
		abort(); /* text without actions is copied */
	buf_free(&out);
	free(text);
	return 0;
}
