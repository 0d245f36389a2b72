/* tree_comments - see tree_comments.h. libyaml tells only where each event begins and ends, in characters. */
#include "tree_comments.h"

#include <stdlib.h>
#include <string.h>

/* The byte offset of a character; these only grow. */
static size_t byte_of(struct comments *c, size_t index)
{
	for (; c->index < index && c->at < c->n; c->index++) {
		c->at++;
		while (c->at < c->n && ((unsigned char)c->text[c->at] & 0xc0) == 0x80)
			c->at++;
	}
	return c->at;
}

static void add_line(struct comments *c, size_t col, const char *text, size_t len)
{
	if ((c->nline & (c->nline - 1)) == 0)
		c->line = xrealloc(c->line, (c->nline ? 2 * c->nline : 4) * sizeof(*c->line));
	c->line[c->nline++] = (struct comment_line){ (unsigned)col, text, len };
}

/* A comment behind something, with the blanks before it. */
static void same_line(struct comments *c, struct node *owner, const char *text, size_t len)
{
	char **slot = owner ? &owner->line_comment : &c->next_line_comment;
	size_t blanks = 0;

	while (text - blanks > c->text && text[-1 - (ptrdiff_t)blanks] == ' ')
		blanks++;
	if (*slot)
		add_line(c, 0, text, len);
	else
		*slot = xstrndup(text - blanks, len + blanks);
}

/* Bytes up to the end of the line, without blanks there. */
static size_t rest_of_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	size_t len = (size_t)((nl ? nl : end) - p);

	while (len && strchr(" \t\r", p[len - 1]))
		len--;
	return len;
}

/* The comment in the line from `p` to `eol`, or NULL. */
static const char *find_comment(const char *p, const char *eol)
{
	for (const char *q = p; q < eol; q++)
		if (*q == '#' && (q == p || q[-1] == ' ' || q[-1] == '\t'))
			return q;
	return NULL;
}

static void scan_gap(struct comments *c, size_t from, size_t to)
{
	const char *p = c->text + from, *end = c->text + to;
	bool behind_content = from > 0 && c->text[from - 1] != '\n';

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *eol = nl ? nl : end, *hash = find_comment(p, eol);

		if (hash && behind_content)
			same_line(c, c->behind, hash, rest_of_line(hash, eol));
		else if (hash)
			add_line(c, (size_t)(hash - p), hash, rest_of_line(hash, eol));
		else if (nl && !behind_content && rest_of_line(p, eol) == 0 && (from > 0 || c->nline))
			add_line(c, 0, p, 0);
		behind_content = false;
		if (!nl)
			break;
		p = nl + 1;
	}
}

/* Where the tag and the anchor before a collection end, and its bracket when it is in flow style. */
static size_t properties_end(const char *t, size_t start, size_t end)
{
	size_t p = start, next = start;

	while (next < end && strchr("!&", t[next])) {
		for (p = next; p < end && !strchr(" \t\r\n", t[p]); p++)
			;
		for (next = p; next < end && strchr(" \t", t[next]); next++)
			;
	}
	return next < end && strchr("[{", t[next]) ? next + 1 : p;
}

/* Whether a text ends with a line of blanks, which looks like an empty line. */
static bool blank_end(const char *s, size_t n)
{
	n -= n && s[n - 1] == '\n';
	return n && strchr(" \t\n", s[n - 1]);
}

/* Block scalars: the comment on their first line is for the node to come; blank lines behind them are theirs only
 * when they keep them ("|+"). */
static size_t block_end(struct comments *c, const yaml_event_t *event, size_t start, size_t end)
{
	bool literal = event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE;
	const char *t = c->text, *eol = memchr(t + start, '\n', end - start);
	const char *header_end = eol ? eol : t + end, *hash = find_comment(t + start, header_end);
	const char *mark = memchr(t + start, literal ? '|' : '>', (size_t)((hash ? hash : header_end) - t) - start);

	if (hash)
		same_line(c, NULL, hash, rest_of_line(hash, header_end));
	if (mark && memchr(mark, '+', (size_t)((hash ? hash : header_end) - mark)))
		return end;
	if (blank_end((const char *)event->data.scalar.value, event->data.scalar.length))
		return end;
	while (end > start && strchr(" \t\r\n", t[end - 1]))
		end--;
	while (end < c->n && t[end] != '\n')
		end++;
	return end;
}

void comments_content(struct comments *c, const yaml_event_t *event)
{
	size_t start = byte_of(c, event->start_mark.index), end = byte_of(c, event->end_mark.index);

	if (start > c->gap)
		scan_gap(c, c->gap, start);
	if (event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT)
		end = properties_end(c->text, start, end);
	else if (event->type == YAML_SCALAR_EVENT && (event->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
						       event->data.scalar.style == YAML_FOLDED_SCALAR_STYLE))
		end = block_end(c, event, start, end);
	if (end > c->gap)
		c->gap = end;
	if (event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT)
		c->behind = NULL;
}

/* The waiting lines from..to as one text. */
static char *join(const struct comments *c, size_t from, size_t to)
{
	struct buf b = { 0 };

	for (size_t i = from; i < to; i++) {
		if (i > from)
			buf_addc(&b, '\n');
		buf_add(&b, c->line[i].text, c->line[i].len);
	}
	return buf_detach(&b);
}

static void drop_lines(struct comments *c, size_t n)
{
	c->nline -= n;
	memmove(c->line, c->line + n, c->nline * sizeof(*c->line));
}

char *comments_head(struct comments *c)
{
	char *head = c->nline ? join(c, 0, c->nline) : NULL;

	c->nline = 0;
	return head;
}

void comments_node(struct comments *c, struct node *n, bool inline_value)
{
	if (c->next_line_comment) {
		free(n->line_comment);
		n->line_comment = c->next_line_comment;
		c->next_line_comment = NULL;
	}
	c->behind = n;
	while (inline_value && c->nline && !c->line[0].len)
		drop_lines(c, 1);
	if (inline_value && c->nline) {
		char *more = comments_head(c), *old = n->head;

		n->head = old ? xasprintf("%s\n%s", old, more) : more;
		if (old) {
			free(old);
			free(more);
		}
	}
}

static void take_foot(struct comments *c, struct node *n, size_t lines)
{
	if (!lines)
		return;
	free(n->foot);
	n->foot = join(c, 0, lines);
	drop_lines(c, lines);
}

void comments_foot(struct comments *c, struct node *n, unsigned col, unsigned next)
{
	size_t lines = 0;

	for (size_t i = 0; col > next && i < c->nline; i++) {
		if (c->line[i].len && c->line[i].col < col)
			break;
		if (c->line[i].len)
			lines = i + 1;
	}
	take_foot(c, n, lines);
}

void comments_root_head(struct comments *c, struct node *root)
{
	size_t split = c->nline;

	while (split && c->line[split - 1].len)
		split--;
	if (!split)
		return;
	root->head = join(c, 0, split);
	drop_lines(c, split);
}

void comments_root_foot(struct comments *c, struct node *root)
{
	size_t lines = c->nline;

	while (lines && !c->line[lines - 1].len)
		lines--;
	take_foot(c, root, lines);
}

void comments_free(struct comments *c)
{
	free(c->line);
	free(c->next_line_comment);
}
