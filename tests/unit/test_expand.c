/* uses: render */
/* The template language: what prints what, and what every mistake is told. Results were compared with Go's
 * text/template. */
#include "render/expand.h"
#include "tap.h"

static const char vars_yaml[] =
    "Name: foo\nHome: /home/u v\nUID: 1000\nYes: true\nNo: false\nEmpty: ''\nZero: 0\nF: 1.5\n"
    "Param: {a: x, flag: 'true', html: \"<a href=\\\"x\\\">'&'</a>\", my-key: dash}\n"
    "List: [one, two, 3]\nNone: []\nNoMap: {}\nConfig: {vm: {on: true}, '*': null}\n";

/* Text and what it prints. */
static const struct {
	const char *text, *want;
} good[] = {
    {"", ""},
    {"plain }} text", "plain }} text"},
    {"{{.Name}}", "foo"},
    {"a{{ .Name }}b", "afoob"},
    {"{{.UID}} {{.Yes}} {{.F}}", "1000 true 1.5"},
    {"{{.Param.a}} {{$.Param.a}} {{(.Param).a}}", "x x x"},
    {"{{.Name}}}}", "foo}}"},
    {"{{\"{{\"}}", "{{"},
    /* trim marks and comments */
    {"a  {{- .Name -}}  b", "afoob"},
    {"a \n\t{{- 3 -}}\r\n b", "a3b"},
    {"{{-3}}", "-3"},
    {"{{/* c */}}x", "x"},
    {"a {{- /* c */ -}}  x", "ax"},
    {"l1\n{{- if .Yes }}\n  yes\n{{- end }}\nl2\n", "l1\n  yes\nl2\n"},
    {"a {{.Name\n|\nlen}}", "a 3"},
    /* if */
    {"{{if .Yes}}y{{else}}n{{end}}", "y"},
    {"{{if .No}}y{{else}}n{{end}}", "n"},
    {"{{if .Empty}}y{{else if .Zero}}z{{else}}n{{end}}", "n"},
    {"{{if .Empty}}y{{else if .UID}}z{{else}}n{{end}}", "z"},
    {"{{if .None}}y{{end}}{{if .NoMap}}y{{end}}{{if .List}}l{{end}}", "l"},
    {"{{if .Param.flag}}y{{end}}{{if \"false\"}}also{{end}}", "yalso"},
    {"{{if eq .Param.flag \"true\"}}on{{end}}", "on"},
    {"{{if and (eq .Param.flag \"true\") (not .No)}}on{{end}}", "on"},
    {"{{if .Yes}}{{if .No}}a{{else}}b{{end}}c{{end}}", "bc"},
    /* with, range */
    {"{{with .Name}}<{{.}}>{{else}}none{{end}}", "<foo>"},
    {"{{with .Empty}}<{{.}}>{{else}}none{{end}}", "none"},
    {"{{with .Empty}}<{{.}}>{{else with .Name}}[{{.}}]{{end}}", "[foo]"},
    {"{{with $x := .Name}}{{$x}}{{$.UID}}{{end}}", "foo1000"},
    {"{{with .Param}}{{.a}}{{$.Name}}{{end}}", "xfoo"},
    {"{{range .List}}{{.}},{{end}}", "one,two,3,"},
    {"{{range $i, $v := .List}}{{$i}}={{$v}};{{end}}", "0=one;1=two;2=3;"},
    {"{{range $v := .List}}{{$v}};{{end}}", "one;two;3;"},
    {"{{range .None}}x{{else}}empty{{end}}", "empty"},
    {"{{range $k, $v := .NoMap}}x{{else}}empty{{end}}", "empty"},
    {"{{range $k, $v := slice .List 1}}{{$k}}{{$v}}{{end}}", "0two13"},
    {"{{range 3}}{{.}}{{end}}{{range .Zero}}x{{else}}e{{end}}", "012e"},
    {"{{range $i, $e := .List}}{{if $i}}, {{end}}{{$e}}{{end}}", "one, two, 3"},
    /* variables */
    {"{{$x := \"a\"}}{{$x}}{{$x = \"b\"}}{{$x}}", "ab"},
    {"{{$x := 1}}{{if .Yes}}{{$x = 2}}{{end}}{{$x}}", "2"},
    {"{{$x := 1}}{{if .Yes}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"},
    {"{{$x := .Param}}{{$x.a}}", "x"},
    {"{{$n := 0}}{{range .List}}{{$n = len (print $n .)}}{{end}}{{$n}}", "3"},
    /* and, or, not, comparisons */
    {"{{and 1 0 2}} {{or 0 \"\" \"x\"}} {{and 1 2}} {{or 0 \"\"}}|", "0 x 2 |"},
    {"{{and .No (index .List 9)}} {{or .Yes (index .List 9)}}", "false true"},
    {"{{not .Empty}} {{not 1}}", "true false"},
    {"{{eq 1 1}} {{eq \"a\" \"b\" \"a\"}} {{ne 1 2}} {{eq .UID 1000}}", "true true true true"},
    {"{{lt 1 2}} {{le \"a\" \"a\"}} {{gt 1.5 0.5}} {{ge 1 2}} {{lt \"a\" \"ab\"}}", "true true true false true"},
    {"{{eq .Name nil}}", "false"},
    /* len, index, slice */
    {"{{len .Name}} {{len .List}} {{len .NoMap}} {{.Name | len}}", "3 3 0 3"},
    {"{{index .List 1}} {{index .Param \"my-key\"}} {{index .Name 0}}", "two dash 102"},
    {"{{slice .Name 1 2}} {{slice .Name 1}} {{slice .List 1}}", "o oo [two 3]"},
    {"{{index (slice .List 1 3) 0}} {{len (slice .List 1 2)}}", "two 1"},
    /* print and printf */
    {"{{print 1 2 \"a\" 3 4}}|{{println \"a\" 1}}", "1 2a3 4|a 1\n"},
    {"{{printf \"%s-%d-%v-%q\" .Name .UID .Yes \"a\\\"b\"}}", "foo-1000-true-\"a\\\"b\""},
    {"{{printf \"%5d|%-5d|%05d|%x|%X|%o|%b|%c|%+d\" 42 42 42 255 255 8 5 65 7}}",
     "   42|42   |00042|ff|FF|10|101|A|+7"},
    {"{{printf \"%#x %#o % d %#08x %.3d\" 255 8 42 255 7}}", "0xff 010  42 0x000000ff 007"},
    {"{{printf \"%8.3f|%e|%g|%v\" 3.14159 1234.5 0.00001 1e21}}", "   3.142|1.234500e+03|1e-05|1e+21"},
    {"{{printf \"%10s|%-10s|%.2s|%x\" \"abc\" \"abc\" \"abc\" \"abc\"}}", "       abc|abc       |ab|616263"},
    {"{{printf \"%t %v %% %c %q\" true false 233 65}}", "true false % \xc3\xa9 'A'"},
    {"{{printf \"%6.2f|%-8v|%08.3f|%v\" .F .Yes .F .List}}", "  1.50|true    |0001.500|[one two 3]"},
    {"{{.UID | printf \"%03d\"}} {{.Name | printf \"%s %s\" \"a\"}}", "1000 a foo"},
    {"{{.List}} {{.None}} {{.NoMap}}", "[one two 3] [] map[]"},
    {"{{1e6}} {{123456.5}} {{0.0001}} {{1.0}}", "1e+06 123456.5 0.0001 1"},
    /* escapes */
    {"{{html .Param.html}}", "&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;&lt;/a&gt;"},
    {"{{js \"a\\nb=c'\\\"<\"}}", "a\\u000Ab\\u003Dc\\'\\\"\\u003C"},
    {"{{urlquery \"a b&c/\xc3\xa9-_.~\"}}", "a+b%26c%2F%C3%A9-_.~"},
    {"{{.Param.a | html | printf \"%s!\"}}", "x!"},
    /* literals */
    {"{{\"q \\t \\x41 \\u00e9 \\101\"}} {{`raw\\n`}}", "q \t A \xc3\xa9 A raw\\n"},
    {"{{'a'}} {{'\\n'}} {{'\xc3\xa9'}}", "97 10 233"},
    {"{{0x1f}} {{0o17}} {{017}} {{0b11}} {{1_000}} {{1.5}} {{.5}} {{-1}} {{+1}}", "31 15 15 3 1000 1.5 0.5 -1 1"},
    {"{{9223372036854775807}} {{-9223372036854775808}}", "9223372036854775807 -9223372036854775808"},
    /* what Go does not have */
    {"{{json .List}} {{json .Name}} {{json .UID}} {{json .Yes}} {{json .Param.html}}",
     "[\"one\",\"two\",3] \"foo\" 1000 true \"<a href=\\\"x\\\">'&'</a>\""},
    {"{{yaml .List}}|{{json (slice .List 2)}}", "---\n- one\n- two\n- 3\n|[3]"},
    {"{{indent \"a\\nb\\n\"}}|{{indent 4 .Name}}|{{yaml .List | indent 1}}", "  a\n  b\n|    foo| ---\n - one\n - two\n - 3\n"},
    {"{{missing .Name}} {{missing \"\"}} {{missing \"-\" \"\"}} {{\"\" | missing \"none\"}}", "foo <missing> - none"},
    /* maps that forgive unknown keys */
    {"{{.Config.vm.on}} {{.Config.nope}} {{if .Config.nope.deeper.still}}x{{else}}no{{end}}", "true <no value> no"},
};

/* Text, and the message in full. */
static const struct {
	const char *text, *want;
} bad[] = {
    {"x\n\xc3\xa9 {{.Foo}}",
     "2:5: unknown variable .Foo; there are .Config, .Empty, .F, .Home, .List, .Name, .No, .NoMap, .None, "
     ".Param, .UID, .Yes, .Zero"},
    {"{{.Param.nope}}", "1:3: unknown variable .Param.nope; in .Param there is a, flag, html, my-key"},
    {"{{if .No}}{{.Param.nope}}{{end}}",
     "1:13: unknown variable .Param.nope; in .Param there is a, flag, html, my-key"},
    {"{{$.NoMap.x}}", "1:3: unknown variable $.NoMap.x; in $.NoMap there is nothing"},
    {"{{with .Param}}{{.zz}}{{end}}", "1:18: unknown variable .zz; there are .a, .flag, .html, .my-key"},
    {"{{index .Param \"zz\"}}", "1:3: index: there is no key \"zz\""},
    {"{{.Name.x}}", "1:3: .Name has no fields (.x), it is a text"},
    {"{{nope}}", "1:3: unknown function \"nope\"; there are and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, "
		 "print, printf, "
		 "println, html, js, urlquery, json, yaml, indent, missing"},
    {"{{Name}}", "1:3: unknown function \"Name\"; there are and, or, not, eq, ne, lt, le, gt, ge, len, index, slice, "
		 "print, printf, "
		 "println, html, js, urlquery, json, yaml, indent, missing; a variable needs a dot before its name"},
    {"{{$y}}", "1:3: unknown variable $y; set it first with {{$y := ...}}"},
    {"{{if .Yes}}{{$x := 1}}{{end}}{{$x}}", "1:32: unknown variable $x; set it first with {{$x := ...}}"},
    {"{{.Na-me}}", "1:6: unexpected \"-\" after a name; for a key with a dash write: index .Map \"the-key\""},
    {"{{.Name", "1:8: the text ends inside {{ }}; \"}}\" is missing"},
    {"{{\"abc}}", "1:3: a quoted text is not closed on its line"},
    {"{{`abc}}", "1:3: a text in ` is not closed"},
    {"{{/* abc }}", "1:3: a comment is not closed"},
    {"{{/* a */ }}", "1:10: a comment must be followed by }} at once"},
    {"{{}}", "1:3: nothing between {{ and }}"},
    {"{{if}}x{{end}}", "1:5: unexpected \"}}\"; a value or a function is missing"},
    {"{{if .Yes}}x", "1:3: this block has no {{end}}"},
    {"x{{end}}", "1:4: {{end}} without a block"},
    {"x{{else}}", "1:4: {{else}} without a block"},
    {"{{if .Yes}}{{else}}{{else}}{{end}}", "1:22: a second {{else}} in one block"},
    {"{{(.Name}}", "1:9: unexpected \"}}\""},
    {"{{.Name)}}", "1:8: unexpected \")\""},
    {"{{.Name | }}", "1:11: unexpected \"}}\"; a value or a function is missing"},
    {"{{.Name .UID}}", "1:3: only a function can be given arguments"},
    {"{{1 | .Name}}", "1:7: only a function can be given arguments"},
    {"{{nil}}", "1:3: nil alone means nothing"},
    {"{{template \"x\"}}", "1:3: {{template}} is not supported"},
    {"{{break}}", "1:3: {{break}} is not supported"},
    {"{{len}}", "1:3: len takes 1 argument, not 0"},
    {"{{eq 1}}", "1:3: eq takes at least 2 arguments, not 1"},
    {"{{not 1 2}}", "1:3: not takes 1 argument, not 2"},
    {"{{slice .Name 0 1 1 1}}", "1:3: slice takes at most 4 arguments, not 5"},
    {"{{eq .UID \"1000\"}}", "1:3: cannot compare a whole number with a text; put quotes around the number or boolean"},
    {"{{eq 1 1.5}}", "1:3: cannot compare a whole number with a fraction"},
    {"{{eq .List .List}}", "1:3: a list cannot be compared"},
    {"{{lt true false}}", "1:3: a boolean has no order"},
    {"{{len 3}}", "1:3: len needs a text, a list or a map, not a whole number"},
    {"{{index .List 5}}", "1:3: index: 5 is outside of 3 elements"},
    {"{{index .List -1}}", "1:3: index: -1 is outside of 3 elements"},
    {"{{index .List \"a\"}}", "1:3: index: a position is a whole number, not a text"},
    {"{{slice .Name 2 1}}", "1:3: slice: 1 is outside of 3 elements"},
    {"{{range .Name}}x{{end}}", "1:3: range needs a list, a map or a whole number, not a text"},
    {"{{printf \"%d\" \"x\"}}", "1:3: printf: %d cannot print a text"},
    {"{{printf \"%d\"}}", "1:3: printf: there are more directives than the 0 values"},
    {"{{printf \"%d\" 1 2}}", "1:3: printf: 2 values for 1 directives"},
    {"{{printf \"%99999d\" 1}}", "1:3: printf: a width or precision over 4096"},
    {"{{printf \"%y\" 1}}", "1:3: printf: unknown directive %y"},
    {"{{printf \"%\"}}", "1:3: printf: the format ends in the middle of a directive"},
    {"{{\"\\q\"}}", "1:5: unknown escape in a text; use `...` for a text without escapes"},
    {"{{'ab'}}", "1:3: '...' holds one character; texts stand in \"...\""},
    {"{{1__0}}", "1:4: a \"_\" in a number stands between two digits"},
    {"{{..Name}}", "1:4: unexpected Name; one dot is enough"},
    {"{{08}}", "1:3: \"08\" is not a number"},
    {"{{9223372036854775808}}", "1:3: \"9223372036854775808\" is not a number"},
    {"{{range 2000000}}{{end}}",
     "1:3: the template does more than 1000000 steps; is there a range over a large number?"},
    {"{{$x := \"0123456789abcdef\"}}{{range 30}}{{$x = print $x $x}}{{end}}",
     "1:48: a text is larger than 4194304 bytes"},
};

static struct node *parse(const char *text)
{
	struct err e = {0};
	struct node *n = tree_parse(text, strlen(text), "vars", &e);

	if (!n)
		printf("Bail out! %s\n", e.msg);
	return n;
}

/* The text as a name of a test: on one line, short. */
static void name_of(const char *kind, size_t i, const char *text, char name[80])
{
	snprintf(name, 80, "%s %zu: %s", kind, i, text);
	for (char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == '#')
			*p = ' ';
}

static void test_good(const struct node *vars)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct buf out = {0};
		struct err e = {0};
		char name[80];

		buf_adds(&out, ">");
		name_of("good", i, good[i].text, name);
		if (!ok(expand_text(good[i].text, vars, &out, &e) == 0, "%s", name))
			printf("# %s\n", e.msg);
		is_str(buf_str(&out) + 1, good[i].want, "  prints what it should");
		buf_free(&out);
	}
}

static void test_bad(const struct node *vars)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf out = {0};
		struct err e = {0};
		char name[80];

		buf_adds(&out, "kept");
		name_of("bad", i, bad[i].text, name);
		is_num(expand_text(bad[i].text, vars, &out, &e), -1, name);
		is_num(e.code, EXIT_BADDATA, "  is bad data");
		is_str(e.msg, bad[i].want, "  says why");
		is_str(buf_str(&out), "kept", "  leaves the output alone");
		buf_free(&out);
	}
}

/* n times `open`, then n times `close`. */
static char *nested(const char *open, const char *middle, const char *close, int n)
{
	struct buf b = {0};

	for (int i = 0; i < n; i++)
		buf_adds(&b, open);
	buf_adds(&b, middle);
	for (int i = 0; i < n; i++)
		buf_adds(&b, close);
	return buf_detach(&b);
}

static void check_nested(const struct node *vars, char *text, bool fits, const char *name)
{
	struct buf out = {0};
	struct err e = {0};

	is_num(expand_text(text, vars, &out, &e), fits ? 0 : -1, name);
	if (!fits)
		ok(strstr(e.msg, "deeper than 64"), "says so: %s", e.msg);
	free(text);
	buf_free(&out);
}

static void test_limits(const struct node *vars)
{
	struct buf out = {0};
	struct err e = {0};
	char *parens, *block = nested("{{printf \"%4096d\" 1}}", "", "", 1030);

	check_nested(vars, nested("{{if .Yes}}", "x", "{{end}}", EXPAND_DEPTH_MAX), true, "blocks as deep as allowed");
	check_nested(vars, nested("{{if .Yes}}", "x", "{{end}}", EXPAND_DEPTH_MAX + 1), false, "blocks one deeper");
	check_nested(vars, nested("{{if .Yes}}", "x", "{{end}}", 100000), false, "very deep blocks");
	parens = nested("(", ".Yes", ")", EXPAND_DEPTH_MAX);
	check_nested(vars, xasprintf("{{%s}}", parens), true, "parentheses as deep as allowed");
	check_nested(vars, xasprintf("{{(%s)}}", parens), false, "parentheses one deeper");
	free(parens);
	is_num(expand_text(block, vars, &out, &e), -1, "more output than allowed is refused");
	ok(strstr(e.msg, "the expanded text is larger than 4194304 bytes"), "says so: %s", e.msg);
	free(block);
	buf_free(&out);
}

int main(void)
{
	struct node *vars = parse(vars_yaml);

	if (!vars)
		return 1;
	test_good(vars);
	test_bad(vars);
	test_limits(vars);
	node_free(vars);
	return done();
}
