/* message - the text that a template has for people once its machine is ready. */
#include "inspect.h"
#include "life.h"

char *life_message(const struct instance *in)
{
	struct inspection i;
	struct err ignored = { 0 };
	char *text;

	if (inspect_existing(in->name, &i, &ignored) < 0)
		return xstrdup("");
	text = xstrdup(tree_str(i.data, "", "message"));
	inspect_free(&i);
	return text;
}
