/* edit_value - the options that set one value at one place. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit_tree.h"
#include "num.h"

int edit_bool_value(const char *value, bool *ret, struct err *e)
{
	static const char *const yes[] = {"", "true", "True", "TRUE", "t", "T", "1"};
	static const char *const no[] = {"false", "False", "FALSE", "f", "F", "0"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!strcmp(value, yes[i])) {
			*ret = true;
			return 0;
		}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (!strcmp(value, no[i])) {
			*ret = false;
			return 0;
		}
	return err_set(e, EXIT_USAGE, "expected true or false");
}

int edit_misuse(struct err *e)
{
	e->code = EXIT_USAGE;
	return -1;
}

int edit_set_int(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	uint64_t n;

	if (num_parse(value, 0, INT_MAX, f->flag, &n, e) < 0)
		return edit_misuse(e);
	return edit_put(doc, f->keys, node_int((int64_t)n), e);
}

int edit_set_port(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	uint64_t n;

	if (num_parse(value, 0, 65535, f->flag, &n, e) < 0)
		return edit_misuse(e);
	return edit_put(doc, f->keys, node_int((int64_t)n), e);
}

/* "4", "0.5" are GiB; "512MiB" is a size as in lima.yaml. */
int edit_set_gib(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	bool plain = !value[strspn(value, "0123456789.")];
	char number[40];
	uint64_t bytes;
	char *text;
	int r;

	if (size_parse(value, f->flag, &bytes, e) < 0)
		return edit_misuse(e);
	if (!plain)
		return edit_put(doc, f->keys, node_str(value), e);
	scalar_float(strtod(value, NULL), number);
	text = xasprintf("%sGiB", number);
	r = size_parse(text, f->flag, &bytes, e) < 0 ? edit_misuse(e) : edit_put(doc, f->keys, node_str(text), e);
	free(text);
	return r;
}

int edit_set_bool(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	bool b;

	if (edit_bool_value(value, &b, e) < 0)
		return -1;
	return edit_put(doc, f->keys, node_bool(b), e);
}

int edit_set_string(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	return edit_put(doc, f->keys, node_str(value), e);
}

int edit_video(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	bool b;

	if (edit_bool_value(value, &b, e) < 0)
		return -1;
	return edit_put(doc, f->keys, node_str(b ? "default" : "none"), e);
}

int edit_rosetta(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	bool b;

	(void)f;
	if (edit_bool_value(value, &b, e) < 0 || edit_put(doc, ".vmOpts.vz.rosetta.enabled", node_bool(b), e) < 0)
		return -1;
	return edit_put(doc, ".vmOpts.vz.rosetta.binfmt", node_bool(b), e);
}

int edit_containerd(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	static const struct {
		const char *mode;
		bool user, system;
	} modes[] = {
	    {"user", true, false},	 {"system", false, true}, {"user+system", true, true},
	    {"system+user", true, true}, {"none", false, false},
	};

	(void)f;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(value, modes[i].mode))
			continue;
		if (edit_put(doc, ".containerd.user", node_bool(modes[i].user), e) < 0)
			return -1;
		return edit_put(doc, ".containerd.system", node_bool(modes[i].system), e);
	}
	return err_set(e, EXIT_USAGE, "expected user, system, user+system or none");
}
