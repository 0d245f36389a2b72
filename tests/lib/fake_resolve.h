/* fake_resolve - resolving in tests: on a made-up machine, with the same results everywhere. */
#ifndef LIMA_FAKE_RESOLVE_H
#define LIMA_FAKE_RESOLVE_H

#include <string.h>

#include "render/resolve.h"

static const struct host fake_machine = {
	.user = "tester", .comment = "Test User", .home = "/home/tester", .uid = 501, .arch = "x86_64", .timezone = "Europe/Berlin",
	.cpus = 8, .memory = 8ull << 30, .machine_id = "0123456789abcdef0123456789abcdef", .tmpdir = "/tmp",
};

/* Three texts, each may be NULL. NULL when there are errors. */
static inline struct node *fake_resolve(const char *file, const char *d_text, const char *y_text, const char *o_text,
					struct resolve_in in, struct diag *d)
{
	const char *text[3] = { d_text, y_text, o_text };
	struct node *layer[3] = { NULL }, *doc = NULL;
	struct err e = { 0 };

	for (int i = 0; i < 3 && !e.code; i++)
		if (text[i])
			layer[i] = tree_parse(text[i], strlen(text[i]), i == 1 ? file : i ? "override.yaml" : "default.yaml", &e);
	if (e.code)
		diag_error(d, (struct pos){ 0 }, NULL, "%s", e.msg);
	in.defaults = layer[0];
	in.yaml = layer[1];
	in.overrides = layer[2];
	in.dir = in.dir ? in.dir : "/home/tester/.lima/test";
	in.home = in.home ? in.home : "/home/tester/.lima";
	in.host = in.host ? in.host : &fake_machine;
	if (!e.code)
		doc = resolve(&in, d);
	for (int i = 0; i < 3; i++)
		node_free(layer[i]);
	return doc;
}

/* All errors, or all warnings, one a line. */
static inline char *fake_findings(struct diag *d, bool warnings)
{
	struct buf out = { 0 };

	diag_sort(d);
	for (size_t i = 0; i < d->n; i++)
		if (d->item[i].warning == warnings) {
			diag_line(&d->item[i], &out);
			buf_addc(&out, '\n');
		}
	return buf_detach(&out);
}

#endif
