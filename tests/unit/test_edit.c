/* uses: render */
/* The options that change a document: every row of the table, the order in which they take effect, and what they
 * refuse. */
#include <unistd.h>

#include "render/edit.h"
#include "tap.h"

#define DOC "# title\ncpus: 1 # one\nmounts:\n# home\n- location: \"~\"\nparam:\n  a: x\n"

static struct node *parse(const char *text)
{
	struct err e = {0};
	struct node *n = tree_parse(text, strlen(text), "doc", &e);

	if (!n)
		printf("Bail out! %s\n", e.msg);
	return n;
}

static void is_text(const struct node *n, const char *want, const char *name)
{
	struct buf text = {0};

	tree_emit(n, &text);
	is_str(buf_str(&text), want, name);
	buf_free(&text);
}

static void good(const char *doc, const char *flag, const char *value, const char *want)
{
	struct node *n = parse(doc);
	struct err e = {0};

	if (!ok(edit_apply(n, flag, value, &e) == 0, "--%s %s", flag, value ? value : ""))
		printf("# %s\n", e.msg);
	is_text(n, want, "  the document");
	node_free(n);
}

static void bad(const char *doc, const char *flag, const char *value, const char *why)
{
	struct node *n = parse(doc), *before = node_copy(n);
	struct err e = {0};

	is_num(edit_apply(n, flag, value, &e), -1, flag);
	is_num(e.code, EXIT_USAGE, "  is misuse");
	is_str(e.msg, why, "  the message");
	ok(node_equal(n, before), "  nothing is changed");
	node_free(n);
	node_free(before);
}

static void test_scalars(void)
{
	good(DOC, "cpus", "4", "# title\ncpus: 4 # one\nmounts:\n# home\n- location: \"~\"\nparam:\n  a: x\n");
	good("{}\n", "cpus", "0", "cpus: 0\n");
	good("a: 1\n", "CPUS", "2", "a: 1\ncpus: 2\n");
	good("a: 1\n", "memory", "4", "a: 1\nmemory: 4GiB\n");
	good("memory: 1GiB # m\n", "memory", "0.5", "memory: 0.5GiB # m\n");
	good("a: 1\n", "memory", "512MiB", "a: 1\nmemory: 512MiB\n");
	good("a: 1\n", "disk", "20.0", "a: 1\ndisk: 20GiB\n");
	good("a: 1\n", "vm-type", "qemu", "a: 1\nvmType: qemu\n");
	good("a: 1\n", "arch", "aarch64", "a: 1\narch: aarch64\n");
	good("a: 1\n", "mount-type", "9p", "a: 1\nmountType: 9p\n");
	good("a: 1\n", "mount-inotify", NULL, "a: 1\nmountInotify: true\n");
	good("a: 1\n", "mount-inotify", "false", "a: 1\nmountInotify: false\n");
	good("a: 1\n", "nested-virt", "true", "a: 1\nnestedVirtualization: true\n");
	good("a: 1\n", "rosetta", "", "a: 1\nvmOpts:\n  vz:\n    rosetta:\n      enabled: true\n      binfmt: true\n");
	good("a: 1\n", "video", "1", "a: 1\nvideo:\n  display: default\n");
	good("a: 1\n", "video", "f", "a: 1\nvideo:\n  display: none\n");
	good("a: 1\n", "audio-device", "pa", "a: 1\naudio:\n  device: pa\n");
	good("audio: null\n", "audio-interface", "hda", "audio:\n  interface: hda\n");
	good("ssh: {localPort: 1}\n", "ssh-port", "60022", "ssh: {localPort: 60022}\n");
	good("a: 1\n", "plain", "T", "a: 1\nplain: true\n");
	good("a: 1\n", "shell", "/bin/zsh", "a: 1\nuser:\n  shell: /bin/zsh\n");
	good("a: 1\n", "shell", "true", "a: 1\nuser:\n  shell: \"true\"\n");
	good("a: 1\n", "set", ".b = 2", "a: 1\nb: 2\n");
	good("a: 1\n", "containerd", "user", "a: 1\ncontainerd:\n  user: true\n  system: false\n");
	good("a: 1\n", "containerd", "system", "a: 1\ncontainerd:\n  user: false\n  system: true\n");
	good("a: 1\n", "containerd", "user+system", "a: 1\ncontainerd:\n  user: true\n  system: true\n");
	good("a: 1\n", "containerd", "system+user", "a: 1\ncontainerd:\n  user: true\n  system: true\n");
	good("containerd: {system: true}\n", "containerd", "none", "containerd: {system: false, user: false}\n");
}

static void test_mounts(void)
{
	char *cwd = getcwd(NULL, 0),
	     *want = xasprintf("mounts:\n- location: %s/x\n  mountPoint: %s/x\n  writable: false\n", cwd, cwd);

	setenv("HOME", "/home/u", 1);
	good(DOC, "mount", "/a,/b/../c/:w",
	     "# title\ncpus: 1 # one\nmounts:\n- location: /c\n  mountPoint: /c\n  writable: true\n- location: /a\n  "
	     "mountPoint: /a\n"
	     "  writable: false\n# home\n- location: \"~\"\nparam:\n  a: x\n");
	good("mounts: []\n", "mount", "~/x y",
	     "mounts:\n- location: /home/u/x y\n  mountPoint: /home/u/x y\n  writable: false\n");
	good("mounts: null\n", "mount", "./x", want);
	good(DOC, "mount-only", "/a,~:w",
	     "# title\ncpus: 1 # one\nmounts:\n- location: /a\n  mountPoint: /a\n  writable: false\n- location: "
	     "/home/u\n"
	     "  mountPoint: /home/u\n  writable: true\nparam:\n  a: x\n");
	good("mounts: [a]\n", "mount-none", NULL, "mounts: null\n");
	good("mounts: [a]\n", "mount-none", "false", "mounts: [a]\n");
	good(DOC, "mount-writable", "",
	     "# title\ncpus: 1 # one\nmounts:\n# home\n- location: \"~\"\n  writable: true\nparam:\n  a: x\n");
	good("a: 1\n", "mount-writable", "", "a: 1\n");
	good("mounts: null\n", "mount-writable", "", "mounts: null\n");
	free(cwd);
	free(want);
}

static void test_lists(void)
{
	good("a: 1\n", "dns", "1.1.1.1,::1,1.1.1.1",
	     "a: 1\ndns:\n- 1.1.1.1\n- \"::1\"\nhostResolver:\n  enabled: false\n");
	good("dns: [1.1.1.1]\n", "dns", "1.1.1.1,8.8.8.8",
	     "dns: [1.1.1.1, 8.8.8.8]\nhostResolver:\n  enabled: false\n");
	good("networks:\n- socket: /s\n- {vzNAT: true}\n", "network", "lima:shared,vzNAT,lima:shared,lima:user-v2",
	     "networks:\n- socket: /s\n- {vzNAT: true}\n- lima: shared\n- lima: user-v2\n");
	good("a: 1\n", "network", "vzNAT", "a: 1\nnetworks:\n- vzNAT: true\n");
	good("param: # p\n  a: x # a\n  b: y\n", "param", "a=q=r", "param: # p\n  a: q=r # a\n  b: y\n");
	good("param: {a: x}\n", "param", "a=", "param: {a: \"\"}\n");
	good("param: {a: x}\n", "param", "a=true", "param: {a: \"true\"}\n");
	good("images:\n# one\n- location: a\n  variant: server\n- location: b\n# three\n- location: c\n  variant: "
	     "minimal\n",
	     "image-variant", "minimal", "images:\n# three\n- location: c\n  variant: minimal\n");
	good("a: 1\n", "port-forward", "8080:80",
	     "a: 1\nportForwards:\n- guestPort: \"80\"\n  hostPort: \"8080\"\n  static: false\n");
	good("portForwards: []\n", "port-forward", " 8080 : 80 , static=true ",
	     "portForwards:\n- guestPort: \"80\"\n  hostPort: \"8080\"\n  static: true\n");
}

static void test_refused(void)
{
	bad("a: 1\n", "nope", "1", "there is no option --nope");
	bad("a: 1\n", "cpus", "", "--cpus needs a value: N");
	bad("a: 1\n", "cpus", NULL, "--cpus needs a value: N");
	bad("a: 1\n", "mount-none", "maybe", "--mount-none maybe: expected true or false");
	bad("a: 1\n", "containerd", "all", "--containerd all: expected user, system, user+system or none");
	bad("a: 1\n", "mount", "/a,,/b", "--mount /a,,/b: an entry between commas is empty");
	bad("a: 1\n", "network", "shared", "--network shared: \"shared\" is neither lima:NAME nor vzNAT");
	bad("a: 1\n", "dns", "1.2.3", "--dns 1.2.3: \"1.2.3\" is not an IP address");
	bad("a: 1\n", "param", "a", "--param a: expected KEY=VALUE");
	bad("param: {a: x, b: y}\n", "param", "c=1", "--param c=1: template does not define param `c`; it has a, b");
	bad("a: 1\n", "param", "c=1", "--param c=1: template does not define param `c`; it has none");
	bad("images: [{location: a, variant: x}, {location: b}]\n", "image-variant", "y",
	    "--image-variant y: no image has this variant; there is x");
	bad("a: 1\n", "port-forward", "80", "--port-forward 80: expected HOST:GUEST, two port numbers");
	bad("a: 1\n", "port-forward", "1:2:3", "--port-forward 1:2:3: expected HOST:GUEST, two port numbers");
	bad("a: 1\n", "port-forward", "1:2,tcp",
	    "--port-forward 1:2,tcp: after the comma only static=true or static=false may stand");
}

static void refused(const char *doc, const char *flag, const char *value, int code)
{
	struct node *n = parse(doc), *before = node_copy(n);
	struct err e = {0};

	is_num(edit_apply(n, flag, value, &e), -1, value);
	is_num(e.code, code, "  the code");
	ok(!strncmp(e.msg, "--", 2), "  names the option: %s", e.msg);
	ok(node_equal(n, before), "  nothing is changed");
	node_free(n);
	node_free(before);
}

static void test_numbers(void)
{
	static const char *const numbers[] = {"-1", " 4", "0x10", "4.5", "99999999999", "4GiB", "NaN", "four"};
	static const char *const sizes[] = {"-1", "4 x", "nan", "inf", "1e999", ".", "4GiBB", "1..2"};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		refused("a: 1\n", "cpus", numbers[i], EXIT_USAGE);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		refused("a: 1\n", "memory", sizes[i], EXIT_USAGE);
	refused("a: 1\n", "ssh-port", "65536", EXIT_USAGE);
	refused("a: 1\n", "port-forward", "1:65536", EXIT_USAGE);
	refused("a: 1\n", "network", "lima:../x", EXIT_USAGE);
	refused("mounts: {a: 1}\n", "mount", "/a", EXIT_BADDATA);
	refused("ssh: [1]\n", "ssh-port", "1", EXIT_BADDATA);
	refused("a: 1\n", "set", ".a = ", EXIT_USAGE);
}

static void test_all(void)
{
	const struct edit list[] = {
	    {"plain", "true"},
	    {"set", ".cpus = 9"},
	    {"cpus", "4"},
	    {"param", "a=z"},
	    {"set", ".disk = \"1GiB\" # c"},
	    {"set", ".b = .cpus"},
	    {"disk", "7"},
	    {"mount", "/1"},
	    {"mount", "/2"},
	    {"mount-writable", NULL},
	};
	struct node *n = parse("cpus: 1\nparam: {a: x}\n");
	struct strv warnings = {0};
	struct err e = {0};

	if (!ok(edit_apply_all(n, list, sizeof(list) / sizeof(list[0]), true, &warnings, &e) == 0, "several at once"))
		printf("# %s\n", e.msg);
	is_text(n,
		"cpus: 9\nparam: {a: z}\nmounts:\n- location: /2\n  mountPoint: /2\n  writable: true\n- location: /1\n "
		" mountPoint: /1\n"
		"  writable: true\ndisk: 7GiB\nb: 9\n",
		"in the order of the table");
	is_num(warnings.n, 1, "one warning");
	is_str(warnings.n ? warnings.v[0] : "", "--plain does not apply to an existing instance; it is ignored",
	       "for what is for new ones");
	strv_free(&warnings);
	node_free(n);
}

static void test_only(void)
{
	const struct edit list[] = {
	    {"mount-only", "/1"}, {"MOUNT_ONLY", "/2"}, {"mount-none", "false"}, {"dns", "1.1.1.1"}};
	struct node *n = parse("mounts: [{location: a}]\n");
	struct strv warnings = {0};
	struct err e = {0};

	ok(edit_apply_all(n, list, 4, false, &warnings, &e) == 0, "mount-only given twice");
	is_str(tree_str(n, "", "mounts[0].location"), "/1", "both are mounted");
	is_str(tree_str(n, "", "mounts[1].location"), "/2", "in the given order");
	is_num(tree_len(n, "mounts"), 2, "and nothing else");
	is_num(warnings.n, 1, "dns warns");
	strv_free(&warnings);
	node_free(n);
}

static void test_conflicts(void)
{
	static const struct edit lists[][2] = {
	    {{"mount", "/a"}, {"mount-only", "/b"}},
	    {{"mount-none", NULL}, {"mount", "/b"}},
	    {{"mount-only", "/a"}, {"mount-none", "true"}},
	    {{"cpus", "2"}, {"nope", "1"}},
	    {{"cpus", "2"}, {"memory", "x"}},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct node *n = parse(DOC), *before = node_copy(n);
		struct err e = {0};

		is_num(edit_apply_all(n, lists[i], 2, false, NULL, &e), -1, "refused together");
		is_num(e.code, EXIT_USAGE, e.msg);
		ok(node_equal(n, before), "  nothing is changed");
		node_free(n);
		node_free(before);
	}
}

/* The table against the list in the specification: names, order, and which are for new instances only. */
static void test_table(void)
{
	static const char *const order[] = {
	    "cpus",	    "dns",	     "memory",	      "mount",		"mount-only",	"mount-none",
	    "mount-type",   "vm-type",	     "mount-inotify", "mount-writable", "network",	"nested-virt",
	    "rosetta",	    "set",	     "param",	      "video",		"audio-device", "audio-interface",
	    "ssh-port",	    "image-variant", "arch",	      "containerd",	"disk",		"plain",
	    "port-forward", "shell",
	};
	static const char create[] = " arch image-variant containerd plain port-forward audio-device audio-interface ";
	const struct edit_flag *f = edit_table();
	char word[32];

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++, f++) {
		if (!ok(f->flag && !strcmp(f->flag, order[i]), "row %zu is %s", i, order[i]))
			return;
		snprintf(word, sizeof(word), " %s ", f->flag);
		is_num(f->create_only, strstr(create, word) != NULL, "  for new instances only or not");
		ok(edit_find(f->flag) == f && edit_find(f->var) == f, "  found by its flag and its variable %s",
		   f->var);
		ok(*f->help && f->keys[0] == '.' && f->arg, "  has a help text");
	}
	ok(!f->flag, "the table ends there");
	ok(!edit_find("SHELL"), "SHELL belongs to make");
}

int main(void)
{
	test_scalars();
	test_mounts();
	test_lists();
	test_refused();
	test_numbers();
	test_all();
	test_only();
	test_conflicts();
	test_table();
	return done();
}
