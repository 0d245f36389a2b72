/* list - the instances, for people and for programs. Source: spec/cli.md section 8.7. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "dirs.h"
#include "fields.h"
#include "file.h"
#include "inspect.h"
#include "list_table.h"
#include "print.h"
#include "render/expr.h"

enum format { TABLE, JSON, YAML, TEMPLATE };

struct list {
	const struct ctl *c;
	enum format format;
	const char *template;
	bool quiet;
	char *filter, *yq; /* NULL: none */
	struct strv names;
	struct inspection *v;
	size_t n;
	bool unmatched;
	struct buf out;
};

/* --- the request --- */

static int conflict(const char *a, const char *b, struct err *e)
{
	return err_set(e, EXIT_NO, "option --%s conflicts with option --%s", a, b);
}

static int check_flags(const struct flags *f, struct err *e)
{
	static const char *const alone[] = { "format", "yq", "filter" };
	const char *format = flag_string(f, "format");
	bool plain = strcmp(format, "json") != 0 && strcmp(format, "yaml") != 0;

	if (flag_bool(f, "json") && flag_given(f, "format"))
		return conflict("json", "format", e);
	for (size_t i = 0; flag_bool(f, "list-fields") && i < sizeof(alone) / sizeof(*alone); i++)
		if (flag_given(f, alone[i]))
			return conflict("list-fields", alone[i], e);
	if (flag_list(f, "yq")->n && flag_given(f, "format") && plain)
		return err_set(e, EXIT_NO, "option --yq only works with --format json or yaml");
	if (flag_bool(f, "quiet") && (flag_bool(f, "json") || strcmp(format, "table") != 0))
		return err_set(e, EXIT_NO, "option --quiet can only be used with '--format table'");
	return 0;
}

/* The expressions, one behind the other; NULL when there is none. */
static char *join(const struct strv *list, const char *before, const char *after, const char *last)
{
	struct buf text = { 0 };

	if (!list->n)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		buf_addf(&text, "%s%s%s%s", i ? " | " : "", before, list->v[i], after);
	buf_adds(&text, last);
	return buf_detach(&text);
}

static void read_flags(struct list *l)
{
	const struct flags *f = l->c->flags;
	const char *format = flag_string(f, "format");

	l->quiet = flag_bool(f, "quiet");
	l->filter = join(flag_list(f, "filter"), "select(", ")", "");
	l->yq = join(flag_list(f, "yq"), "", "", l->quiet ? " | .name" : "");
	l->template = format;
	if (!strcmp(format, "yaml"))
		l->format = YAML;
	else if (flag_bool(f, "json") || !strcmp(format, "json") || (l->yq && !flag_given(f, "format")))
		l->format = JSON;
	else
		l->format = strcmp(format, "table") ? TEMPLATE : TABLE;
}

/* --- the instances --- */

static bool has_yaml(const char *home, const char *name)
{
	char *path = xasprintf("%s/%s/lima.yaml", home, name);
	bool there = path_exists(path);

	free(path);
	return there;
}

static bool listed(const struct strv *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

/* Those asked for, of `all`. */
static void match(struct list *l, const struct strv *all)
{
	const struct strv *args = &l->c->args;

	for (size_t i = 0; i < (args->n ? args->n : all->n); i++) {
		const char *name = args->n ? args->v[i] : all->v[i];

		if (listed(all, name)) {
			strv_add(&l->names, name);
		} else {
			log_warn("No instance matching %s found.", name);
			l->unmatched = true;
		}
	}
}

static int find(struct list *l, struct err *e)
{
	struct strv all = { 0 };
	char *home = dirs_home(e);
	bool odd = false;

	if (!home || inspect_names(&all, e) < 0) {
		free(home);
		return -1;
	}
	for (size_t i = 0; i < all.n && !odd; i++)
		odd = !has_yaml(home, all.v[i]);
	if (odd)
		log_warn("The directory %s does not look like a valid Lima directory: a folder in it has no lima.yaml", q(home));
	if (!all.n && !l->c->args.n)
		log_warn("No instance found. Run `limactl create` to create an instance.");
	match(l, &all);
	strv_free(&all);
	free(home);
	return 0;
}

static void inspect_all(struct list *l)
{
	l->v = xcalloc(l->names.n + 1, sizeof(*l->v));
	for (size_t i = 0; i < l->names.n; i++) {
		struct inspection *in = &l->v[l->n];
		struct err why = { 0 };

		if (inspect(l->names.v[i], in, &why) < 0) {
			log_warn("the instance %s is left out: %s", q(l->names.v[i]), why.msg);
			continue;
		}
		if (!in->exists && !path_exists(in->dir)) {
			log_warn("the instance %s has gone meanwhile", q(in->name));
			inspect_free(in);
			continue;
		}
		l->n++;
	}
}

/* --- expressions --- */

static int note_kept(void *arg, size_t doc, struct node *result, struct err *e)
{
	bool *kept = arg;

	(void)e;
	kept[doc] = true;
	node_free(result);
	return 0;
}

/* The data of all, for an expression. The caller frees the list. */
static const struct node **documents(const struct list *l)
{
	const struct node **docs = xcalloc(l->n + 1, sizeof(*docs));

	for (size_t i = 0; i < l->n; i++)
		docs[i] = l->v[i].data;
	return docs;
}

static int filter(struct list *l, struct err *e)
{
	const struct node **docs = documents(l);
	bool *kept = xcalloc(l->n + 1, sizeof(*kept));
	size_t n = 0;
	int r = expr_query(docs, l->n, l->filter, note_kept, kept, e);

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		if (kept[i])
			l->v[n++] = l->v[i];
		else
			inspect_free(&l->v[i]);
	}
	if (r == 0)
		l->n = n;
	free(kept);
	free(docs);
	return r;
}

static int print_one(void *arg, size_t doc, struct node *result, struct err *e)
{
	struct list *l = arg;
	bool people = print_for_people();

	(void)doc;
	(void)e;
	if (l->format == YAML)
		buf_adds(&l->out, "---\n");
	print_result(result, l->format == YAML, people, print_colours(), &l->out);
	node_free(result);
	return 0;
}

static int print_yq(struct list *l, struct err *e)
{
	const struct node **docs = documents(l);
	int r = expr_query(docs, l->n, l->yq, print_one, l, e);

	free(docs);
	return r;
}

/* --- output --- */

/* Templates see the message without its last line end. */
static int print_template(struct list *l, const struct inspection *i, struct err *e)
{
	const char *message = tree_str(i->data, "", "message");
	size_t n = strlen(message);
	struct err why = { 0 };

	if (n && message[n - 1] == '\n') {
		char *cut = xstrndup(message, n - 1);

		map_set(i->data, "message", node_str(cut));
		free(cut);
	}
	if (fields_expand(l->template, i->data, &l->out, &why) == 0) {
		buf_addc(&l->out, '\n');
		return 0;
	}
	return err_set(e, why.code, "%stemplate: format:%s", strstr(why.msg, "can't evaluate field") ? "" : "invalid go template: ",
		       why.msg);
}

static int print_each(struct list *l, struct err *e)
{
	bool people = print_for_people(), colours = print_colours();

	for (size_t i = 0; i < l->n; i++) {
		if (l->format == JSON) {
			print_json(l->v[i].data, people, colours, &l->out);
		} else if (l->format == YAML) {
			buf_adds(&l->out, "---\n");
			print_yaml(l->v[i].data, colours, &l->out);
		} else if (print_template(l, &l->v[i], e) < 0) {
			return -1;
		}
	}
	return 0;
}

static int print(struct list *l, struct err *e)
{
	bool all = flag_bool(l->c->flags, "all-fields") || isatty(STDOUT_FILENO) != 1;

	if (l->yq)
		return print_yq(l, e);
	if (l->quiet) {
		for (size_t i = 0; i < l->n; i++)
			buf_addf(&l->out, "%s\n", l->v[i].name);
		return 0;
	}
	if (l->format == TABLE) {
		list_table(l->v, l->n, all ? 0 : print_width(), &l->out);
		return 0;
	}
	return print_each(l, e);
}

static void warn_errors(const struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		char *text, *errors;

		if (!l->v[i].errors.n)
			continue;
		text = xasprintf("instance %s has errors", q(l->v[i].name));
		errors = inspect_errors(&l->v[i]);
		log_fields(LOG_WARN, text, (const char *const[]){ "errors", errors }, 1);
		free(errors);
		free(text);
	}
}

static int list_all(struct list *l, struct err *e)
{
	if (find(l, e) < 0)
		return -1;
	if (l->quiet && !l->yq && !l->filter) {
		for (size_t i = 0; i < l->names.n; i++)
			buf_addf(&l->out, "%s\n", l->names.v[i]);
		return 0;
	}
	if (!l->names.n)
		return 0;
	inspect_all(l);
	warn_errors(l);
	if (l->filter && filter(l, e) < 0)
		return -1;
	return print(l, e);
}

static int run(struct ctl *c, struct err *e)
{
	struct list l = { .c = c };
	int r = check_flags(c->flags, e);

	if (r == 0 && flag_bool(c->flags, "list-fields")) {
		for (size_t i = 0; field_names[i]; i++)
			puts(field_names[i]);
		return 0;
	}
	if (r < 0)
		return -1;
	read_flags(&l);
	r = list_all(&l, e);
	fwrite(buf_str(&l.out), 1, l.out.len, stdout);
	if (r == 0 && l.unmatched)
		r = err_set(e, EXIT_NO, "unmatched instances");
	for (size_t i = 0; i < l.n; i++)
		inspect_free(&l.v[i]);
	free(l.v);
	free(l.filter);
	free(l.yq);
	strv_free(&l.names);
	buf_free(&l.out);
	return r;
}

static const struct flag_spec flags[] = {
	{ .name = "format", .letter = 'f', .type = FLAG_STRING, .value = "table", .words = "json yaml table", .complete = COMPLETE_WORDS,
	  .help = "table, json (one line for each), yaml, or a Go template such as '{{.Name}} {{.Status}}'" },
	{ .name = "json", .help = "the same as --format json" },
	{ .name = "quiet", .letter = 'q', .help = "print names only" },
	{ .name = "all-fields", .help = "show all columns, however narrow the terminal is" },
	{ .name = "list-fields", .help = "print the names of fields for templates" },
	{ .name = "yq", .type = FLAG_ARRAY, .arg = "EXPR", .help = "apply an expression to each instance; may be given several times" },
	{ .name = "filter", .letter = 'l', .type = FLAG_ARRAY, .arg = "EXPR",
	  .help = "only instances for which the expression is true, such as '.status == \"Running\"'" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

const struct command cmd_list = {
	.name = "list",
	.aliases = "ls",
	.group = GROUP_BASIC,
	.use = "[flags] [INSTANCE]...",
	.summary = "List instances",
	.text = "Examples:\n"
		"  limactl list\n"
		"  limactl list --format json default\n"
		"  limactl list --format '{{.Name}} {{.Config.SSH.LocalPort}}'\n"
		"  limactl list --filter '.status == \"Running\"' --quiet\n"
		"  limactl list --yq '.config.images[].location'\n"
		"\n"
		"A template is executed for each instance; besides Go's own functions it has json, yaml, indent and missing.\n"
		"Expressions are those of jq, with what people know from yq.",
	.max_args = ARGS_ANY,
	.flags = tables,
	.complete = COMPLETE_INSTANCE,
	.run = run,
};
