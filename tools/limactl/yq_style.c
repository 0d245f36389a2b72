/* yq_style - assignments of styles, `PATH style="double"`: how a value is written is nothing that libjq knows, so an expression is cut
 * at its outer pipes into parts that it can have, and assignments of styles, which are done on the tree. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tree_text.h"
#include "yq_parts.h"

static const struct {
	const char *name;
	char style;
} styles[] = { { "", 0 }, { "double", '"' }, { "single", '\'' }, { "literal", '|' }, { "folded", '>' }, { "flow", '[' } };

static int find_style(const char *name, struct err *e)
{
	for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++)
		if (!strcmp(name, styles[i].name))
			return (int)i;
	if (!strcmp(name, "tagged"))
		return err_set(e, EXIT_NO, "the style tagged is not supported by the yq of limactl");
	return err_set(e, EXIT_NO, "unknown style %s", name);
}

/* --- cutting --- */

const char *yq_skip(const char *p, const char *end)
{
	int depth = 0;

	do {
		if (*p == '"')
			for (p++; p < end && *p != '"'; p++)
				p += *p == '\\' && p + 1 < end;
		else if (*p == '#')
			while (p + 1 < end && p[1] != '\n')
				p++;
		else if (strchr("([{", *p))
			depth++;
		else if (strchr(")]}", *p))
			depth--;
		p++;
	} while (p < end && depth > 0);
	return p < end ? p : end;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char)*p))
		p++;
	return p;
}

/* The "style" in `PATH style = "NAME"`; NULL when the part is nothing of that kind. The name is put into *name, for free(). */
static const char *assignment(const char *from, const char *end, char **name)
{
	for (const char *p = from; p < end; p = yq_skip(p, end)) {
		const char *equal, *quote, *close;

		if (end - p < 6 || strncmp(p, "style", 5) != 0 || (p > from && (isalnum((unsigned char)p[-1]) || strchr("._$", p[-1]))))
			continue;
		equal = skip_blanks(p + 5, end);
		quote = equal < end && *equal == '=' ? skip_blanks(equal + 1, end) : end;
		if (quote == end || *quote != '"')
			continue;
		close = yq_skip(quote, end);
		if (close - quote < 2 || close[-1] != '"' || skip_blanks(close, end) != end)
			continue;
		*name = xstrndup(quote + 1, (size_t)(close - quote) - 2);
		return p;
	}
	return NULL;
}

static struct yq_part *add_part(struct yq_plan *plan, char *expression, int style)
{
	plan->v = xrealloc(plan->v, (plan->n + 1) * sizeof(*plan->v));
	plan->v[plan->n] = (struct yq_part){ expression, style };
	return &plan->v[plan->n++];
}

/* Parts between the outer pipes of the text from..end are one expression; blanks in front keep the places that messages tell. */
static void add_expression(struct yq_plan *plan, const char *text, const char *from, const char *end)
{
	if (skip_blanks(from, end) < end)
		add_part(plan, xasprintf("%*s%.*s", (int)(from - text), "", (int)(end - from), from), YQ_NO_STYLE);
}

static int add_assignment(struct yq_plan *plan, const char *from, const char *word, const char *name, struct err *e)
{
	int style = find_style(name, e);
	const char *path = skip_blanks(from, word);

	if (style >= 0)
		add_part(plan, xasprintf("path(%.*s)", path < word ? (int)(word - path) : 1, path < word ? path : "."), style);
	return style < 0 ? -1 : 0;
}

int yq_plan(const char *text, struct yq_plan *plan, struct err *e)
{
	const char *end = text + strlen(text), *waiting = text, *part = text;
	int r = 0;

	for (const char *p = text; r == 0 && p <= end; p = p < end ? yq_skip(p, end) : end + 1) {
		char *name = NULL;
		const char *word;

		if (p < end && (*p != '|' || p[1] == '='))
			continue;
		word = assignment(part, p, &name);
		if (word) {
			/* The pipe before it is nobody's. */
			add_expression(plan, text, waiting, part > waiting ? part - 1 : part);
			r = add_assignment(plan, part, word, name, e);
			waiting = p < end ? p + 1 : end;
		}
		free(name);
		part = p + 1;
	}
	add_expression(plan, text, waiting, end);
	return r;
}

void yq_plan_free(struct yq_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->v[i].expression);
	free(plan->v);
	*plan = (struct yq_plan){ 0 };
}

/* --- doing it --- */

static struct node *at(struct node *n, const struct node *path)
{
	for (size_t i = 0; n && i < path->n; i++) {
		const struct node *step = path->item[i];

		if (step->type == NODE_STR)
			n = map_get(n, step->str);
		else if (step->type == NODE_INT && n->type == NODE_SEQ && step->i >= 0 && (size_t)step->i < n->n)
			n = n->item[step->i];
		else
			n = NULL;
	}
	return n;
}

/* A style is one of texts: a number in quotes is written as its text. */
static void make_text(struct node *n)
{
	struct buf text = { 0 };

	scalar_inline(&text, n, false);
	free(n->str);
	n->str = buf_detach(&text);
	n->type = NODE_STR;
}

void yq_set_style(struct node *doc, const struct node *path, int style)
{
	struct node *n = at(doc, path);
	char mark = styles[style].style;

	if (!n)
		return;
	if (n->type == NODE_MAP || n->type == NODE_SEQ) {
		if (mark == '[' || mark == 0)
			n->style = mark == 0 ? 0 : n->type == NODE_MAP ? '{' : '[';
		return;
	}
	if (mark == '[')
		return;
	if (mark && n->type != NODE_STR)
		make_text(n);
	if (n->type == NODE_STR)
		n->style = mark ? mark : strchr(n->str, '\n') ? '|' : 0;
}
