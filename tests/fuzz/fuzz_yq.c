/* uses: render instance limactl */
/* Fuzzes how an expression of yq is cut before libjq gets its parts: at assignments of styles, and for eval-all. The input is the
 * expression. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "limactl/yq_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void for_all(const char *text)
{
	static const struct yq_origin origin[] = { { "a \"b\".yaml", 0, 0 }, { "-", 1, 0 }, { "-", 1, 1 } };
	char *masked = yq_all_masked(text);

	if (strlen(masked) != strlen(text))
		abort();
	free(masked);
	for (size_t k = 0; k <= 3; k++) {
		struct buf out = { 0 };
		struct err e = { 0 };

		if (yq_all(text, origin, k, &out, &e) < 0 && !e.code)
			abort();
		buf_free(&out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = xstrndup((const char *)data, n);
	struct yq_plan plan = { 0 };
	struct err e = { 0 };

	if (yq_plan(text, &plan, &e) < 0 && !e.code)
		abort();
	for (size_t i = 0; i < plan.n; i++)
		for_all(plan.v[i].expression);
	yq_plan_free(&plan);
	for_all(text);
	yq_has_path(text);
	free(text);
	return 0;
}
