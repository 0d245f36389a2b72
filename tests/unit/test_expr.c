/* uses: render */
/* Expressions on a document: what they change, what they leave alone, and what stops them. */
#include <sys/resource.h>
#include <unistd.h>

#include "file.h"
#include "render/expr.h"
#include "tap.h"

static struct node *parse(const char *text)
{
	struct err e = {0};
	struct node *n = tree_parse(text, strlen(text), "doc", &e);

	if (!n)
		printf("Bail out! %s\n", e.msg);
	return n;
}

static void good(const char *doc, const char *expression, const char *want)
{
	struct node *n = parse(doc), *before = node_copy(n), *result;
	struct buf text = {0};
	struct err e = {0};

	result = expr_apply(n, expression, &e);
	if (!ok(result != NULL, "%s", strchr(expression, '\n') ? "an expression of several lines" : expression))
		printf("# %s\n", e.msg);
	if (result)
		tree_emit(result, &text);
	is_str(buf_str(&text), want, "  the document");
	ok(node_equal(n, before), "  the input is as it was");
	buf_free(&text);
	node_free(n);
	node_free(before);
	node_free(result);
}

static void bad(const char *doc, const char *expression, int code, const char *why)
{
	struct node *n = parse(doc), *result;
	struct err e = {0};

	result = expr_apply(n, expression, &e);
	ok(!result, "refused: %.60s", strchr(expression, '\n') ? "an expression of several lines" : expression);
	is_num(e.code, code, "  the code");
	if (!ok(strstr(e.msg, why) != NULL, "  says \"%s\"", why))
		printf("# %s\n", e.msg);
	node_free(n);
	node_free(result);
}

/* The forms of expressions that users of Lima write. */
static void test_forms(void)
{
	good("cpus: 1\n", ".cpus = 4", "cpus: 4\n");
	good("cpus: 1\n", "", "cpus: 1\n");
	good("cpus: 1\n", ".ssh.localPort = 60022", "cpus: 1\nssh:\n  localPort: 60022\n");
	good("cpus: 1\n", ".memory = \"8GiB\" | .disk=\"50GiB\"", "cpus: 1\nmemory: 8GiB\ndisk: 50GiB\n");
	good("cpus: 1\n", ".cpus |= . + 1", "cpus: 2\n");
	good("cpus: 1\n", ".cpus += 3", "cpus: 4\n");
	good("a: [x]\n", ".a += [\"y\"]", "a: [x, y]\n");
	good("b: 1\n", ".a += [\"y\"]", "b: 1\na:\n- y\n");
	good("a: [x]\n", ".a = [\"y\"] + .a", "a: [y, x]\n");
	good("a: null\n", ".a = [\"y\"] + .a", "a:\n- y\n");
	good("env:\n  A: b\n", ".env[\"X Y\"] = \"z\" | .env.Q = \"true\"", "env:\n  A: b\n  X Y: z\n  Q: \"true\"\n");
	good("env: null\n", ".env.X = \"y\"", "env:\n  X: y\n");
	good("env: null\n", ".env.\"X.Y\" = \"y\"", "env:\n  X.Y: y\n");
	good("mounts:\n- location: a\n- location: b\n", ".mounts[] .writable = true",
	     "mounts:\n- location: a\n  writable: true\n- location: b\n  writable: true\n");
	good("mounts:\n- location: a\n- location: b\n", ".mounts[1].writable=true",
	     "mounts:\n- location: a\n- location: b\n  writable: true\n");
	good("x: 1\n", ".mounts[0].location = \"a\"", "x: 1\nmounts:\n- location: a\n");
	good("mounts:\n- location: a\n- location: b\n", "(.mounts[] | select(.location == \"b\") | .writable) = true",
	     "mounts:\n- location: a\n- location: b\n  writable: true\n");
	good("mounts:\n- location: a\n- location: b\n", ".mounts |= map(select(.location != \"a\"))",
	     "mounts:\n- location: b\n");
	good("mounts:\n- location: a\n- location: b\n", ".mounts = [.mounts[] | select(.location == \"b\")]",
	     "mounts:\n- location: b\n");
	good("a: 1\nb: 2\n", "del(.a)", "b: 2\n");
	good("a: 1\n", "del(.b) | del(.c.d)", "a: 1\n");
	good("a: [1, 2, 3]\n", "del(.a[0])", "a: [2, 3]\n");
	good("a: 1\n", ".b = (.c // \"none\")", "a: 1\nb: none\n");
	good("a: 1\n", ".b = (.a == 1 and (.a != 2 or false) | not)", "a: 1\nb: false\n");
	good("a: 1\n", "setpath([\"b\", \"c\"]; 2)", "a: 1\nb:\n  c: 2\n");
	good("a: 1\n", ".a = null", "a: null\n");
	good("a: 1\n", ".a = {b: [], c: {}}", "a:\n  b: []\n  c: {}\n");
	good("a: 1\n", ".a = 0.5 | .b = 1e3 | .c = -7 | .d = .5", "a: 0.5\nb: 1000\nc: -7\nd: 0.5\n");
	good("a: 1\n", ".a = \"line 1\\nline 2\\n\"", "a: |\n  line 1\n  line 2\n");
	good("param:\n  x: a\n", ".param.x = \"\\(.param.x)b\"", "param:\n  x: ab\n");
}

/* What yq understands and jq does not. */
static void test_yq(void)
{
	good("mounts:\n- location: a\n", ".mounts[0].9p.msize = \"1MiB\"",
	     "mounts:\n- location: a\n  9p:\n    msize: 1MiB\n");
	good("mounts:\n- location: a\n", ".mounts[].9p.cache = \"mmap\"",
	     "mounts:\n- location: a\n  9p:\n    cache: mmap\n");
	good("a: 1\n", ".foo-bar = 2 | .x.y-z.q = 3", "a: 1\nfoo-bar: 2\nx:\n  y-z:\n    q: 3\n");
	good("a: 7\nb: 2\n", ".c = .a-1 | .d = .a - .b | .e = .a-.b", "a: 7\nb: 2\nc: 6\nd: 5\ne: 5\n");
	good("a: [c, a, b, a, c]\n", ".a |= unique", "a: [c, a, b]\n");
	good("a: [{k: 2}, {k: 1}, {k: 2, x: 1}]\n", ".a |= unique_by(.k)", "a: [{k: 2}, {k: 1}]\n");
	good("a: {b: 1}\n", "with(.a; .b = 2 | .c = 3)", "a: {b: 2, c: 3}\n");
	good("a: 1\n", ".mounts[].writable = true", "a: 1\n");
	good("a: 1\nmounts: null\n", ".mounts[].writable = true | .a = 2", "a: 2\nmounts: null\n");
	good("a: 1\n", ".a = 2 # it was 1\n", "a: 2\n");
	good("a: 1\n", ".a = \"# .9p [] \\\" \\(1 + 1) .9p\"", "a: \"# .9p [] \\\" 2 .9p\"\n");
	good("a: 1\n", ".a = 2\n| .b = 3", "a: 2\nb: 3\n");
	good("a: x\nb: 2\nc: [1]\n", ".t = ([.a, .b, .c, .] | map(tag)) | .k = (.c | kind)",
	     "a: x\nb: 2\nc: [1]\nt:\n- \"!!str\"\n- \"!!int\"\n- \"!!seq\"\n- \"!!map\"\nk: seq\n");
	good("b: 1\na: 2\n", ".k = keys", "b: 1\na: 2\nk:\n- b\n- a\n");
	good("mounts:\n- location: /a\n- location: /b/c\n", "(.mounts[] | select(.location == \"/b*\") | .writable) = true",
	     "mounts:\n- location: /a\n- location: /b/c\n  writable: true\n");
	good("mounts:\n- location: a\n- location: b\n", ".p = (.mounts[] | select(.location == \"b\") | path)",
	     "mounts:\n- location: a\n- location: b\np:\n- mounts\n- 1\n");
	good("l: [1, 2]\n", ".s = (.l[] as $i ireduce (0; . + $i))", "l: [1, 2]\ns: 3\n");
	good("env: {A: x}\nl: [1]\n", ". *+ {\"env\": {\"B\": \"y\"}, \"l\": [2]}", "env: {A: x, B: y}\nl: [1, 2]\n");
}

/* Comments, order, styles, and what kind of text stays. */
static void test_kept(void)
{
	static const char doc[] =
	    "# The title.\n\n# How many.\ncpus: 0x10 # four\nmemory: \"4GiB\" # quoted\n# Where from.\nimages:\n"
	    "# the first\n- location: a # a\n  arch: x86_64\n# the second\n- location: 'b' # b\n  arch: aarch64\n"
	    "yes: yes\nzip: 0644\nbig: 12345678901234567890123\nhuge: 9007199254740993\nnan: .nan\ninf: -.inf\nfloat: "
	    "1.50\n"
	    "script: |\n  #!/bin/sh\n  exit 0\nfold: >-\n  a b\nlist: [1, 2] # flow\n# the end\n";

	good(doc, ".", doc);
	good(doc, ".cpus = 16", doc);
	good("# The title.\n\n# How many.\ncpus: 4 # four\nmemory: \"4GiB\" # quoted\n# last\n",
	     ".cpus = 2 | .memory = \"8GiB\"",
	     "# The title.\n\n# How many.\ncpus: 2 # four\nmemory: \"8GiB\" # quoted\n# last\n");
	good("images:\n# one\n- location: a # a\n# two\n- location: b # b\n# three\n- location: c # c\n",
	     "del(.images[1])", "images:\n# one\n- location: a # a\n# three\n- location: c # c\n");
	good("images:\n# one\n- location: a # a\n# two\n- location: b # b\n",
	     ".images = [{location: \"x\"}] + .images + [{location: \"y\"}]",
	     "images:\n- location: x\n# one\n- location: a # a\n# two\n- location: b # b\n- location: y\n");
	good("images:\n# one\n- location: a # a\n# two\n- location: b # b\n", ".images[1].arch = \"aarch64\"",
	     "images:\n# one\n- location: a # a\n# two\n- location: b # b\n  arch: aarch64\n");
	good("images:\n# one\n- location: a # a\n# two\n- location: b # b\n- location: c\n", ".images |= [.[2], .[0]]",
	     "images:\n- location: c\n# one\n- location: a # a\n");
	good("a:\n# 1\n- x: 1\n# 2\n- x: 2\n# 3\n- x: 3\n", ".a |= [.[2], .[1] + {y: 1}, .[0]]",
	     "a:\n# 3\n- x: 3\n# 2\n- x: 2\n  y: 1\n# 1\n- x: 1\n");
	good("b: 1 # b\na: 2 # a\n", "{a, b, c: 3}", "b: 1 # b\na: 2 # a\nc: 3\n");
}

static void test_errors(void)
{
	bad("a: 1\n", ".cpus ==", EXIT_USAGE, "syntax error");
	bad("a: 1\n", ".a = \"x", EXIT_USAGE, "syntax error");
	bad("a: 1\n", "nope(1)", EXIT_USAGE, "nope/1 is not defined");
	bad("a: 1\n", ".a.b = 1", EXIT_USAGE, "Cannot index number with");
	bad("a: 1\n", ".a", EXIT_USAGE, "it gives a number, not the changed document");
	bad("a: 1\n", ".b", EXIT_USAGE, "it gives null, not the changed document");
	bad("a: 1\n", "empty", EXIT_USAGE, "it gives no result");
	bad("a: 1\n", "., .", EXIT_USAGE, "it gives several results");
	bad("a: 1\n", "repeat(.)", EXIT_USAGE, "it gives several results");
	bad("a: 1\n", "error(\"mine\")", EXIT_USAGE, "mine");
	bad("a: 1\n", "error({b: 1})", EXIT_USAGE, "{\"b\":1}");
	bad("a: 1\n", "halt", EXIT_USAGE, "halt is not allowed");
	bad("a: 1\n", ".a = env.HOME", EXIT_USAGE, "env operations have been disabled");
	bad("a: 1\n", ".a = env(HOME)", EXIT_USAGE, "env operations have been disabled");
	bad("a: 1\n", ".a = (\"x\" | $ENV.HOME)", EXIT_USAGE, "env operations have been disabled");
	bad("a: 1\n", ".a = load(\"/etc/passwd\")", EXIT_USAGE, "file operations have been disabled");
	good("env: {}\n", ".env.load = \"env(x)\"", "env:\n  load: env(x)\n");
	good("a: 1\nb: true\n", ".x = (.a == \"1\") | .y = (.b != \"true\") | .z = (.a == \"01\")",
	     "a: 1\nb: true\nx: true\ny: false\nz: false\n");
	good("a: []\n", ".x = (.a == []) | .y = (null == 0) | .z = ([1, 2] == [1, 2])", "a: []\nx: true\ny: false\nz: true\n");
	bad("a: 1\n", ".a = input", EXIT_USAGE, "an expression has no input but the document");
	bad("a: 1\n", ".a = [inputs, input_line_number, input_filename]", EXIT_USAGE,
	    "an expression has no input but the document");
	good("a: 1\n", "debug | .a |= debug", "a: 1\n");
	bad("a: 1\n", "import \"x\" as x; .", EXIT_USAGE, "syntax error");
	bad("a: 1\n", "include \"x\"; .", EXIT_USAGE, "syntax error");
	bad("a: 1\n", ".a = \"x\\u0000y\"", EXIT_USAGE, "NUL character");
	bad("a: 1\n", ".[\"x\\u0000y\"] = 1", EXIT_USAGE, "NUL character");
	bad("a: 1\n", ".a = load(\"/etc/passwd\")", EXIT_USAGE, "file operations have been disabled");
	bad("a: 1\n", ") | (.", EXIT_USAGE, "syntax error");
	bad("a: 1\n", ".a = ($ENV | length)", EXIT_USAGE, "env operations have been disabled");
}

static void test_limits(void)
{
	struct rusage used;
	char *text = xmalloc(EXPR_TEXT_MAX + 2);
	double before, after;

	getrusage(RUSAGE_CHILDREN, &used);
	before = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec;
	bad("a: 1\n", "last(repeat(1))", EXIT_BADDATA, "takes longer than 2 seconds; does it end?");
	getrusage(RUSAGE_CHILDREN, &used);
	after = (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec;
	ok(after - before < EXPR_CPU_SECONDS + 2, "the endless one was stopped after about its time");
	bad("a: 1\n", ".a = reduce range(70) as $i (1; [.])", EXIT_BADDATA, "nested deeper than 64");
	bad("a: 1\n", ".a = reduce range(300) as $i (1; [.])", EXIT_BADDATA, "nested too deep");
	bad("a: 1\n", ".a = [range(300000)]", EXIT_BADDATA, "more than 200000 values");
	bad("a: 1\n", ".a = [range(2000000) | \"0123456789\"]", EXIT_BADDATA, "gives more than 16777216 bytes");
	memset(text, ' ', EXPR_TEXT_MAX + 1);
	text[EXPR_TEXT_MAX + 1] = '\0';
	bad("a: 1\n", text, EXIT_USAGE, "is longer than");
	text[EXPR_TEXT_MAX] = '\0';
	good("a: 1\n", text, "a: 1\n");
	free(text);
}

#ifdef __has_feature
#define CLANG_ASAN __has_feature(address_sanitizer)
#else
#define CLANG_ASAN 0
#endif
#if defined(__SANITIZE_ADDRESS__) || CLANG_ASAN
#define ASAN 1
#else
#define ASAN 0
#endif

/* AddressSanitizer needs more address space than the limit would leave. */
static void test_memory(void)
{
	if (ASAN)
		printf("# the limit of memory does not go together with AddressSanitizer\n");
	else
		bad("a: 1\n", "reduce range(100) as $i (\"0123456789\"; . + .) | {a: length}", EXIT_BADDATA,
		    "needs more memory than 512 MiB");
}

/* Collects "DOC:JSON " of each result. */
static int collect(void *arg, size_t doc, struct node *result, struct err *e)
{
	struct buf *out = arg;

	(void)e;
	buf_addf(out, "%zu:", doc);
	tree_emit_json(result, false, out);
	buf_addc(out, ' ');
	node_free(result);
	return 0;
}

static void ask(const char *expression, const char *want)
{
	struct node *docs[2] = {parse("name: a\nn: 1\nm: {z: 1, b: 2}\n"), parse("name: b\nn: 107374182400\nm: {}\n")};
	struct buf text = {0};
	struct err e = {0};
	int r = expr_query((const struct node *const *)docs, 2, expression, collect, &text, &e);

	is_str(r == 0 ? buf_str(&text) : e.msg, want, expression);
	buf_free(&text);
	node_free(docs[0]);
	node_free(docs[1]);
}

static void test_query(void)
{
	ask(".name", "0:\"a\" 1:\"b\" ");
	ask(".", "0:{\"name\":\"a\",\"n\":1,\"m\":{\"z\":1,\"b\":2}} 1:{\"name\":\"b\",\"n\":107374182400,\"m\":{}} ");
	ask("select(.n == \"107374182400\")", "1:{\"name\":\"b\",\"n\":107374182400,\"m\":{}} ");
	ask(".name, .n", "0:\"a\" 0:1 1:\"b\" 1:107374182400 ");
	ask("empty", "");
	ask(".none[]", "");
	ask("\"x\\ny\"", "0:\"x\\ny\" 1:\"x\\ny\" ");
	ask("env(HOME)", "env operations have been disabled");
	ask("(", "the expression \"(\" fails: syntax error, unexpected end of file");
	ask("halt", "the expression \"halt\" fails: halt is not allowed");
	ask("if .name == \"b\" then error(\"no b\") else 1 end",
	    "the expression \"if .name == \"b\" then error(\"no b\") else 1 end\" fails: no b");
}

int main(void)
{
	test_query();
	test_forms();
	test_yq();
	test_kept();
	test_errors();
	test_limits();
	test_memory();
	return done();
}
