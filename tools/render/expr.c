/* expr - see expr.h.
 *
 * The child inherits the document by fork and needs no program of its own: it compiles the expression, runs it, and
 * writes one byte ('=' a result, '!' a message) and the text to a pipe. It has no environment and can open no file, so
 * that neither `env` nor `import` reach anything.
 */
#include "expr.h"

#include <errno.h>
#include <fcntl.h>
#include <jq.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expr_jv.h"
#include "file.h"

#define CHILD_NO_MEMORY 99 /* exit status */

/* AddressSanitizer reserves more address space than any limit. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMIT_MEMORY 0
#endif
#endif
#ifndef LIMIT_MEMORY
#define LIMIT_MEMORY 1
#endif

/* --- in the child --- */

static void limit(int what, rlim_t n)
{
	struct rlimit r = {n, n};

	setrlimit(what, &r);
}

static void no_memory(void *unused)
{
	(void)unused;
	_exit(CHILD_NO_MEMORY);
}

static void confine(void)
{
	static char *no_environment[] = {NULL};
	extern char **environ;

	environ = no_environment;
	jv_nomem_handler(no_memory, NULL);
	signal(SIGXCPU, SIG_DFL);
	limit(RLIMIT_CPU, EXPR_CPU_SECONDS);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, 0); /* what is open stays usable */
	if (LIMIT_MEMORY)
		limit(RLIMIT_AS, EXPR_MEMORY_MAX);
}

static void reword(struct buf *b, const char *from, const char *to)
{
	const char *hit = strstr(buf_str(b), from);
	struct buf new = { 0 };

	if (!hit)
		return;
	buf_add(&new, b->data, (size_t)(hit - b->data));
	buf_adds(&new, to);
	buf_adds(&new, hit + strlen(from));
	buf_free(b);
	*b = new;
}

/* Keeps the first message, without what jq adds for its own command line. */
static void collect_message(void *data, jv msg)
{
	struct buf *b = data;
	const char *s = jv_string_value(msg);
	size_t n;

	if (!strncmp(s, "jq: error: ", 11))
		s += 11;
	n = strcspn(s, "\n");
	if (b->len == 0) {
		buf_add(b, s, n);
		reword(b, " (Unix shell quoting issues?)", "");
		reword(b, " at <top-level>, line 1:", "");
		reword(b, "unexpected $end", "unexpected end of file"); /* as 1.7 says it */
	}
	jv_free(msg);
}

/* libjq 1.6 leaves these two unset, and calls them. */
static jv no_input(jq_state *jq, void *unused)
{
	(void)jq;
	(void)unused;
	return jv_invalid_with_msg(jv_string("an expression has no input but the document"));
}

static void no_debug(void *unused, jv msg)
{
	(void)unused;
	jv_free(msg);
}

/* The message of a value that ended the run; NULL bytes in it end it. */
static void failure_text(jv value, struct buf *why)
{
	jv msg = jv_invalid_get_msg(value);

	if (jv_get_kind(msg) != JV_KIND_STRING)
		msg = jv_dump_string(msg, 0);
	buf_adds(why, jv_string_value(msg));
	jv_free(msg);
}

static const char *kind_name(jv v)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_ARRAY:
		return "a list";
	case JV_KIND_STRING:
		return "a text";
	case JV_KIND_NUMBER:
		return "a number";
	case JV_KIND_NULL:
		return "null";
	default:
		return "true or false";
	}
}

static void check_result(jv result, unsigned count, struct buf *why)
{
	if (count > 1)
		buf_adds(why,
			 "it gives several results, not the changed document; collect them, or use |= to change each");
	else if (count == 0)
		buf_adds(why, "it gives no result");
	else if (jv_get_kind(result) != JV_KIND_OBJECT)
		buf_addf(why, "it gives %s, not the changed document; to change a field write for example: .cpus = 4",
			 kind_name(result));
}

static jq_state *new_jq(struct buf *why)
{
	jq_state *jq = jq_init();

	if (!jq)
		no_memory(NULL);
	jq_set_error_cb(jq, collect_message, why);
	jq_set_input_cb(jq, no_input, NULL);
	jq_set_debug_cb(jq, no_debug, NULL);
	return jq;
}

/* The result, or an invalid value and the reason. */
static jv evaluate(const struct node *doc, const char *program, struct buf *why)
{
	jq_state *jq = new_jq(why);
	jv result = jv_invalid(), v;
	unsigned count = 0;

	if (!jq_compile(jq, program)) {
		if (why->len == 0)
			buf_adds(why, "it does not compile");
		jq_teardown(&jq);
		return result;
	}
	jq_start(jq, expr_to_jv(doc), 0);
	while (jv_is_valid(v = jq_next(jq)) && ++count <= 1) {
		jv_free(result);
		result = v;
	}
	if (jv_is_valid(v))
		jv_free(v);
	else if (jq_halted(jq))
		buf_adds(why, "halt is not allowed");
	else if (jv_invalid_has_msg(jv_copy(v)))
		failure_text(v, why);
	if (why->len == 0)
		check_result(result, count, why);
	jq_teardown(&jq);
	return result;
}

/* The reason for a second run that is tolerant. */
static const char over_null[] = "Cannot iterate over null";

static void answer(int fd, char kind, const char *text, size_t n)
{
	if (fd_write_all(fd, &kind, 1) < 0 || fd_write_all(fd, text, n) < 0)
		_exit(1);
}

/* What a child has to do. */
struct task {
	const struct node *const *docs;
	size_t n;
	const char *expression; /* as it was given, for messages */
	const char *program;    /* in words of jq */
	void (*run)(int fd, const struct task *t);
};

static void apply_child(int fd, const struct task *t)
{
	const struct node *doc = t->docs[0];
	const char *expression = t->program;
	struct buf program = {0}, why = {0};
	jv result, text;

	confine();
	expr_translate(expression, false, &program);
	result = evaluate(doc, buf_str(&program), &why);
	if (!strncmp(buf_str(&why), over_null, strlen(over_null))) {
		program.len = why.len = 0;
		expr_translate(expression, true, &program);
		result = evaluate(doc, buf_str(&program), &why);
	}
	if (why.len)
		answer(fd, '!', why.data, why.len);
	else {
		text = jv_dump_string(result, 0);
		if ((size_t)jv_string_length_bytes(jv_copy(text)) <= EXPR_RESULT_MAX)
			answer(fd, '=', jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
		else
			answer(fd, '+', "", 0);
	}
	_exit(0);
}

/* --- the same for questions: the answer is lines "NUMBER JSON" --- */

/* Adds the results for document i, or the reason why it fails. */
static void query_one(jq_state *jq, const struct node *doc, size_t i, struct buf *lines, struct buf *why)
{
	jv v;

	jq_start(jq, expr_to_jv(doc), 0);
	while (jv_is_valid(v = jq_next(jq))) {
		jv text = jv_dump_string(v, 0);

		buf_addf(lines, "%zu %s\n", i, jv_string_value(text));
		jv_free(text);
		if (lines->len > EXPR_RESULT_MAX) {
			buf_adds(why, "it gives too much");
			return;
		}
	}
	if (jq_halted(jq)) {
		buf_adds(why, "halt is not allowed");
		jv_free(v);
	} else if (jv_invalid_has_msg(jv_copy(v))) {
		failure_text(v, why);
	} else {
		jv_free(v);
	}
}

static void query(const struct task *t, bool tolerant, struct buf *lines, struct buf *why)
{
	struct buf program = {0};
	jq_state *jq = new_jq(why);

	expr_translate(t->program, tolerant, &program);
	if (!jq_compile(jq, buf_str(&program)) && why->len == 0)
		buf_adds(why, "it does not compile");
	for (size_t i = 0; i < t->n && why->len == 0; i++)
		query_one(jq, t->docs[i], i, lines, why);
	jq_teardown(&jq);
	buf_free(&program);
}

static void query_child(int fd, const struct task *t)
{
	struct buf lines = {0}, why = {0};

	confine();
	query(t, false, &lines, &why);
	if (!strncmp(buf_str(&why), over_null, strlen(over_null))) {
		lines.len = why.len = 0;
		query(t, true, &lines, &why);
	}
	if (why.len)
		answer(fd, '!', why.data, why.len);
	else if (lines.len > EXPR_RESULT_MAX)
		answer(fd, '+', "", 0);
	else
		answer(fd, '=', buf_str(&lines), lines.len);
	_exit(0);
}

/* --- in the parent --- */

/* Runs the child and collects what it says. */
static int run(const struct task *t, struct buf *said, int *status, struct err *e)
{
	const char *expression = t->expression;
	struct err ignored = {0};
	int fd[2], r;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
	pid = fork();
	if (pid == 0)
		t->run(fd[1], t);
	close(fd[1]);
	if (pid < 0) {
		close(fd[0]);
		return err_sys(e, EXIT_UNAVAIL, "cannot start a process");
	}
	r = fd_read_all(fd[0], "the result", EXPR_RESULT_MAX + 1, said, &ignored);
	close(fd[0]); /* a child that still writes gets SIGPIPE */
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? err_set(e, EXIT_BADDATA, "the expression \"%.200s\" gives more than %u bytes", expression,
			       EXPR_RESULT_MAX)
		     : 0;
}

static int explain(const char *expression, const struct buf *said, int status, struct err *e)
{
	struct err why = {0};

	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
		err_set(&why, EXIT_BADDATA, "takes longer than %d seconds; does it end?", EXPR_CPU_SECONDS);
	else if (WIFSIGNALED(status))
		err_set(&why, EXIT_BADDATA,
			"needs more memory than %u MiB, or is nested too deep for libjq (signal %d)",
			EXPR_MEMORY_MAX >> 20, WTERMSIG(status));
	else if (WEXITSTATUS(status) == CHILD_NO_MEMORY)
		err_set(&why, EXIT_BADDATA, "needs more memory than %u MiB", EXPR_MEMORY_MAX >> 20);
	else if (said->len && said->data[0] == '!')
		err_set(&why, EXIT_USAGE, "fails: %.1000s", said->data + 1);
	else if (said->len && said->data[0] == '+')
		err_set(&why, EXIT_BADDATA, "gives more than %u bytes", EXPR_RESULT_MAX);
	else
		err_set(&why, EXIT_INTERNAL, "ended with status %d", status);
	return err_set(e, why.code, "the expression \"%.200s%s\" %s", expression, strlen(expression) > 200 ? "..." : "",
		       why.msg);
}

static int check_expression(const char *expression, const struct expr_reach *reach, struct buf *program, struct err *e)
{
	if (strlen(expression) > EXPR_TEXT_MAX)
		return err_set(e, EXIT_USAGE, "the expression is longer than %u bytes", EXPR_TEXT_MAX);
	return expr_words(expression, reach, program, e) < 0 ? -1 : expr_refuse(buf_str(program), e);
}

struct node *expr_apply(const struct node *doc, const char *expression, struct err *e)
{
	struct task task = {.docs = &doc, .n = 1, .expression = expression, .run = apply_child};
	struct buf program = {0}, said = {0};
	struct node *result = NULL;
	int status = 0;
	jv value;

	if (check_expression(expression, NULL, &program, e) < 0) {
		buf_free(&program);
		return NULL;
	}
	task.program = buf_str(&program);
	if (run(&task, &said, &status, e) == 0) {
		if (status != 0 || said.len == 0 || said.data[0] != '=') {
			explain(expression, &said, status, e);
		} else {
			value = jv_parse_sized(said.data + 1, (int)said.len - 1);
			if (jv_is_valid(value))
				result = expr_patch(doc, value, e);
			else
				err_set(e, EXIT_BADDATA, "the result of \"%.200s\" is nested too deep", expression);
			if (!jv_is_valid(value))
				jv_free(value);
		}
	}
	buf_free(&program);
	buf_free(&said);
	return result;
}

/* One line of the answer of query_child. */
static int take_line(const char *line, size_t len, int (*each)(void *, size_t, struct node *, struct err *), void *arg,
		     struct err *e)
{
	char *json;
	size_t doc = strtoul(line, &json, 10);
	jv value = jv_parse_sized(json + 1, (int)(len - (size_t)(json + 1 - line)));
	struct node *result;

	if (!jv_is_valid(value)) {
		jv_free(value);
		return err_set(e, EXIT_BADDATA, "a result of the expression is nested too deep");
	}
	result = expr_patch(NULL, value, e);
	return result ? each(arg, doc, result, e) : -1;
}

int expr_query_reaching(const struct node *const *docs, size_t n, const char *expression, const struct expr_reach *reach,
			int (*each)(void *arg, size_t doc, struct node *result, struct err *e), void *arg, struct err *e)
{
	struct task task = {.docs = docs, .n = n, .expression = expression, .run = query_child};
	struct buf program = {0}, said = {0};
	int status = 0, r = check_expression(expression, reach, &program, e);

	task.program = buf_str(&program);
	if (r == 0)
		r = run(&task, &said, &status, e);
	if (r == 0 && (status != 0 || said.len == 0 || said.data[0] != '='))
		r = explain(expression, &said, status, e);
	for (const char *line = r == 0 ? said.data + 1 : "", *end; r == 0 && (end = strchr(line, '\n')); line = end + 1)
		r = take_line(line, (size_t)(end - line), each, arg, e);
	buf_free(&program);
	buf_free(&said);
	return r;
}

int expr_query(const struct node *const *docs, size_t n, const char *expression,
	       int (*each)(void *arg, size_t doc, struct node *result, struct err *e), void *arg, struct err *e)
{
	return expr_query_reaching(docs, n, expression, NULL, each, arg, e);
}
