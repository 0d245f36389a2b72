/* yq - see yq.h. */
#include "yq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "flags.h"
#include "render/expr.h"
#include "render/expr_jv.h"
#include "yq_parts.h"

#define VERSION "v4.54.0" /* whose behaviour this follows */
#define INDENT_MAX 16

static const struct flag_spec flags[] = {
	{ .name = "colors", .letter = 'C', .help = "accepted; there are none" },
	{ .name = "exit-status", .letter = 'e',
	  .help = "status 1 when there is no result, or the last one is null or false" },
	{ .name = "expression", .type = FLAG_STRING, .help = "the expression; all arguments are files then" },
	{ .name = "from-file", .type = FLAG_STRING, .help = "read the expression from a file" },
	{ .name = "help", .letter = 'h', .help = "print this page" },
	{ .name = "indent", .letter = 'I', .type = FLAG_INT, .value = "2", .help = "indentation; 0: JSON on one line" },
	{ .name = "inplace", .letter = 'i', .help = "write the result into the (first) file" },
	{ .name = "input-format", .letter = 'p', .type = FLAG_STRING, .value = "auto",
	  .help = "yaml, json; auto: by the file's name" },
	{ .name = "no-colors", .letter = 'M', .help = "accepted; there are none" },
	{ .name = "no-doc", .letter = 'N', .help = "no --- between documents" },
	{ .name = "null-input", .letter = 'n', .help = "do not read anything: the input is null" },
	{ .name = "output-format", .letter = 'o', .type = FLAG_STRING, .value = "auto",
	  .help = "yaml, json; auto: as the input" },
	{ .name = "prettyPrint", .letter = 'P', .help = "block style throughout" },
	{ .name = "security-disable-env-ops", .help = "refuse env() and strenv()" },
	{ .name = "security-disable-file-ops", .help = "refuse load() and load_str()" },
	{ .name = "security-enable-system-operator", .help = "accepted; `system` never works here" },
	{ .name = "tojson", .letter = 'j', .help = "the same as --output-format json" },
	{ .name = "unwrapScalar", .letter = 'r', .value = "true",
	  .help = "print texts without quotes (default: not in JSON)" },
	{ .name = "verbose", .letter = 'v', .help = "accepted; there is nothing to tell" },
	{ .name = "version", .letter = 'V', .help = "print the version" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

/* What one run works with. */
struct yq {
	struct flags *f;
	const char *text;       /* the expression */
	struct yq_plan plan;    /* its parts */
	struct yq_allow allow;
	struct expr_reach reach;
	bool all;               /* eval-all */
	bool json, raw, pretty, constant;
	int indent;
	bool from_json;
	struct buf out;
	size_t number;          /* of that document, from 1 */
	size_t printed_doc;     /* of the last result; 0: none yet */
	bool any, falsy;        /* there was a result; the last one was null or false */
};

static int fail(const struct err *e)
{
	const char *msg = e->msg, *fails;

	/* "the expression "..." fails: REASON", where the expression is not as the user wrote it. */
	fails = strncmp(msg, "the expression \"", 16) ? NULL : strstr(msg, "\" ");
	for (const char *p = fails; p && (p = strstr(p + 1, "\" fails: "));)
		fails = p;
	if (fails)
		msg = strncmp(fails, "\" fails: ", 9) ? fails + 2 : fails + 9;
	fprintf(stderr, "Error: %s\n", msg);
	return 1;
}

static int usage(FILE *out)
{
	fputs("Usage:\n"
	      "  limactl yq [eval] [flags] [expression] [file...]\n"
	      "  limactl yq eval-all [flags] [expression] [file...]\n"
	      "\n"
	      "Evaluates an expression in the manner of yq, version 4, on YAML and JSON documents. Without files standard\n"
	      "input is read. See `limactl help yq-restrictions`.\n"
	      "\n"
	      "Flags:\n",
	      out);
	for (const struct flag_spec *s = flags; s->name; s++)
		fprintf(out, s->letter ? "  -%c, --%-32s %s\n" : "   %c  --%-32s %s\n", s->letter ? s->letter : ' ', s->name,
			s->help);
	return 0;
}

/* --- output --- */

/* yq indents lists beneath their key. */
static void indent_lists(struct node *n, bool below_key, bool pretty)
{
	if (pretty && (n->type == NODE_MAP || n->type == NODE_SEQ || n->type == NODE_STR))
		n->style = n->type == NODE_STR && strchr(n->str, '\n') ? '|' : 0;
	if (n->type == NODE_SEQ && n->style == 0 && below_key)
		n->style = '-';
	for (size_t i = 0; i < n->n; i++)
		indent_lists(n->item[i], n->type == NODE_MAP, pretty);
}

/* Lines indented by two become lines indented by N: JSON texts have no line breaks of their own. */
static void reindent(const char *json, int indent, struct buf *out)
{
	while (*json) {
		size_t blanks = strspn(json, " "), len = strcspn(json, "\n");

		for (size_t i = 0; i < blanks / 2 * (size_t)indent; i++)
			buf_addc(out, ' ');
		buf_add(out, json + blanks, len - blanks);
		buf_addc(out, '\n');
		json += len + (json[len] == '\n');
	}
}

static void put_json(struct yq *y, const struct node *n)
{
	struct buf text = { 0 };

	if (y->raw && n->type == NODE_STR) {
		buf_addf(&y->out, "%s\n", n->str);
		return;
	}
	tree_emit_json(n, y->indent > 0, &text);
	reindent(buf_str(&text), y->indent, &y->out);
	buf_free(&text);
}

static void put_yaml(struct yq *y, struct node *n, size_t doc)
{
	/* Results of different documents are documents of their own. */
	if (y->printed_doc && y->printed_doc != doc && !flag_bool(y->f, "no-doc"))
		buf_adds(&y->out, "---\n");
	if (y->raw && n->type == NODE_STR) {
		buf_addf(&y->out, "%s\n", n->str);
		return;
	}
	indent_lists(n, false, y->pretty);
	tree_emit_as(n, &(struct tree_style){ .indent = (unsigned)y->indent, .one_blank = true }, &y->out);
}

/* The part of the document that is equal to a result, which is most often what the result was taken from. */
static const struct node *find_equal(const struct node *in, const struct node *n)
{
	const struct node *hit = NULL;

	if (node_equal(in, n))
		return in;
	for (size_t i = 0; i < in->n && !hit; i++)
		hit = find_equal(in->item[i], n);
	return hit;
}

/* The result with the comments and styles that the document has; takes `result` over. */
static struct node *dress(const struct node *doc, struct node *result)
{
	const struct node *origin = doc->n && result->n ? find_equal(doc, result) : NULL;
	struct node *dressed = NULL;
	struct err ignored = { 0 };

	if (origin) {
		dressed = node_copy(origin);
		if (origin != doc) {
			free(dressed->head);
			dressed->head = NULL;
		}
	} else if (result->type == doc->type && result->type == NODE_MAP) {
		dressed = expr_patch(doc, expr_to_jv(result), &ignored);
	}
	if (!dressed)
		return result;
	node_free(result);
	return dressed;
}

static int print_result(struct yq *y, struct node *result)
{
	size_t number = y->constant ? 1 : y->number;

	y->any = true;
	y->falsy = result->type == NODE_NULL || (result->type == NODE_BOOL && !result->b);
	if (y->json)
		put_json(y, result);
	else
		put_yaml(y, result, number);
	y->printed_doc = number;
	node_free(result);
	return 0;
}

/* A document on its way through the parts of the expression. */
struct step {
	struct yq *y;
	struct node *doc;
	size_t part;
};

static int run_parts(struct yq *y, struct node *doc, size_t part, struct err *e);

static int take_result(void *arg, size_t number, struct node *result, struct err *e)
{
	const struct step *s = arg;

	(void)number;
	return run_parts(s->y, s->y->json ? result : dress(s->doc, result), s->part + 1, e);
}

static int take_path(void *arg, size_t number, struct node *path, struct err *e)
{
	const struct step *s = arg;

	(void)number;
	(void)e;
	if (!s->y->json)
		yq_set_style(s->doc, path, s->y->plan.v[s->part].style);
	node_free(path);
	return 0;
}

/* Takes the document over. */
static int run_parts(struct yq *y, struct node *doc, size_t part, struct err *e)
{
	const struct yq_part *p = &y->plan.v[part];
	struct step s = { y, doc, part };
	const struct node *in = doc;
	int r;

	if (part == y->plan.n)
		return print_result(y, doc);
	r = expr_query_reaching(&in, 1, p->expression, &y->reach, p->style == YQ_NO_STYLE ? take_result : take_path, &s, e);
	if (r == 0 && p->style != YQ_NO_STYLE)
		return run_parts(y, doc, part + 1, e);
	node_free(doc);
	return r;
}

/* One at a time, so that each result is dressed like its own document. */
static int evaluate(struct yq *y, const struct yq_docs *docs, struct err *e)
{
	for (size_t i = 0; i < docs->n; i++) {
		y->number++;
		if (run_parts(y, node_copy(docs->v[i]), 0, e) < 0)
			return -1;
	}
	return 0;
}

/* --- input --- */

static int format_of(const char *word, bool *json, struct err *e)
{
	if (!strcmp(word, "json") || !strcmp(word, "j"))
		*json = true;
	else if (!strcmp(word, "yaml") || !strcmp(word, "yml") || !strcmp(word, "y"))
		*json = false;
	else
		return err_set(e, EXIT_NO,
			       "unknown format '%s' please use [yaml|json]; the others of yq are not supported by limactl", word);
	return 0;
}

static bool is_auto(const char *word)
{
	return !*word || !strcmp(word, "auto") || !strcmp(word, "a");
}

/* The formats, by the flags and the name of the first file. */
static int formats(struct yq *y, const char *file, struct err *e)
{
	const char *in = flag_string(y->f, "input-format"), *out = flag_string(y->f, "output-format");
	const char *dot = strrchr(file, '.');
	bool by_name = dot && !strcasecmp(dot, ".json");

	if (is_auto(in))
		y->from_json = by_name;
	else if (format_of(in, &y->from_json, e) < 0)
		return -1;
	if (flag_bool(y->f, "tojson"))
		y->json = true;
	else if (is_auto(out))
		y->json = is_auto(in) && by_name;
	else if (format_of(out, &y->json, e) < 0)
		return -1;
	y->raw = y->json && !flag_given(y->f, "unwrapScalar") ? false : flag_bool(y->f, "unwrapScalar");
	return 0;
}

static int read_docs(const struct yq *y, const char *file, struct yq_docs *docs, struct err *e)
{
	struct buf text = { 0 };
	bool input = !strcmp(file, "-");
	int r = input ? fd_read_all(STDIN_FILENO, "standard input", TREE_TEXT_MAX, &text, e)
		      : file_read(file, TREE_TEXT_MAX, &text, e);

	if (r == 0)
		r = yq_docs_parse(buf_str(&text), text.len, y->from_json, input ? "-" : file, docs, e);
	buf_free(&text);
	return r;
}

static int run_file(struct yq *y, const char *file, struct err *e)
{
	struct yq_docs docs = { 0 };
	int r = read_docs(y, file, &docs, e);

	if (r == 0)
		r = evaluate(y, &docs, e);
	yq_docs_free(&docs);
	return r;
}

/* --- all documents at once --- */

/* {d: DOCUMENT, v: VALUE}, see yq_all.c. */
static int take_of_all(void *arg, size_t number, struct node *result, struct err *e)
{
	const struct step *s = arg;
	size_t doc = (size_t)tree_int(result, 0, "d");
	struct node *value = map_take(result, "v");

	(void)number;
	node_free(result);
	s->y->number = doc + 1;
	if (!s->y->json && doc < s->doc->n)
		value = dress(s->doc->item[doc], value);
	return run_parts(s->y, value, s->part, e);
}

static int evaluate_all(struct yq *y, struct node *list, const struct yq_origin *origin, struct err *e)
{
	bool first = y->plan.n && y->plan.v[0].style == YQ_NO_STYLE;
	struct step s = { y, list, first };
	const struct node *in = list;
	struct buf program = { 0 };
	int r = yq_all(first ? y->plan.v[0].expression : ".", origin, list->n, &program, e);

	if (r == 0)
		r = expr_query_reaching(&in, 1, buf_str(&program), &y->reach, take_of_all, &s, e);
	buf_free(&program);
	return r;
}

static int run_all(struct yq *y, const struct strv *files, struct err *e)
{
	struct node *list = node_new(NODE_SEQ);
	struct yq_origin *origin = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && (i < files->n || i == 0); i++) {
		const char *file = files->n ? files->v[i] : "-";
		struct yq_docs docs = { 0 };

		r = read_docs(y, file, &docs, e);
		origin = xrealloc(origin, (list->n + docs.n + 1) * sizeof(*origin));
		for (size_t k = 0; k < docs.n; k++) {
			origin[list->n] = (struct yq_origin){ file, i, k };
			seq_add(list, docs.v[k]);
			docs.v[k] = NULL;
		}
		yq_docs_free(&docs);
	}
	if (r == 0)
		r = evaluate_all(y, list, origin, e);
	node_free(list);
	free(origin);
	return r;
}

static int run_null(struct yq *y, struct err *e)
{
	struct node *null = node_new(NODE_NULL);
	struct yq_docs docs = { .v = &null, .n = 1 };
	int r = evaluate(y, &docs, e);

	node_free(null);
	return r;
}

static int write_back(const struct yq *y, const char *file, struct err *e)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return err_sys(e, EXIT_NO, "open %s", file);
	return file_write(file, buf_str(&y->out), y->out.len, st.st_mode & 07777, e);
}

/* --- the command line --- */

static bool is_file(const char *word)
{
	struct stat st;

	return !strcmp(word, "-") || (stat(word, &st) == 0 && !S_ISDIR(st.st_mode));
}

/* Takes the expression from the flags or the first argument; what is left are files. */
static int take_expression(struct yq *y, struct strv *args, struct buf *from_file, struct err *e)
{
	const char *file = flag_string(y->f, "from-file");

	y->text = flag_given(y->f, "expression") ? flag_string(y->f, "expression") : NULL;
	if (*file) {
		if (file_read(file, EXPR_TEXT_MAX, from_file, e) < 0)
			return -1;
		y->text = buf_str(from_file);
	}
	if (!y->text && args->n && !is_file(args->v[0])) {
		y->text = args->v[0];
		args->v++;
		args->n--;
	}
	if (!y->text || !y->text[strspn(y->text, " \t\r\n")])
		y->text = ".";
	return 0;
}

static int run_files(struct yq *y, const struct strv *files, struct err *e)
{
	int r = files->n ? 0 : run_file(y, "-", e);

	for (size_t i = 0; r == 0 && i < files->n; i++)
		r = run_file(y, files->v[i], e);
	return r;
}

/* What is no expression is told although there may be no document to ask. */
static int check_words(const struct yq *y, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < y->plan.n; i++) {
		char *text = y->all ? yq_all_masked(y->plan.v[i].expression) : xstrdup(y->plan.v[i].expression);
		struct buf ignored = { 0 };

		r = expr_words(text, &y->reach, &ignored, e);
		buf_free(&ignored);
		free(text);
	}
	return r;
}

static int run(struct yq *y, struct strv *files, struct err *e)
{
	bool inplace = flag_bool(y->f, "inplace");
	int r;

	if (inplace && (!files->n || !strcmp(files->v[0], "-")))
		return err_set(e, EXIT_NO, "write inplace flag only applicable when giving an expression and at least one file");
	if (formats(y, files->n ? files->v[0] : "-", e) < 0 || yq_plan(y->text, &y->plan, e) < 0)
		return -1;
	y->allow = (struct yq_allow){ !flag_bool(y->f, "security-disable-env-ops"), !flag_bool(y->f, "security-disable-file-ops") };
	y->reach = (struct expr_reach){ yq_reach, &y->allow };
	if (check_words(y, e) < 0)
		return -1;
	y->constant = !y->all && !yq_has_path(y->text);
	if (flag_bool(y->f, "null-input"))
		r = run_null(y, e);
	else
		r = y->all ? run_all(y, files, e) : run_files(y, files, e);
	if (inplace)
		return r == 0 ? write_back(y, files->v[0], e) : r;
	/* What came before an error stays printed. */
	fwrite(buf_str(&y->out), 1, y->out.len, stdout);
	if (fflush(stdout) && r == 0)
		r = err_sys(e, EXIT_IOERR, "cannot write to standard output");
	return r;
}

static int check_indent(struct yq *y, struct err *e)
{
	int64_t n = flag_int(y->f, "indent");

	if (n < 0 || n > INDENT_MAX)
		return err_set(e, EXIT_NO, "the indentation must be 0 to %d", INDENT_MAX);
	y->indent = (int)n;
	y->pretty = flag_bool(y->f, "prettyPrint");
	return 0;
}

static int go(struct yq *y, struct strv *args, struct err *e)
{
	struct strv files = *args;
	struct buf from_file = { 0 };
	int r = check_indent(y, e);

	if (r == 0)
		r = take_expression(y, &files, &from_file, e);
	if (r == 0)
		r = run(y, &files, e);
	if (r == 0 && flag_bool(y->f, "exit-status") && (!y->any || y->falsy))
		r = err_set(e, EXIT_NO, "no matches found");
	buf_free(&from_file);
	return r;
}

/* yq takes -o=json and -I=2, which our flags do too, and the name of a subcommand. */
static void subcommand(int *argc, char ***argv, bool *all)
{
	static const struct {
		const char *name;
		bool all;
	} list[] = { { "eval", false }, { "e", false }, { "eval-all", true }, { "ea", true } };

	for (size_t i = 0; *argc && i < sizeof(list) / sizeof(*list); i++)
		if (!strcmp(**argv, list[i].name)) {
			*all = list[i].all;
			(*argc)--;
			(*argv)++;
			return;
		}
}

int yq_main(int argc, char **argv)
{
	struct yq y = { .f = flags_new(tables) };
	struct strv args = { 0 };
	struct err e = { 0 };
	int status = 0;

	subcommand(&argc, &argv, &y.all);
	if (flags_parse(y.f, argv, (size_t)argc, false, &args, &e) < 0)
		status = fail(&e);
	else if (flag_bool(y.f, "version"))
		puts("yq (https://github.com/mikefarah/yq/) version " VERSION " (what limactl " LIMA_VERSION " has of it)");
	else if (flag_bool(y.f, "help") || (!argc && isatty(STDIN_FILENO)))
		usage(stdout);
	else if (go(&y, &args, &e) < 0)
		status = fail(&e);
	if (fflush(stdout))
		status = 1;
	buf_free(&y.out);
	yq_plan_free(&y.plan);
	strv_free(&args);
	flags_free(y.f);
	return status;
}
