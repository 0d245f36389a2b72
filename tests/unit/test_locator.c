/* uses: render */
/* Locators: what names what, what a folder of templates gives out and what it keeps in. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "file.h"
#include "render/locator.h"
#include "tap.h"

static char *top; /* the temporary tree */
static struct locator_ctx ctx;

static char *at(const char *name)
{
	return path_join(top, name);
}

static void put(const char *name, const char *text)
{
	struct err e = {0};
	char *path = at(name), *slash = strrchr(path, '/');

	*slash = '\0';
	dir_make(path, 0755, &e);
	*slash = '/';
	if (file_write(path, text, strlen(text), 0644, &e) < 0)
		printf("Bail out! %s\n", e.msg);
	free(path);
}

static void make_tree(void)
{
	struct err e = {0};
	char *path;

	top = xstrdup("/tmp/test_locator.XXXXXX");
	if (!mkdtemp(top))
		printf("Bail out! mkdtemp\n");
	put("home/_templates/mine.yaml", "from: home\n");
	put("home/_templates/both.yaml", "from: home\n");
	put("share/templates/default.yaml", "from: default\n");
	put("share/templates/both.yaml", "from: share\n");
	put("share/templates/ubuntu-24.04.yaml", "from: ubuntu\n");
	put("share/templates/script.sh", "echo\n");
	put("share/templates/_images/x.yaml", "from: x\n");
	put("share/templates/sub/deep/y.yaml", "from: y\n");
	put("share/templates/.hidden.yaml", "from: hidden\n");
	put("secret.yaml", "from: outside\n");
	put("work/a.yaml", "from: a\n");
	put("work/My VM.YAML", "from: b\n");
	path = at("share/templates/inside.yaml");
	ok(symlink("sub/deep/y.yaml", path) == 0, "a link that stays inside");
	free(path);
	path = at("share/templates/outside.yaml");
	ok(symlink("../../secret.yaml", path) == 0, "a link that leads outside");
	free(path);
	path = at("share/templates/absolute.yaml");
	ok(symlink("/etc/passwd", path) == 0, "an absolute link");
	free(path);
	path = at("share/templates/dirlink");
	ok(symlink("../..", path) == 0, "a link to a folder outside");
	free(path);
	path = at("share/templates/fifo.yaml");
	ok(mkfifo(path, 0644) == 0, "a fifo");
	free(path);
	path = at("share/templates/device.yaml");
	ok(symlink("/dev/zero", path) == 0, "a link to a device");
	free(path);
	path = at("share/templates/folder.yaml");
	ok(dir_make(path, 0755, &e) == 0, "a folder");
	free(path);
}

static void make_ctx(void)
{
	ctx = (struct locator_ctx){
	    .home = at("home"), .cwd = at("work"), .user_home = xstrdup("/home/u"), .bin = at("bin")};
	ctx.fetch = at("bin/lima-fetch");
	strv_addf(&ctx.roots, "%s/home/_templates", top);
	strv_addf(&ctx.roots, "%s/share/templates", top);
}

static void test_kinds(void)
{
	static const struct {
		const char *arg;
		enum locator_kind kind;
	} t[] = {
	    {NULL, LOCATOR_DEFAULT},
	    {"", LOCATOR_DEFAULT},
	    {"default", LOCATOR_NAME},
	    {"foo.sh", LOCATOR_NAME},
	    {"foo.img", LOCATOR_NAME},
	    {"foo.yaml", LOCATOR_PATH},
	    {"foo.YML", LOCATOR_PATH},
	    {"./foo", LOCATOR_PATH},
	    {"~/x.yaml", LOCATOR_PATH},
	    {"foo bar", LOCATOR_PATH},
	    {"-", LOCATOR_STDIN},
	    {"template:foo", LOCATOR_TEMPLATE},
	    {"template://foo", LOCATOR_TEMPLATE},
	    {"http://h/x.yaml", LOCATOR_HTTP},
	    {"https://h/x.yaml", LOCATOR_HTTP},
	    {"file:///x.yaml", LOCATOR_FILE},
	    {"github:o/r", LOCATOR_GITHUB},
	    {"github:o/r/x.qcow2", LOCATOR_GITHUB},
	    {"gist:123", LOCATOR_OTHER},
	    {"c:foo.yaml", LOCATOR_PATH}, /* one letter is no scheme */
	    {"./foo.img", LOCATOR_IMAGE},
	    {"https://h/foo.qcow2", LOCATOR_IMAGE},
	    {"/x/foo.raw.xz", LOCATOR_IMAGE},
	    {"/x/foo.iso.zst", LOCATOR_IMAGE},
	    {"/x/foo.ipsw", LOCATOR_IMAGE},
	    {"/x/foo.xz", LOCATOR_PATH},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_num(locator_kind(t[i].arg), t[i].kind, t[i].arg ? t[i].arg : "(nothing)");
}

static void read_ok(const char *locator, const char *text, const char *name, const char *absolute)
{
	struct locator_source s = {0};
	struct err e = {0};

	if (!ok(locator_read(locator, &ctx, &s, &e) == 0, "reads %s", locator))
		printf("# %s\n", e.msg);
	is_str(buf_str(&s.text), text, "  its text");
	is_str(s.name, name, "  its instance name");
	is_str(s.locator, absolute, "  where references in it start from");
	locator_source_free(&s);
}

static void read_bad(const char *locator, int code, const char *why)
{
	struct locator_source s = {0};
	struct err e = {0};

	is_num(locator_read(locator, &ctx, &s, &e), -1, strchr(locator, '\n') ? "a locator with a newline" : locator);
	is_num(e.code, code, "  the code");
	if (!ok(strstr(e.msg, why) != NULL, "  says \"%s\"", why))
		printf("# %s\n", e.msg);
}

static void test_templates(void)
{
	read_ok("template:mine", "from: home\n", "mine", "template:mine");
	read_ok("template:both", "from: home\n", "both", "template:both");
	read_ok("template:both.yaml", "from: home\n", "both", "template:both.yaml");
	read_ok("template:ubuntu-24.04", "from: ubuntu\n", "ubuntu-24.04", "template:ubuntu-24.04");
	read_ok("template:_images/x", "from: x\n", "x", "template:_images/x");
	read_ok("template:sub//./deep/y", "from: y\n", "y", "template:sub/deep/y");
	read_ok("template:script.sh", "echo\n", "script.sh", "template:script.sh");
	read_ok("template:inside", "from: y\n", "inside", "template:inside");
	read_ok(NULL, "from: default\n", "default", "template:default");
	read_ok("some-name", "from: default\n", "some-name", "template:default");
	read_bad("template:nope", EXIT_NO, "template `nope.yaml` not found (looked in ");
	read_bad("template:", EXIT_USAGE, "the name is empty");
	read_bad("template:../secret", EXIT_USAGE, "must not contain \"..\"");
	read_bad("template:sub/../../../secret", EXIT_USAGE, "must not contain \"..\"");
	read_bad("template:/etc/passwd", EXIT_USAGE, "must not be an absolute path");
	read_bad("template:sub\\..\\x", EXIT_USAGE, "must not contain");
	read_bad("template:a\\b", EXIT_USAGE, "must not contain a backslash");
	read_bad("template:a\nb", EXIT_USAGE, "control characters");
	read_bad("template:outside", EXIT_BADDATA, "leads out of");
	read_bad("template:absolute", EXIT_BADDATA, "leads out of");
	read_bad("template:dirlink/secret", EXIT_BADDATA, "leads out of");
	read_bad("template:device", EXIT_BADDATA, "leads out of");
	read_bad("template:fifo", EXIT_BADDATA, "is a fifo, not a regular file");
	read_bad("template:folder", EXIT_BADDATA, "is a directory, not a regular file");
}

static void test_old_form(void)
{
	struct locator_source s = {0};
	struct err e = {0};

	ok(locator_read("template://mine", &ctx, &s, &e) == 0, "the old form reads too");
	is_str(s.note, "template://mine is the old form; write template:mine", "with a note");
	is_str(s.locator, "template:mine", "and counts as the new one");
	locator_source_free(&s);
}

static void test_paths(void)
{
	char *a = at("work/a.yaml"), *url = xasprintf("file://%s", a), *b = at("work/My VM.YAML"),
	     *big = at("work/big.yaml");
	struct locator_source s = {0};
	struct err e = {0};
	int fd;

	read_ok("a.yaml", "from: a\n", "a", a);
	read_ok("./x/../a.yaml", "from: a\n", "a", a);
	read_ok(a, "from: a\n", "a", a);
	read_ok(url, "from: a\n", "a", url);
	read_ok("My VM.YAML", "from: b\n", NULL, b); /* no name can be made of it */
	is_str(locator_name("My VM.YAML", &e), NULL, "nor derived");
	ok(strstr(e.msg, "--name"), "the message says what to do: %s", e.msg);
	read_bad("none.yaml", EXIT_NO, "there is no file");
	read_bad("file://host/x.yaml", EXIT_USAGE, "file:///ABSOLUTE/PATH");
	read_bad("/dev/zero", EXIT_BADDATA, "is a device");
	read_bad("..", EXIT_BADDATA, "is a directory");
	fd = open(big, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	ok(fd >= 0 && ftruncate(fd, LOCATOR_TEXT_MAX + 1) == 0, "a large file");
	close(fd);
	read_bad("big.yaml", EXIT_BADDATA, "is larger than 4194304 bytes");
	ok(truncate(big, LOCATOR_TEXT_MAX) == 0 && locator_read("big.yaml", &ctx, &s, &e) == 0,
	   "the largest one allowed");
	is_num(s.text.len, LOCATOR_TEXT_MAX, "is read in full");
	locator_source_free(&s);
	free(a);
	free(b);
	free(url);
	free(big);
}

static void test_stdin(void)
{
	char *a = at("work/a.yaml");
	int fd = open(a, O_RDONLY | O_CLOEXEC), keep = dup(0);

	dup2(fd, 0);
	read_ok("-", "from: a\n", NULL, "-");
	dup2(keep, 0);
	close(keep);
	close(fd);
	free(a);
}

static void script(const char *name, const char *text)
{
	char *path = at(name);

	put(name, text);
	chmod(path, 0755);
	free(path);
}

static void test_fetch(void)
{
	char *text = xasprintf("#!/bin/sh\n[ \"$1\" = https://h/dir/T.yaml?x=1 ] && { echo %s/work/a.yaml; exit; }\n"
			       "echo 'lima-fetch: first' >&2; echo 'lima-fetch: no such host' >&2; exit 69\n",
			       top);

	read_bad("https://h/x.yaml", EXIT_UNAVAIL, "lima-fetch");
	script("bin/lima-fetch", text);
	read_ok("https://h/dir/T.yaml?x=1", "from: a\n", "t", "https://h/dir/T.yaml?x=1");
	read_bad("https://h/x.yaml", EXIT_UNAVAIL, "cannot fetch the template https://h/x.yaml: no such host");
	free(text);
}

/* A lima-fetch that has the files below hub/ for raw.githubusercontent.com. */
static void make_hub(void)
{
	char *text = xasprintf("#!/bin/sh\nfile=%s/hub/${1#https://raw.githubusercontent.com/}\n[ -f \"$file\" ] && echo \"$file\" "
			       "&& exit\necho \"lima-fetch: $1: the server answered with HTTP status 404; check the URL\" >&2; exit 69\n",
			       top);

	script("bin/lima-fetch", text);
	free(text);
}

static void hub(const char *path, const char *text)
{
	char *name = xasprintf("hub/%s", path);

	put(name, text);
	free(name);
}

static void github_is(const char *locator, const char *path)
{
	struct err e = {0};
	char *got = locator_rewrite(locator, &ctx, &e), *want = xasprintf("https://raw.githubusercontent.com/%s", path);

	is_str(got ? got : e.msg, want, locator);
	free(want);
	free(got);
}

static void github_fails(const char *locator, int code, const char *text)
{
	struct err e = {0};
	char *got = locator_rewrite(locator, &ctx, &e);

	ok(!got && e.code == code && strstr(e.msg, text), "%s is refused: %s", locator, e.msg);
	free(got);
}

static void test_github(void)
{
	static const struct {
		const char *locator, *url;
	} t[] = {
	    {"github:org", "org/org/HEAD/.lima.yaml"},
	    {"github:org/", "org/org/HEAD/.lima.yaml"},
	    {"github:org@v3", "org/org/v3/.lima.yaml"},
	    {"github:org/repo", "org/repo/HEAD/.lima.yaml"},
	    {"github:org/repo@v1", "org/repo/v1/.lima.yaml"},
	    {"github:org/repo/dir/", "org/repo/HEAD/dir/.lima.yaml"},
	    {"github:org/repo/dir/vm", "org/repo/HEAD/dir/vm.yaml"},
	    {"github:org/repo/vm.yml@main", "org/repo/main/vm.yml"},
	    {"github:org/repo/.hidden", "org/repo/HEAD/.hidden.yaml"},
	    {"github:org//vm", "org/org/HEAD/vm.yaml"},
	    {"github:org/repo/a/../vm@release/1", "org/repo/release/1/vm.yaml"},
	};
	static const char *const bad[] = {"github:", "github:/repo", "github:@v1", "github:org/repo/../x", "github:org/../x",
					  "github:org/repo@", "github:org/repo@../../x", "github:org/repo/a/../../x"};

	make_hub();
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		hub(t[i].url, "cpus: 1\n");
		github_is(t[i].locator, t[i].url);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		github_fails(bad[i], EXIT_USAGE, "");
	/* Only templates are looked into. */
	github_is("github:org/none/setup.sh", "org/none/HEAD/setup.sh");
	github_is("github:org/none/disk.qcow2@v1", "org/none/v1/disk.qcow2");
	github_fails("github:org/none", EXIT_UNAVAIL, "org/none/HEAD/.lima.yaml: the server answered with HTTP status 404");
	read_ok("github:org/repo/dir/vm", "cpus: 1\n", "vm", "https://raw.githubusercontent.com/org/repo/HEAD/dir/vm.yaml");
}

static void test_github_links(void)
{
	hub("o/r/HEAD/.lima.yaml", "vms/a.yaml");
	hub("o/r/HEAD/vms/a.yaml", "../b.yaml");
	hub("o/r/HEAD/b.yaml", "cpus: 2\n");
	github_is("github:o/r", "o/r/HEAD/b.yaml");
	hub("o/r/v1/vms/a.yaml", "c.yaml");
	hub("o/r/v1/vms/c.yaml", "cpus:\n");
	github_is("github:o/r/vms/a@v1", "o/r/v1/vms/c.yaml");
	hub("o/r/HEAD/script.yaml", "vms/script.sh");
	github_is("github:o/r/script", "o/r/HEAD/vms/script.sh");
	hub("o/r/HEAD/empty.yaml", "");
	github_is("github:o/r/empty", "o/r/HEAD/empty.yaml");
	hub("o/r/HEAD/line.yaml", "b.yaml\n");
	github_is("github:o/r/line", "o/r/HEAD/line.yaml"); /* a link has no end of line */
	hub("o/r/HEAD/out.yaml", "../../x.yaml");
	github_fails("github:o/r/out", EXIT_BADDATA, "leads out of the repository: ../../x.yaml");
	hub("o/r/HEAD/root.yaml", "/etc/x.yaml");
	github_fails("github:o/r/root", EXIT_BADDATA, "leads out of the repository");
	hub("o/r/HEAD/loop.yaml", "loop.yaml");
	github_fails("github:o/r/loop", EXIT_BADDATA, "more than 8 symbolic links");
	hub("o/r/HEAD/dead.yaml", "nowhere.yaml");
	github_fails("github:o/r/dead", EXIT_UNAVAIL, "nowhere.yaml");
}

static void test_github_redirects(void)
{
	hub("o/o/HEAD/.lima.yaml", "github:o/r/vms/d  \n# more\n");
	hub("o/r/HEAD/vms/d.yaml", "cpus: 4\n");
	hub("o/r/v2/vms/d.yaml", "cpus: 5\n");
	github_is("github:o", "o/r/HEAD/vms/d.yaml");
	/* v2 is no tag of o/o: its default branch redirects, and the tag goes along. */
	github_is("github:o@v2", "o/r/v2/vms/d.yaml");
	hub("o/o/v3/.lima.yaml", "github:o/r/vms/e.yaml");
	hub("o/r/v3/vms/e.yaml", "cpus: 6\n");
	github_is("github:o@v3", "o/r/v3/vms/e.yaml");
	hub("o/o/HEAD/plain.yaml", "cpus: 1\n");
	github_fails("github:o//plain@v2", EXIT_UNAVAIL, "o/o/v2/plain.yaml: the server answered with HTTP status 404");
	hub("o/o/HEAD/other.yaml", "github:p/r");
	github_fails("github:o//other", EXIT_BADDATA, "redirects to github:p/r, which is not below github:o/");
	hub("o/o/HEAD/like.yaml", "github:oo/r");
	github_fails("github:o//like", EXIT_BADDATA, "not below github:o/");
	hub("o/o/HEAD/ref.yaml", "github:o/r@v1");
	github_fails("github:o//ref", EXIT_BADDATA, "must have no \"@\"");
	hub("o/o/HEAD/self.yaml", "github:o/o/self");
	github_fails("github:o//self", EXIT_USAGE, "has a redirect loop");
	/* Another repository has no redirections. */
	hub("o/r/HEAD/word.yaml", "github:o/o");
	github_is("github:o/r/word", "o/r/HEAD/word.yaml");
}

static void test_plugins(void)
{
	read_bad("gist:x", EXIT_USAGE, "unknown kind of locator");
	script("bin/limactl-url-gist", "#!/bin/sh\n[ \"$1\" = bad ] && { echo broken >&2; exit 3; }\necho other:$1\n");
	script("bin/limactl-url-other", "#!/bin/sh\necho template:$1\n");
	script("bin/limactl-url-loop", "#!/bin/sh\necho loop:x$1\n");
	read_ok("gist:mine", "from: home\n", "mine", "template:mine");
	read_bad("gist:bad", EXIT_UNAVAIL, "broken");
	read_bad("loop:x", EXIT_USAGE, "has a redirect loop");
}

static void test_absolute(void)
{
	static const struct {
		const char *ref, *from, *want;
	} t[] = {
	    {"bar.yaml", "template:foo", "template:bar.yaml"},
	    {"bar", "template:experimental/foo", "template:experimental/bar"},
	    {"a/b.yaml", "https://h/d/x.yaml", "https://h/d/a/b.yaml"},
	    {"b.yaml", "https://h/d/x.yaml?a=/b/c", "https://h/d/b.yaml"},
	    {"b.yaml", "https://h", "https://h/b.yaml"},
	    {"b.yaml", "file:///d/x.yaml", "file:///d/b.yaml"},
	    {"./b.yaml", "/d/e/x.yaml", "/d/e/b.yaml"},
	    {"template:x", "/d/x.yaml", "template:x"},
	    {"https://h/x", "template:foo", "https://h/x"},
	    {"/abs/./x", "template:foo", "/abs/x"},
	    {"~/x.yaml", "template:foo", "/home/u/x.yaml"},
	    {"~", "template:foo", "/home/u"},
	    {"b..c", "/d/x", "/d/b..c"},
	};
	struct err e = {0};
	char *want = at("work/b.yaml"), *got;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		got = locator_absolute(t[i].ref, t[i].from, &ctx, &e);
		is_str(got, t[i].want, t[i].ref);
		free(got);
	}
	got = locator_absolute("b.yaml", "-", &ctx, &e);
	is_str(got, want, "from standard input: the current directory");
	free(got);
	free(want);
	is_str(locator_absolute("../x", "/d/x", &ctx, &e), NULL, "../x is refused");
	is_num(e.code, EXIT_BADDATA, "as bad data");
	is_str(locator_absolute("a/../x", "/d/x", &ctx, &e), NULL, "a/../x is refused");
	is_str(locator_absolute("..\\x", "/d/x", &ctx, &e), NULL, "..\\x is refused");
	is_str(locator_absolute("..", "/d/x", &ctx, &e), NULL, ".. is refused");
	is_str(locator_absolute("", "/d/x", &ctx, &e), NULL, "an empty one is refused");
	is_str(locator_absolute("a\nb", "/d/x", &ctx, &e), NULL, "one with a newline is refused");
}

static void test_list(void)
{
	static const char *const want[] = {"_images/x", "both",	      "default",     "inside",
					   "mine",	"sub/deep/y", "ubuntu-24.04"};
	struct locator_list l = {0};
	struct err e = {0};
	size_t k = 0;

	ok(locator_list(&ctx, &l, &e) == 0, "the list of templates");
	for (size_t i = 0; i < l.n; i++) {
		if (!strcmp(l.v[i].name, "both"))
			ok(strstr(l.v[i].path, "/home/_templates/both.yaml"), "the first folder wins");
		is_num(l.v[i].hidden, l.v[i].name[0] == '_', l.v[i].name);
		k += k < sizeof(want) / sizeof(want[0]) && !strcmp(l.v[i].name, want[k]);
	}
	is_num(k, sizeof(want) / sizeof(want[0]), "all are there, sorted");
	locator_list_free(&l);
}

static void test_image_names(void)
{
	static const struct {
		const char *image, *want;
	} t[] = {
	    {"./ubuntu-24.04-server-cloudimg-amd64.img", "ubuntu-24.04-amd64"},
	    {"https://x/debian-13-genericcloud-amd64-20260712-2537.qcow2", "debian-13-amd64"},
	    {"/d/Rocky-9-GenericCloud-Base-9.8-20260525.0.x86_64.qcow2", "rocky-9.8"},
	    {"/d/nocloud_alpine-3.23.4-x86_64-uefi-cloudinit-r0.qcow2", "alpine-3.23.4-r0"},
	    {"/d/Arch-Linux-x86_64-cloudimg-20260715.556894.qcow2", "archlinux"},
	    {"/d/UniversalMac_15.5_24F74_Restore.ipsw", "macos-15.5"},
	    {"/d/x.raw.xz", "x"},
	};
	struct utsname u;
	struct err e = {0};

	if (uname(&u) < 0 || strcmp(u.machine, "x86_64")) {
		printf("# the names are those of an x86_64 host\n");
		return;
	}
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char *got = locator_name(t[i].image, &e);

		is_str(got, t[i].want, t[i].image);
		free(got);
	}
}

static void test_image(void)
{
	struct locator_source s = {0};
	struct err e = {0};

	ok(locator_read("/d/a \"b\"-arm64.qcow2.xz", &ctx, &s, &e) == 0, "an image as a template");
	is_str(buf_str(&s.text),
	       "os: Linux\narch: aarch64\nimages:\n- location: \"/d/a \\\"b\\\"-arm64.qcow2.xz\"\n  arch: aarch64\n",
	       "its text");
	is_str(s.note, NULL, "the name told the architecture");
	locator_source_free(&s);
	ok(locator_read("/d/FreeBSD-15_amd64.qcow2", &ctx, &s, &e) == 0, "a FreeBSD image");
	ok(strstr(buf_str(&s.text), "os: FreeBSD\n"), "is one");
	ok(s.note && strstr(s.note, "does not tell an architecture"), "15_amd64 is one word, so the host's is assumed");
	locator_source_free(&s);
	read_bad("/d/a\nb.img", EXIT_USAGE, "control characters");
}

static void test_ctx(void)
{
	struct locator_ctx c;
	struct err e = {0};
	char *home = at("home"), *share = at("share"), *first = at("home/_templates"), *second = at("share/templates");

	setenv("LIMA_HOME", home, 1);
	setenv("LIMA_SHARE", share, 1);
	unsetenv("LIMA_TEMPLATES_PATH");
	if (!ok(locator_ctx_init(&c, &e) == 0, "from the environment"))
		printf("# %s\n", e.msg);
	is_num(c.roots.n, 2, "two folders of templates");
	is_str(c.roots.v[0], first, "the user's");
	is_str(c.roots.v[1], second, "the installed ones");
	locator_ctx_free(&c);
	setenv("LIMA_TEMPLATES_PATH", "/a::/b c:", 1);
	ok(locator_ctx_init(&c, &e) == 0, "with LIMA_TEMPLATES_PATH");
	is_num(c.roots.n, 2, "its folders, empty ones left out, replace them");
	is_str(c.roots.n == 2 ? c.roots.v[1] : "", "/b c", "in order");
	locator_ctx_free(&c);
	free(home);
	free(share);
	free(first);
	free(second);
}

int main(void)
{
	struct err e = {0};

	make_tree();
	make_ctx();
	test_kinds();
	test_templates();
	test_old_form();
	test_paths();
	test_stdin();
	test_fetch();
	test_github();
	test_github_links();
	test_github_redirects();
	test_plugins();
	test_absolute();
	test_list();
	test_image_names();
	test_image();
	test_ctx();
	locator_ctx_free(&ctx);
	ok(dir_remove(top, &e) == 0, "cleaned up");
	free(top);
	return done();
}
