/* flags - see flags.h. */
#include "flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct flags {
	const struct flag_spec *const *tables;
	struct flag_value *v;
	size_t n;
};

/* A command line on its way; `used` says that the flag's value was the next word. */
struct word {
	const char *text, *next;
	bool used;
};

static const struct flag_spec *const no_tables[] = { NULL };

struct flags *flags_new(const struct flag_spec *const *tables)
{
	struct flags *f = xcalloc(1, sizeof(*f));
	struct err e = { 0 };

	f->tables = tables ? tables : no_tables;
	for (size_t t = 0; f->tables[t]; t++)
		for (const struct flag_spec *s = f->tables[t]; s->name; s++) {
			struct flag_value v = { .spec = s };

			if (flags_find(f, s->name, strlen(s->name)))
				continue;
			if (s->value && flag_set(&v, s->value, &e) < 0)
				abort();
			v.given = false;
			f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
			f->v[f->n++] = v;
		}
	return f;
}

void flags_free(struct flags *f)
{
	for (size_t i = 0; f && i < f->n; i++) {
		free(f->v[i].text);
		strv_free(&f->v[i].list);
	}
	if (f)
		free(f->v);
	free(f);
}

const struct flag_spec *const *flags_tables(const struct flags *f)
{
	return f->tables;
}

static struct flag_value *find(const struct flags *f, const char *name, size_t n)
{
	for (size_t i = 0; i < f->n; i++)
		if (strlen(f->v[i].spec->name) == n && !memcmp(f->v[i].spec->name, name, n))
			return &f->v[i];
	return NULL;
}

const struct flag_spec *flags_find(const struct flags *f, const char *name, size_t n)
{
	const struct flag_value *v = find(f, name, n);

	return v ? v->spec : NULL;
}

const struct flag_spec *flags_letter(const struct flags *f, char letter)
{
	for (size_t i = 0; letter && i < f->n; i++)
		if (f->v[i].spec->letter == letter)
			return f->v[i].spec;
	return NULL;
}

/* --- parsing --- */

static int set(struct flag_value *v, const char *text, struct err *e)
{
	const struct flag_spec *s = v->spec;
	struct err why = { 0 };
	char name[80];

	if (flag_set(v, text, &why) == 0)
		return 0;
	if (s->letter)
		snprintf(name, sizeof(name), "-%c, --%s", s->letter, s->name);
	else
		snprintf(name, sizeof(name), "--%s", s->name);
	return err_set(e, EXIT_NO, "invalid argument %s for \"%s\" flag: %s", qq(text), name, why.msg);
}

static int parse_long(struct flags *f, struct word *w, struct err *e)
{
	const char *name = w->text + 2;
	size_t n = strcspn(name, "=");
	struct flag_value *v = find(f, name, n);

	if (n == 0 || *name == '-')
		return err_set(e, EXIT_NO, "bad flag syntax: %s", w->text);
	if (!v)
		return err_set(e, EXIT_NO, "unknown flag: --%.*s", (int)n, name);
	if (name[n] == '=')
		return set(v, name + n + 1, e);
	if (v->spec->type == FLAG_BOOL)
		return set(v, "true", e);
	if (!w->next)
		return err_set(e, EXIT_NO, "flag needs an argument: --%s", name);
	w->used = true;
	return set(v, w->next, e);
}

/* -abc: letters of flags that are true or false, the last may take a value. */
static int parse_short(struct flags *f, struct word *w, struct err *e)
{
	for (const char *p = w->text + 1; *p; p++) {
		const struct flag_spec *s = flags_letter(f, *p);
		struct flag_value *v = s ? find(f, s->name, strlen(s->name)) : NULL;

		if (!v)
			return err_set(e, EXIT_NO, "unknown shorthand flag: '%c' in -%s", *p, p);
		if (p[1] == '=' && p[2])
			return set(v, p + 2, e);
		if (s->type == FLAG_BOOL) {
			if (set(v, "true", e) < 0)
				return -1;
			continue;
		}
		if (p[1])
			return set(v, p + 1, e);
		if (!w->next)
			return err_set(e, EXIT_NO, "flag needs an argument: '%c' in -%s", *p, p);
		w->used = true;
		return set(v, w->next, e);
	}
	return 0;
}

int flags_parse(struct flags *f, char *const *argv, size_t n, bool stop_at_first, struct strv *args, struct err *e)
{
	bool flags = true;

	for (size_t i = 0; i < n; i++) {
		struct word w = { .text = argv[i], .next = i + 1 < n ? argv[i + 1] : NULL };
		bool is_flag = flags && w.text[0] == '-' && w.text[1];

		if (is_flag && !strcmp(w.text, "--")) {
			flags = false;
			continue;
		}
		if (!is_flag) {
			strv_add(args, w.text);
			flags = flags && !stop_at_first;
			continue;
		}
		if ((w.text[1] == '-' ? parse_long : parse_short)(f, &w, e) < 0)
			return -1;
		i += w.used;
	}
	return 0;
}

int flags_check_required(const struct flags *f, struct err *e)
{
	struct buf names = { 0 };
	int r = 0;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].spec->required && !f->v[i].given)
			buf_addf(&names, "%s\"%s\"", names.len ? ", " : "", f->v[i].spec->name);
	if (names.len)
		r = err_set(e, EXIT_NO, "required flag(s) %s not set", names.data);
	buf_free(&names);
	return r;
}

/* --- values --- */

static const struct flag_value *get(const struct flags *f, const char *name, unsigned types)
{
	const struct flag_value *v = find(f, name, strlen(name));

	if (!v || (types && !(types & 1U << v->spec->type)))
		abort();
	return v;
}

bool flag_given(const struct flags *f, const char *name)
{
	return get(f, name, 0)->given;
}

bool flag_bool(const struct flags *f, const char *name)
{
	return get(f, name, 1U << FLAG_BOOL)->b;
}

int64_t flag_int(const struct flags *f, const char *name)
{
	return get(f, name, 1U << FLAG_INT | 1U << FLAG_UINT16)->i;
}

int64_t flag_seconds(const struct flags *f, const char *name)
{
	int64_t ns = get(f, name, 1U << FLAG_DURATION)->i, second = 1000000000;

	return ns > 0 ? ns / second + (ns % second != 0) : ns / second;
}

const char *flag_string(const struct flags *f, const char *name)
{
	const struct flag_value *v = get(f, name, ~(1U << FLAG_SLICE | 1U << FLAG_IPS | 1U << FLAG_ARRAY));

	return v->text ? v->text : "";
}

const struct strv *flag_list(const struct flags *f, const char *name)
{
	return &get(f, name, 1U << FLAG_SLICE | 1U << FLAG_IPS | 1U << FLAG_ARRAY)->list;
}
