/* print - see print.h. */
#include "print.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tree_text.h"
#include "utf8.h"

#define INDENT 4
#define GAP 4
/* Of keys, texts, numbers, and truth values and null. */
#define KEY_COLOUR "\033[36m"
#define TEXT_COLOUR "\033[32m"
#define NUMBER_COLOUR "\033[33m"
#define WORD_COLOUR "\033[35m"
#define COMMENT_COLOUR "\033[90m"
#define NO_COLOUR "\033[0m"

bool print_for_people(void)
{
	const char *forced = getenv("_LIMA_OUTPUT_IS_TTY");

	return (forced && *forced) || isatty(STDOUT_FILENO) == 1;
}

bool print_colours(void)
{
	const char *no = getenv("NO_COLOR");

	return print_for_people() && !(no && *no);
}

/* --- JSON --- */

struct json {
	struct buf *out;
	bool pretty, colours;
};

static void paint(const struct json *j, const char *colour)
{
	if (j->colours)
		buf_adds(j->out, colour);
}

static void new_line(const struct json *j, unsigned depth)
{
	if (j->pretty)
		buf_addf(j->out, "\n%*s", (int)(depth * INDENT), "");
}

static void json_scalar(const struct json *j, const struct node *n)
{
	paint(j, n->type == NODE_STR ? TEXT_COLOUR : n->type == NODE_INT || n->type == NODE_FLOAT ? NUMBER_COLOUR : WORD_COLOUR);
	scalar_json(j->out, n);
	paint(j, NO_COLOUR);
}

static void json_node(const struct json *j, const struct node *n, unsigned depth)
{
	bool map = n->type == NODE_MAP;

	if (!map && n->type != NODE_SEQ) {
		json_scalar(j, n);
		return;
	}
	buf_addc(j->out, map ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		buf_adds(j->out, i ? "," : "");
		new_line(j, depth + 1);
		if (map) {
			paint(j, KEY_COLOUR);
			json_string(j->out, n->key[i]);
			paint(j, NO_COLOUR);
			buf_adds(j->out, j->pretty ? ": " : ":");
		}
		json_node(j, n->item[i], depth + 1);
	}
	if (n->n)
		new_line(j, depth);
	buf_addc(j->out, map ? '}' : ']');
}

void print_json(const struct node *n, bool pretty, bool colours, struct buf *out)
{
	json_node(&(struct json){ .out = out, .pretty = pretty, .colours = colours }, n, 0);
	buf_addc(out, '\n');
}

/* --- YAML --- */

/* The length of "  - key" at the front of a line, the colon not included; 0 when it has none. A quoted key counts too. */
static size_t key_length(const char *line, size_t n, size_t *start)
{
	size_t i = strspn(line, " -"), end;

	*start = i;
	end = i;
	if (end < n && line[end] == '"') {
		do
			end += line[end] == '\\' ? 2 : 1;
		while (end < n && line[end] != '"');
		end++;
	} else {
		end += strcspn(line + i, ":\n");
	}
	return end > i && end < n && line[end] == ':' && (end + 1 == n || line[end + 1] == ' ') ? end : 0;
}

/* Colours the keys of block style text. The lines of a block text ("key: |") are passed over: they are indented more than
 * the line that begins it. */
static void colour_yaml(const char *text, struct buf *out)
{
	size_t block = 0; /* indentation + 1 of the line that began a block text; 0: not in one */

	while (*text) {
		size_t n = strcspn(text, "\n"), indent = strspn(text, " "), start, key;

		if (block && n && indent < block)
			block = 0;
		key = block || text[indent] == '#' ? 0 : key_length(text, n, &start);
		if (!block && text[indent] == '#') {
			buf_addf(out, "%.*s" COMMENT_COLOUR "%.*s" NO_COLOUR, (int)indent, text, (int)(n - indent), text + indent);
		} else if (key) {
			const char *p = text + key + 1;

			buf_add(out, text, start);
			buf_adds(out, KEY_COLOUR);
			buf_add(out, text + start, key - start);
			buf_adds(out, NO_COLOUR);
			buf_add(out, text + key, n - key);
			if (p < text + n && (p[1] == '|' || p[1] == '>'))
				block = indent + 1;
		} else {
			buf_add(out, text, n);
		}
		text += n;
		if (*text == '\n')
			buf_addc(out, *text++);
	}
}

void print_yaml_text(const char *text, bool colours, struct buf *out)
{
	if (colours)
		colour_yaml(text, out);
	else
		buf_adds(out, text);
}

void print_yaml(const struct node *n, bool colours, struct buf *out)
{
	struct buf text = { 0 };

	tree_emit(n, &text);
	print_yaml_text(buf_str(&text), colours, out);
	buf_free(&text);
}

void print_result(const struct node *n, bool yaml, bool pretty, bool colours, struct buf *out)
{
	if (n->type == NODE_STR)
		buf_addf(out, "%s\n", n->str);
	else if (yaml)
		print_yaml(n, colours, out);
	else
		print_json(n, pretty, colours, out);
}

/* --- tables --- */

static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void print_table(const char *const *cell, size_t rows, size_t columns, struct buf *out)
{
	size_t *widest = xcalloc(columns, sizeof(*widest));

	for (size_t i = 0; i < rows * columns; i++)
		if (width(cell[i]) > widest[i % columns])
			widest[i % columns] = width(cell[i]);
	for (size_t i = 0; i < rows * columns; i++) {
		bool last = i % columns == columns - 1;

		buf_addf(out, "%s%*s", cell[i], last ? 0 : (int)(widest[i % columns] + GAP - width(cell[i])), "");
		buf_adds(out, last ? "\n" : "");
	}
	free(widest);
}

int print_width(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

char *print_home(const char *dir)
{
	const char *home = getenv("HOME");
	size_t n = home ? strlen(home) : 0;

	while (n > 1 && home[n - 1] == '/')
		n--;
	if (n > 1 && !strncmp(dir, home, n) && (dir[n] == '/' || !dir[n]))
		return xasprintf("~%s", dir + n);
	return xstrdup(dir);
}
