/* uses: render */
/* Fuzzes what surrounds libjq: the translation of an expression, and putting a result (JSON) into a document (YAML).
 * The input is a YAML text, a line "%%", and JSON; all of it is taken as an expression too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "render/expr_jv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int value_of(void *arg, const char *op, const char *argument, struct buf *out, struct err *e)
{
	(void)arg;
	(void)e;
	buf_addf(out, "\"%zu\"", strlen(op) + (argument ? strlen(argument) : 0));
	return 0;
}

static void translate(const char *text)
{
	const struct expr_reach reach = {value_of, NULL};
	struct err e = {0};
	struct buf out = {0};

	expr_words(text, NULL, &out, &e);
	expr_words(text, &reach, &out, &e);
	expr_refuse(buf_str(&out), &e);
	expr_translate(text, false, &out);
	expr_translate(text, true, &out);
	buf_free(&out);
}

/* The document after the patch has the content of the value, wherever comments and styles came from. */
static void patch(const struct node *doc, jv value)
{
	struct err e = {0};
	struct node *result = expr_patch(doc, jv_copy(value), &e);
	jv back;

	if (result) {
		back = expr_to_jv(result);
		if (!jv_equal(back, jv_copy(value)))
			abort();
		node_free(result);
	} else if (!e.code) {
		abort();
	}
	jv_free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = xstrndup((const char *)data, n), *middle;
	struct err e = {0};
	struct node *doc, *value; /* the JSON is read as YAML: libjq 1.6 leaks when it is broken */

	translate(text);
	middle = strstr(text, "\n%%\n");
	if (middle) {
		*middle = '\0';
		doc = tree_parse(text, strlen(text), "doc", &e);
		value = tree_parse(middle + 4, strlen(middle + 4), "value", &e);
		if (doc && value)
			patch(doc, expr_to_jv(value));
		node_free(doc);
		node_free(value);
	}
	free(text);
	return 0;
}
