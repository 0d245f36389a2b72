#include "tap.h"

#include "tree.h"

static struct node *parse(const char *text)
{
	struct err e = { 0 };
	struct node *n = tree_parse(text, strlen(text), "t.yaml", &e);

	if (!n)
		printf("# %s\n", e.msg);
	return n;
}

/* Parsing, printing and parsing again gives the same; the text is `want`. */
static void same(const char *text, const char *want, const char *name)
{
	struct node *a = parse(text), *b = NULL;
	struct buf out = { 0 }, again = { 0 };

	ok(a != NULL, "%s: parses", name);
	if (a) {
		tree_emit(a, &out);
		is_str(buf_str(&out), want, name);
		b = parse(buf_str(&out));
		ok(b && node_equal(a, b), "%s: the printed text means the same", name);
		if (b)
			tree_emit(b, &again);
		is_str(buf_str(&again), want, "... and is printed the same");
	}
	node_free(a);
	node_free(b);
	buf_free(&out);
	buf_free(&again);
}

static void fails(const char *text, const char *want)
{
	struct err e = { 0 };
	struct node *n = tree_parse(text, strlen(text), "t.yaml", &e);

	ok(n == NULL && e.code == EXIT_BADDATA, "refused: %s", want);
	is_str(e.msg, want, "the message");
	node_free(n);
}

static void json(const char *text, const char *want)
{
	struct node *n = parse(text);
	struct buf out = { 0 };

	if (n)
		tree_emit_json(n, false, &out);
	is_str(buf_str(&out), want, "as JSON");
	node_free(n);
	buf_free(&out);
}

static void round_trips(void)
{
	same("# Licence\n# text\n\n# about a\na: 1 # one\n\n# about b\nb:\n  # about c\n  c: x   # see\n  # foot of b\nd: [1, two, {x: y}] # flow\n# the end\n",
	     "# Licence\n# text\n\n# about a\na: 1 # one\n\n# about b\nb:\n  # about c\n  c: x   # see\n  # foot of b\nd: [1, two, {x: y}] # flow\n# the end\n",
	     "comments");
	same("mounts:\n- location: \"~\"\n  writable: true\n# second\n- location: '/tmp/lima'\n",
	     "mounts:\n- location: \"~\"\n  writable: true\n# second\n- location: '/tmp/lima'\n", "list at the key's column");
	same("mounts:\n  - a\n\n  - b\n  # - c\nnext: null\n", "mounts:\n  - a\n\n  - b\n  # - c\nnext: null\n", "indented list");
	same("a: |\n  #!/bin/sh\n  echo x\n\n  echo y\n\nb: |-\n  z\nc: |+\n  keep\n\nd: e\n",
	     "a: |\n  #!/bin/sh\n  echo x\n\n  echo y\n\nb: |-\n  z\nc: |+\n  keep\n\nd: e\n", "literal blocks");
	same("a: | # why\n    x\n     y\nb: >\n  one two\n  three\n\n  four\n", "a: | # why\n  x\n   y\nb: >\n  one two three\n\n  four\n",
	     "block headers");
	same("a:\nb: ~\nc: Null\nd: True\ne: 0x10\nf: 1.50\ng: \"80\"\nh: yes\ni: 0644\n",
	     "a:\nb: ~\nc: Null\nd: True\ne: 0x10\nf: 1.50\ng: \"80\"\nh: yes\ni: 0644\n", "words keep their spelling");
	same("- - a\n  - b\n- c: d\n  e:\n  - f\n", "- - a\n  - b\n- c: d\n  e:\n  - f\n", "nested lists");
	same("a: [\n  # why\n  x,\n  y # because\n]\n", "a:\n# why\n- x\n- y # because\n", "comments in a flow list make it a block");
	same("# only a comment\n", "# only a comment\n", "nothing but a comment");
	same("", "{}\n", "the empty text");
	same("a: b\r\n# c\r\nd: e # f\r\n", "a: b\n# c\nd: e # f\n", "line ends of Windows");
	same("a: \"x\\ty\\u0001\\n\"\n'8080': 1\n9p: {msize: 1}\n\"a b\": c\n", "a: \"x\\ty\\u0001\\n\"\n8080: 1\n9p: {msize: 1}\na b: c\n",
	     "escapes and keys");
	same("k: # here\n  a: 1\nl: # there\n- x\n", "k: # here\n  a: 1\nl: # there\n- x\n", "comments behind keys");
	same("\xc3\xa4: \xe2\x82\xac # \xc3\xb6\nb: c\n", "\xc3\xa4: \xe2\x82\xac # \xc3\xb6\nb: c\n", "UTF-8");
	same("s: |2\n    x\n  y\n", "s: |2\n    x\n  y\n", "a literal that begins with blanks");
}

static void as(const char *text, unsigned indent, bool one_blank, const char *want, const char *name)
{
	struct node *n = parse(text), *again = NULL;
	struct buf out = { 0 };

	tree_emit_as(n, &(struct tree_style){ .indent = indent, .one_blank = one_blank }, &out);
	is_str(buf_str(&out), want, name);
	again = parse(buf_str(&out));
	ok(again && node_equal(n, again), "%s: it means the same", name);
	node_free(again);
	node_free(n);
	buf_free(&out);
}

static void layouts(void)
{
	static const char doc[] = "a:   # why\n- b: 1  # one\n  c:\n  - d\n  e:\n    f: |2\n        x\n      y\n";

	same("a: 1  # two\nb:   # three\n  c: |  # head\n    x\nd: [1, 2]    # four\ne: 5\t# a tab\nf:\n-  # five\n  - g  # six\n",
	     "a: 1  # two\nb:   # three\n  c: |  # head\n    x\nd: [1, 2]    # four\ne: 5 # a tab\nf:\n# five\n- - g  # six\n",
	     "blanks before comments");
	as(doc, 2, false, doc, "as it was");
	as(doc, 4, true, "a: # why\n- b: 1 # one\n  c:\n  - d\n  e:\n    f: |4\n          x\n        y\n", "by four");
	as("a:\n  - b\n  - c:\n      - d\n    e: {f: 1}\n", 4, false, "a:\n    - b\n    - c:\n        - d\n      e: {f: 1}\n",
	   "lists by four");
	as("a:\n  b: 1\n", 12, false, "a:\n  b: 1\n", "too much is the usual");
}

static void values(void)
{
	json("a: 0644\nb: 0o17\nc: 0b101\nd: 1_000\ne: -0x1F\nf: 08\ng: 1e3\nh: .5\ni: +7\nj: 1_\nk: 9223372036854775808\n",
	     "{\"a\":420,\"b\":15,\"c\":5,\"d\":1000,\"e\":-31,\"f\":\"08\",\"g\":1000,\"h\":0.5,\"i\":7,\"j\":\"1_\","
	     "\"k\":9.223372036854776e+18}");
	json("a: yes\nb: no\nc: on\nd: y\ne: TRUE\nf: ~\ng: NULL\nh: ''\ni: 2.0.0\nj: 12:30:45\n",
	     "{\"a\":\"yes\",\"b\":\"no\",\"c\":\"on\",\"d\":\"y\",\"e\":true,\"f\":null,\"g\":null,\"h\":\"\",\"i\":\"2.0.0\","
	     "\"j\":\"12:30:45\"}");
	json("a: !!str 1\nb: !!int \"7\"\nc: !!binary aGVsbG8=\nd: !!float 2\ne: !!null ''\nf: !local x\ng: !!bool \"true\"\n",
	     "{\"a\":\"1\",\"b\":7,\"c\":\"hello\",\"d\":2,\"e\":null,\"f\":\"x\",\"g\":true}");
	json("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz:\n  <<: [{c: 1}, {c: 2, d: 4}]\n", "{\"x\":{\"a\":1,\"b\":2},"
	     "\"y\":{\"b\":3,\"a\":1},\"z\":{\"c\":1,\"d\":4}}");
	json("a: &s text\nb: *s\n\"<<\": plain\n---\nsecond: document\n", "{\"a\":\"text\",\"b\":\"text\",\"<<\":\"plain\"}");
	json("\xef\xbb\xbf" "a: 1\n", "{\"a\":1}");
	json("a: \"q\\\"\\\\\\u00e9\\u0001\"\n", "{\"a\":\"q\\\"\\\\\xc3\xa9\\u0001\"}");
}

static void refusals(void)
{
	fails("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: the key a is given twice");
	fails("a: *x\n", "t.yaml:1:4: there is no anchor &x before this");
	fails("a: &x [*x]\n", "t.yaml:1:8: *x stands inside of its own anchor");
	fails("a: b: c\n", "t.yaml:1:5: not valid YAML: \": \" cannot stand here; quote the value, or correct the indentation");
	fails("a: {{.X}}\n", "t.yaml:1:5: a key must be a word or a text, not a list or a map; quote {{...}}");
	fails("a: \"x\\0\"\n", "t.yaml:1:4: a NUL character cannot be used");
	fails("x:\n <<: 1\n", "t.yaml:2:6: <<: wants a map or a list of maps");
	fails("a: !!int x\n", "t.yaml:1:4: this is no !!int");
	fails("a: \xff\n", "t.yaml:1:4: not valid YAML: invalid leading UTF-8 octet; save the file as UTF-8");
	fails("a: \x01\n", "t.yaml:1:4: not valid YAML: control characters are not allowed");
	fails("\xff\xfe" "a", "t.yaml:1:1: not valid YAML: invalid leading UTF-8 octet; save the file as UTF-8");
	fails("a: [1,\n", "t.yaml:2:1: not valid YAML: did not find expected node content");
}

static void hostile(void)
{
	struct buf bomb = { 0 };
	struct err e = { 0 };

	buf_adds(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++) {
		buf_addf(&bomb, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			buf_addf(&bomb, "%s*a%d", j ? ", " : "", i - 1);
		buf_adds(&bomb, "]\n");
	}
	ok(!tree_parse(buf_str(&bomb), bomb.len, "b", &e), "a bomb of aliases is refused");
	is_str(e.msg, "b:6:10: more than 200000 values", "its message has the place");
	buf_free(&bomb);
	for (int i = 0; i < 70; i++)
		buf_addc(&bomb, '[');
	ok(!tree_parse(buf_str(&bomb), bomb.len, "d", &e), "deep nesting is refused");
	is_str(e.msg, "d:1:65: nested deeper than 64", "its message");
	buf_free(&bomb);
	buf_adds(&bomb, "a: &a \"");
	for (int i = 0; i < 1 << 20; i++)
		buf_addc(&bomb, 'x');
	buf_adds(&bomb, "\"\nb: [");
	for (int i = 0; i < 100; i++)
		buf_adds(&bomb, "*a,");
	buf_adds(&bomb, "]\n");
	ok(!tree_parse(buf_str(&bomb), bomb.len, "m", &e), "a repeated large text is refused");
	ok(strstr(e.msg, "more than 64 MiB of text") != NULL, "its message: %s", e.msg);
	buf_free(&bomb);
	for (int i = 0; i < 10000; i++)
		buf_adds(&bomb, "- ");
	ok(!tree_parse(buf_str(&bomb), bomb.len, "d", &e), "nested lists of blocks are refused");
	is_str(e.msg, "d:1:129: nested deeper than 64", "their message");
	buf_free(&bomb);
	for (unsigned i = 0; i <= TREE_TEXT_MAX; i++)
		buf_addc(&bomb, 'x');
	ok(!tree_parse(buf_str(&bomb), bomb.len, "l", &e), "a large text is refused");
	is_str(e.msg, "l:1:1: the file has 4194305 bytes, more than 4194304", "its message");
	buf_free(&bomb);
}

static void access_functions(void)
{
	struct node *n = parse("ssh: {localPort: 22, x: null}\nmounts:\n- 9p: {msize: 128KiB}\n- {}\n"), *m;

	is_num(tree_int(n, -1, "ssh.localPort"), 22, "an integer by path");
	is_num(tree_int(n, -1, "ssh.x"), -1, "null gives the fallback");
	is_str(tree_str(n, "", "mounts[%d].9p.msize", 0), "128KiB", "a text by path");
	ok(!tree_get(n, "mounts[2]") && !tree_get(n, "mounts.a") && !tree_get(n, "ssh[0]"), "paths to nothing");
	is_num(tree_len(n, "mounts"), 2, "the length of a list");
	m = map_get(n, "mounts");
	for (int i = 0; i < 40; i++)
		seq_insert(m, 1, node_int(i));
	is_num(m->n, 42, "insertions");
	is_num(tree_int(n, -1, "mounts[1]"), 39, "the last inserted is first");
	for (int i = 0; i < 40; i++)
		node_free(seq_take(m, 1));
	is_num(m->n, 2, "removals");
	map_set(n, "ssh", node_str("s"));
	is_str(n->key[0], "ssh", "a replaced key keeps its place");
	m = node_copy(n);
	ok(node_equal(m, n), "a copy is equal");
	node_free(map_take(m, "mounts"));
	ok(!node_equal(m, n) && m->n == 1, "without a key it is not");
	ok(map_get(n, "mounts")->item[0]->pos.line == 3 && n->key_pos[1].line == 2, "positions");
	node_free(m);
	node_free(n);
}

int main(void)
{
	round_trips();
	layouts();
	values();
	refusals();
	hostile();
	access_functions();
	return done();
}
