/* uses: render */
/* Embedding: templates with bases and script files become one document, its comments and order kept. */
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "render/embed.h"
#include "tap.h"

static char *top;
static struct locator_ctx ctx;

static void put(const char *name, const char *text)
{
	struct err e = {0};
	char *path = path_join(top, name), *slash = strrchr(path, '/');

	*slash = '\0';
	dir_make(path, 0755, &e);
	*slash = '/';
	if (file_write(path, text, strlen(text), 0644, &e) < 0)
		printf("Bail out! %s\n", e.msg);
	free(path);
}

static char *at(const char *name)
{
	return path_join(top, name);
}

static void drop(const char *name)
{
	char *path = at(name);

	unlink(path);
	free(path);
}

static struct embed_opts opts(bool keep)
{
	return (struct embed_opts){.ctx = &ctx, .keep_templates = keep};
}

static void want_text(const char *locator, const struct embed_opts *o, const char *want, const char *name)
{
	struct diag d = {0};
	struct node *n = embed(locator, o, &d), *again;
	struct buf text = {0};
	struct err e = {0};

	ok(n != NULL, "%s", name);
	for (size_t i = 0; i < d.n; i++)
		printf("# %s\n", d.item[i].text);
	if (n) {
		tree_emit(n, &text);
		is_str(buf_str(&text), want, "  the text");
		again = tree_parse(buf_str(&text), text.len, "again", &e);
		ok(again && node_equal(again, n), "  reads back");
		node_free(again);
	}
	buf_free(&text);
	node_free(n);
	diag_free(&d);
}

/* Exactly one error, at FILE:line, with this text in it. */
static void want_error(const char *locator, const struct embed_opts *o, const char *file, unsigned line,
		       const char *why)
{
	struct diag d = {0};
	struct node *n = embed(locator, o, &d);
	size_t k = 0;

	ok(!n, "refused: %s", why);
	while (k < d.n && d.item[k].warning)
		k++;
	is_num(d.errors, 1, "  one error");
	if (k == d.n)
		return;
	if (!ok(strstr(d.item[k].text, why) != NULL, "  the reason"))
		printf("# %s\n", d.item[k].text);
	if (file) {
		ok(d.item[k].pos.file && strstr(d.item[k].pos.file, file), "  the file: %s", d.item[k].pos.file);
		is_num(d.item[k].pos.line, line, "  the line");
	}
	node_free(n);
	diag_free(&d);
}

static void test_bases(void)
{
	struct embed_opts o = opts(false);

	put("t/none.yaml", "cpus: 1\n");
	want_text("template:none", &o, "cpus: 1\n", "without bases");
	put("t/one.yaml", "# The title of one.\nbase: template:b1\ncpus: 1 # ours\n");
	put("t/b1.yaml", "# About b1.\n\n# memory of b1\nmemory: 1GiB\ncpus: 2\n");
	want_text("template:one", &o, "# The title of one.\ncpus: 1 # ours\n# memory of b1\nmemory: 1GiB\n",
		  "a base as a text");
	put("t/order.yaml", "base: [template:n1, template:n2]\nimages: [{location: t}]\nprovision: [{script: t}]\n");
	put("t/n1.yaml", "base:\n- url: template:n3\nimages: [{location: n1}]\nprovision: [{script: n1}]\nos: one\n");
	put("t/n2.yaml", "images: [{location: n2}]\nprovision: [{script: n2}]\nos: two\nplain: two\n");
	put("t/n3.yaml", "images: [{location: n3}]\nprovision: [{script: n3}]\nos: three\narch: three\nplain: three\n");
	want_text(
	    "template:order", &o,
	    "images: [{location: t}, {location: n1}, {location: n3}, {location: n2}]\n"
	    "provision: [{script: n2}, {script: n3}, {script: n1}, {script: t}]\nos: one\narch: three\nplain: three\n",
	    "nested bases, depth first");
	put("t/combine.yaml", "base: template:c1\nmounts:\n- location: a\n");
	put("t/c1.yaml", "mounts:\n- location: a\n  writable: true\n- location: \"*\"\n  sshfs: {cache: false}\n");
	want_text("template:combine", &o, "mounts:\n- location: a\n  writable: true\n  sshfs:\n    cache: false\n",
		  "entries are combined at the end");
	put("t/empty.yaml", "base: []\ncpus: 1\n");
	want_text("template:empty", &o, "cpus: 1\n", "an empty list of bases");
	put("t/null.yaml", "base:\ncpus: 1\n");
	want_text("template:null", &o, "cpus: 1\n", "no base");
	put("t/only.yaml", "base: template:none\n");
	want_text("template:only", &o, "cpus: 1\n", "nothing but a base");
	put("t/nothing.yaml", "base: template:void\n");
	put("t/void.yaml", "# nothing\n");
	put("t/sub/rel.yaml", "base: other.yaml\n");
	put("t/sub/other.yaml", "cpus: 7\n");
	want_text("template:sub/rel", &o, "cpus: 7\n", "a relative base");
}

static void test_base_errors(void)
{
	struct embed_opts o = opts(false);

	put("t/loop.yaml", "cpus: 1\nbase:\n- template:loop2\n");
	put("t/loop2.yaml", "base: template:loop3\n");
	put("t/loop3.yaml", "# a\n# b\nbase: template:loop2\n");
	want_error("template:loop", &o, "loop3.yaml", 3, "template:loop2 is used twice (base loop)");
	put("t/self.yaml", "base: template:self\n");
	want_error("template:self", &o, "self.yaml", 1, "template:self is used twice (base loop)");
	put("t/twice.yaml", "base: [template:none, template:via]\n");
	put("t/via.yaml", "base: template:none\n");
	want_error("template:twice", &o, "via.yaml", 1, "template:none is used twice");
	put("t/digest.yaml", "base:\n- url: template:none\n  digest: sha256:00\n");
	want_error("template:digest", &o, "digest.yaml", 3, "digests of bases are not supported");
	put("t/missing.yaml", "\nbase:\n- template:none\n- template:gone\n");
	want_error("template:missing", &o, "missing.yaml", 4, "template `gone.yaml` not found");
	put("t/map.yaml", "base: {url: template:none}\n");
	want_error("template:map", &o, "map.yaml", 1, "expected a locator or a list of locators");
	put("t/number.yaml", "base: [1]\n");
	want_error("template:number", &o, "number.yaml", 1, "expected a locator, or {url: LOCATOR}");
	put("t/up.yaml", "base: ../x.yaml\n");
	want_error("template:up", &o, "up.yaml", 1, "leaves the folder of its template");
	put("t/broken.yaml", "base: template:bad\n");
	put("t/bad.yaml", "a: 1\nb: [\n");
	want_error("template:broken", &o, "bad.yaml", 3, "");
	put("t/list.yaml", "- a\n");
	want_error("template:list", &o, "list.yaml", 1, "a template must be a map");
	want_error("template:gone", &o, NULL, 0, "template `gone.yaml` not found");
}

static void test_many_bases(void)
{
	struct embed_opts o = opts(false);
	char name[32], text[64];

	for (int i = 0; i <= EMBED_BASES_MAX; i++) {
		snprintf(name, sizeof(name), "t/chain%d.yaml", i);
		snprintf(text, sizeof(text), "base: template:chain%d\n", i + 1);
		put(name, text);
	}
	want_error("template:chain0", &o, "chain200.yaml", 1, "more than 200 bases");
	snprintf(name, sizeof(name), "t/chain%d.yaml", EMBED_BASES_MAX);
	put(name, "cpus: 3\n");
	want_text("template:chain0", &o, "cpus: 3\n", "as many bases as allowed");
}

static void test_keep(void)
{
	struct embed_opts o = opts(true);
	char *path = at("t/b1.yaml"), *text = xasprintf("base: [%s, template:none]\ncpus: 1\n", path);

	put("t/keep.yaml", text);
	want_text("template:keep", &o, "base: [template:none]\ncpus: 1\n# memory of b1\nmemory: 1GiB\n",
		  "bases in templates can be kept");
	free(text);
	text = xasprintf("base: [template:none, %s]\n", path);
	put("t/keep.yaml", text);
	want_error("template:keep", &o, "keep.yaml", 1, "stands behind a template: base");
	free(text);
	free(path);
	put("t/keepfile.yaml", "provision:\n- file: s.sh\n");
	want_text("template:keepfile", &o, "provision:\n- file: template:s.sh\n", "files too, made absolute");
}

static void test_base_config(void)
{
	struct embed_opts o = opts(false);

	put("home/_config/base.yaml", "memory: 9GiB\nprovision: [{script: config}]\nbase: extra.yaml\n");
	put("home/_config/extra.yaml", "disk: 9GiB\n");
	put("t/cfg.yaml", "base: template:b1\nprovision: [{script: t}]\n");
	want_text("template:cfg", &o, "provision: [{script: config}, {script: t}]\nmemory: 9GiB\ndisk: 9GiB\ncpus: 2\n",
		  "_config/base.yaml is the first base");
	want_text("template:none", &o, "cpus: 1\nmemory: 9GiB\nprovision: [{script: config}]\ndisk: 9GiB\n",
		  "also of a template without any");
	o.no_base_config = true;
	want_text("template:none", &o, "cpus: 1\n", "unless it is not wanted");
	drop("home/_config/base.yaml");
}

static void test_scripts(void)
{
	struct embed_opts o = opts(false);

	put("t/s.sh", "#!/bin/sh\necho '{{.Name}}' # x\n");
	put("t/empty.txt", "");
	put("t/scripts.yaml", "provision:\n# first\n- mode: system\n  file: s.sh # why\n  extra: 1\n- mode: data\n  "
			      "path: /x\n  file: {url: s.sh}\n"
			      "- mode: yq\n  file: template:s.sh\n- file: s.sh\n  script: ''\n- file: s.sh\n  script: "
			      "kept\n- mode: data\n  file: empty.txt\n"
			      "probes:\n- file: s.sh\n");
	want_text(
	    "template:scripts", &o,
	    "provision:\n# first\n- mode: system\n  script: |\n    #!/bin/sh\n    echo '{{.Name}}' # x\n  extra: 1\n"
	    "- mode: data\n  path: /x\n  content: |\n    #!/bin/sh\n    echo '{{.Name}}' # x\n"
	    "- mode: yq\n  expression: |\n    #!/bin/sh\n    echo '{{.Name}}' # x\n"
	    "- script: |\n    #!/bin/sh\n    echo '{{.Name}}' # x\n"
	    "- file: template:s.sh\n  script: kept\n- mode: data\n  content: \"\"\n"
	    "probes:\n- script: |\n    #!/bin/sh\n    echo '{{.Name}}' # x\n",
	    "files become texts of the right key, in place");
	put("t/sub/base.yaml", "provision: [{file: own.sh}]\n");
	put("t/sub/own.sh", "own\n");
	put("t/usesub.yaml", "base: template:sub/base\n");
	want_text("template:usesub", &o, "provision: [{script: \"own\\n\"}]\n", "relative to the base that names them");
	put("t/gonefile.yaml", "provision:\n- script: a\n- file: gone.sh\n");
	want_error("template:gonefile", &o, "gonefile.yaml", 3, "template `gone.sh` not found");
	put("t/badfile.yaml", "provision:\n- file: [a]\n");
	want_error("template:badfile", &o, "badfile.yaml", 2, "expected a locator");
}

static void test_script_digest(void)
{
	struct embed_opts o = opts(false);

	put("t/abc", "abc");
	put("t/dig.yaml", "provision:\n- file:\n    url: template:abc.1\n    digest: "
			  "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
	put("t/abc.1.yaml", "abc");
	want_text("template:dig", &o, "provision:\n- script: abc\n", "a digest that fits");
	put("t/abc.1.yaml", "abd");
	want_error("template:dig", &o, "dig.yaml", 4, "the file has the digest sha256:");
	put("t/dig.yaml", "provision:\n- file: {url: template:abc.1, digest: md5:1}\n");
	want_error("template:dig", &o, "dig.yaml", 2, "md5");
}

static void test_binary(void)
{
	struct embed_opts o = opts(false);
	struct err e = {0};
	char *path = at("t/odd");

	put("t/odd.yaml", "provision: [{file: odd.txt}]\n");
	free(path);
	path = at("t/odd.txt");
	ok(file_write(path, "a\0b", 3, 0644, &e) == 0, "a file with a NUL");
	want_error("template:odd", &o, "odd.yaml", 1, "NUL byte");
	put("t/odd.txt", "tab\there\r\nno newline at the end");
	want_text("template:odd", &o, "provision: [{script: \"tab\\there\\r\\nno newline at the end\"}]\n",
		  "tabs and carriage returns stay");
	free(path);
}

static void test_files(void)
{
	struct embed_opts o = opts(false);
	struct strv files = {0};
	struct diag d = {0};
	struct node *n;

	o.files = &files;
	n = embed("template:scripts", &o, &d);
	is_num(files.n, 7, "all files that were read are told, once for each reading");
	ok(files.n && strstr(files.v[0], "/t/scripts.yaml"), "the template first");
	ok(files.n > 1 && strstr(files.v[1], "/t/s.sh"), "then what it refers to");
	node_free(n);
	strv_free(&files);
	diag_free(&d);
}

static void test_warning(void)
{
	struct embed_opts o = opts(false);
	struct diag d = {0};
	struct node *n;

	put("t/old.yaml", "base: template://none\n");
	n = embed("template:old", &o, &d);
	ok(n && d.errors == 0 && d.n == 1 && d.item[0].warning, "the old form of a locator is a warning");
	is_num(d.n ? d.item[0].pos.line : 0, 1, "with its line");
	node_free(n);
	diag_free(&d);
}

int main(void)
{
	struct err e = {0};

	top = xstrdup("/tmp/test_embed.XXXXXX");
	if (!mkdtemp(top))
		return 1;
	ctx = (struct locator_ctx){.home = at("home"), .cwd = at("t"), .fetch = at("none")};
	strv_addf(&ctx.roots, "%s/t", top);
	test_bases();
	test_base_errors();
	test_many_bases();
	test_keep();
	test_base_config();
	test_scripts();
	test_script_digest();
	test_binary();
	test_files();
	test_warning();
	locator_ctx_free(&ctx);
	ok(dir_remove(top, &e) == 0, "cleaned up");
	free(top);
	return done();
}
