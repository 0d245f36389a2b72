/* uses: render */
/* Quoting: fixed examples, and the property that what is quoted reads back the same. */
#include "render/out_text.h"
#include "spawn.h"
#include "tap.h"
#include "tree.h"

/* Texts that have broken somebody's quoting before. */
static const char *const nasty[] = {
	"", " ", "  lead", "trail  ", "\ttab\t", "two\nlines", "two\n\n", "\n", "cr\rlf\r\n", "\"", "'", "it's",
	"`id`", "$x", "${IFS}", "$(id)",
	"a,b", "k=v", "-x", "- item", "#", "a #b", "a: b", "a:", "?", "&a", "*a", "!t", "|", ">", "%", "@", "[a]",
	"{a: b}", "null", "~", "yes",
	"no", "true", "1", "0x1f", "1e3", "1:30", ".inf", "2001-01-01", "<<", "=", "\\", "\\n", "\\\"",
	"\x01\x02\x1b[0m\x7f", "ü", "日本語",
	"\xf0\x9f\x98\x80", "\xc2\x85", "\xc2\xa0", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf-bom",
	"\xef\xbf\xbe", "---", "...", "--- a", "%YAML",
};
#define NASTY (sizeof(nasty) / sizeof(*nasty))

static void fixed(void)
{
	static const struct {
		const char *in, *want;
	} t[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"" },
		{ "1\n2\r\t\x1b\x7f", "\"1\\n2\\r\\t\\x1b\\x7f\"" },
		{ "\xc2\x85\xe2\x80\xa8\xef\xbb\xbf", "\"\\x85\\u2028\\ufeff\"" },
		{ "M\xc3\xbcller \xf0\x9f\x98\x80", "\"M\xc3\xbcller \xf0\x9f\x98\x80\"" },
		{ "\xf3\xbf\xbf\xbe", "\"\\U000ffffe\"" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct buf b = { 0 };

		yaml_quoted(&b, t[i].in);
		is_str(buf_str(&b), t[i].want, "quoted for YAML");
		buf_free(&b);
	}
}

static void words(void)
{
	static const struct {
		const char *in, *want;
	} t[] = {
		{ "eth0", "eth0" }, { "lima12", "lima12" }, { "Europe/Berlin", "Europe/Berlin" }, { "Etc/GMT+1",
				"Etc/GMT+1" },
		{ "no", "\"no\"" }, { "null", "\"null\"" }, { "0eth", "\"0eth\"" }, { "a b1", "\"a b1\"" }, { "",
				"\"\"" },
		{ "UTC", "\"UTC\"" }, { "a1:", "\"a1:\"" }, { "-a1", "\"-a1\"" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct buf b = { 0 };

		yaml_word(&b, t[i].in);
		is_str(buf_str(&b), t[i].want, "a word for YAML");
		buf_free(&b);
	}
}

static void reads_back(void)
{
	struct buf doc = { 0 };
	struct err e = { 0 };
	struct node *tree;

	for (size_t i = 0; i < NASTY; i++) {
		buf_adds(&doc, "- ");
		yaml_quoted(&doc, nasty[i]);
		buf_adds(&doc, "\n- [1, ");
		yaml_quoted(&doc, nasty[i]);
		buf_adds(&doc, ", 2]\n- {k: ");
		yaml_quoted(&doc, nasty[i]);
		buf_adds(&doc, "}\n");
	}
	tree = tree_parse(buf_str(&doc), doc.len, "nasty", &e);
	if (!ok(tree && tree->n == 3 * NASTY, "the quoted texts are one YAML list"))
		printf("# %s\n", e.msg);
	for (size_t i = 0; tree && i < NASTY; i++) {
		is_str(tree->item[3 * i]->str, nasty[i], "reads back in a list");
		is_str(tree->item[3 * i + 1]->n == 3 ? tree->item[3 * i + 1]->item[1]->str : NULL, nasty[i],
				"reads back in a flow list");
		is_str(tree_str(tree->item[3 * i + 2], NULL, "k"), nasty[i], "reads back in a flow map");
	}
	node_free(tree);
	buf_free(&doc);
}

/* No quoted text may contain a line end: line parsers would see a new entry. */
static void one_line(void)
{
	for (size_t i = 0; i < NASTY; i++) {
		struct buf b = { 0 };

		yaml_quoted(&b, nasty[i]);
		ok(!strpbrk(buf_str(&b), "\r\n"), "one line");
		buf_free(&b);
	}
}

static void shell(void)
{
	struct err e = { 0 };

	for (size_t i = 0; i < NASTY; i++) {
		struct buf script = { 0 }, out = { 0 };
		struct strv argv = { 0 };
		int status = 1;

		buf_adds(&script, "printf %s ");
		shell_quoted(&script, nasty[i]);
		strv_add(&argv, "/bin/sh");
		strv_add(&argv, "-c");
		strv_add(&argv, buf_str(&script));
		spawn_run(argv.v, &out, NULL, &status, &e);
		ok(status == 0 && !strcmp(buf_str(&out), nasty[i]), "the shell gives it back");
		strv_free(&argv);
		buf_free(&out);
		buf_free(&script);
	}
}

static void kinds(void)
{
	ok(text_is_printable("M\xc3\xbcller x"), "printable");
	ok(!text_is_printable("a\tb") && !text_is_printable("\xc2\x85") && !text_is_printable("\xff"),
			"not printable");
	ok(text_is_ascii("a ~") && !text_is_ascii("\xc3\xbc") && !text_is_ascii("\n"), "ASCII");
}

static void lines(void)
{
	struct buf b = { 0 };

	yaml_lines(&b, "a\n\n  b\nc", 2);
	is_str(buf_str(&b), "  a\n\n    b\n  c\n", "lines of a block");
	buf_free(&b);
}

int main(void)
{
	fixed();
	words();
	reads_back();
	one_line();
	shell();
	kinds();
	lines();
	return done();
}
