/* out_ca - the certificates that the guest is to trust: caCerts.files and caCerts.certs, as one list of lines. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "out.h"
#include "out_parts.h"
#include "out_text.h"

/* Appends the lines of one PEM text without blanks around them and without empty ones. They go into YAML block text and
 * to line parsers, so only printable ASCII may pass, which is what PEM has. */
static bool add_lines(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!text[i] || (!strchr(" \t\r\n", text[i]) && (text[i] < 0x20 || text[i] > 0x7e)))
			return false;
	while (*text) {
		size_t line = strcspn(text, "\n"), from = strspn(text, " \t\r\n"), to = line;

		while (to > from && strchr(" \t\r", text[to - 1]))
			to--;
		if (from < to) {
			buf_add(out, text + from, to - from);
			buf_addc(out, '\n');
		}
		text += line + (text[line] == '\n');
	}
	return true;
}

static void add_file(struct out *o, struct buf *out, const struct node *n, const char *key)
{
	const char *home = getenv("HOME"), *name = n->str ? n->str : "";
	char *path = !strncmp(name, "~/", 2) && home ? path_join(home, name + 2) : xstrdup(name);
	struct err e = { 0 };
	struct buf text = { 0 };

	if (file_read(path, TEXT_FILE_MAX, &text, &e) < 0)
		diag_error(o->diag, n->pos, key, "%s", e.msg);
	else if (!add_lines(out, buf_str(&text), text.len))
		diag_error(o->diag, n->pos, key, "%s is not PEM text", path);
	buf_free(&text);
	free(path);
}

void out_ca_certs(struct out *o)
{
	const struct node *files = tree_seq(o->doc, "caCerts.files"), *certs = tree_seq(o->doc, "caCerts.certs");
	struct buf out = { 0 };

	for (size_t i = 0; files && i < files->n; i++) {
		char *key = xasprintf("caCerts.files[%zu]", i);

		add_file(o, &out, files->item[i], key);
		free(key);
	}
	for (size_t i = 0; certs && i < certs->n; i++) {
		const char *text = certs->item[i]->str ? certs->item[i]->str : "";
		char *key = xasprintf("caCerts.certs[%zu]", i);

		if (!add_lines(&out, text, strlen(text)))
			diag_error(o->diag, certs->item[i]->pos, key, "this is not PEM text");
		free(key);
	}
	o->ca_certs = buf_detach(&out);
}
