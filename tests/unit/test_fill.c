/* uses: render */
/* Layers and defaults: what a key is after D (default.yaml), Y (lima.yaml) and O (override.yaml). */
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#include "fake_resolve.h"
#include "file.h"
#include "render/version.h"

#define IMAGE "images: [{location: /x.img}]\n"

/* The value at `path` as JSON; "" when it is unset. */
static char *value(const struct node *doc, const char *path)
{
	const struct node *n = doc ? tree_get(doc, path) : NULL;
	struct buf b = { 0 };

	if (n)
		tree_emit_json(n, false, &b);
	return buf_detach(&b);
}

static void is_filled_in(const char *d_text, const char *y, const char *o, struct resolve_in in, const char *path,
			 const char *want)
{
	char *text = xasprintf("%s%s", strstr(y, "images:") ? "" : IMAGE, y), *got, *errors;
	struct diag d = { 0 };
	struct node *doc = fake_resolve("y.yaml", d_text, text, o, in, &d);

	errors = fake_findings(&d, false);
	is_str(errors, "", "no errors");
	got = value(doc, path);
	is_str(got, want, path);
	node_free(doc);
	diag_free(&d);
	free(text);
	free(got);
	free(errors);
}

#define filled(d, y, o, path, want) is_filled_in(d, y, o, (struct resolve_in){ 0 }, path, want)
#define alone(y, path, want) filled(NULL, y, NULL, path, want)

static void defaults(void)
{
	static const char *const table[][2] = {
		{ "vmType", "\"qemu\"" }, { "vmOpts", "{}" }, { "os", "\"Linux\"" }, { "arch", "\"x86_64\"" }, { "cpus", "4" },
		{ "memory", "\"4GiB\"" }, { "disk", "\"100GiB\"" }, { "additionalDisks", "[]" }, { "mounts", "[]" },
		{ "mountType", "\"9p\"" }, { "mountTypesUnsupported", "[]" }, { "mountInotify", "false" },
		{ "ssh", "{\"localPort\":0,\"loadDotSSHPubKeys\":true,\"forwardAgent\":false,\"forwardX11\":false,"
			 "\"forwardX11Trusted\":false}" },
		{ "firmware", "{\"legacyBIOS\":false,\"images\":[]}" }, { "audio", "{\"device\":\"\",\"interface\":\"\"}" },
		{ "video", "{\"display\":\"none\",\"vnc\":{\"display\":\"127.0.0.1:0,to=9\"}}" }, { "provision", "[]" },
		{ "upgradePackages", "false" }, { "containerd.system", "false" }, { "containerd.user", "true" },
		{ "guestInstallPrefix", "\"/usr/local\"" }, { "probes", "[]" }, { "portForwards", "[]" }, { "copyToHost", "[]" },
		{ "message", "\"\"" }, { "networks", "[]" }, { "env", "{}" }, { "param", "{}" }, { "dns", "[]" },
		{ "hostResolver", "{\"enabled\":true,\"ipv6\":false,\"hosts\":{}}" }, { "propagateProxyEnv", "true" },
		{ "caCerts", "{\"removeDefaults\":false,\"files\":[],\"certs\":[]}" }, { "plain", "false" },
		{ "timezone", "\"Europe/Berlin\"" }, { "nestedVirtualization", "false" }, { "tpm", "false" }, { "osOpts", "{}" },
		{ "user", "{\"name\":\"tester\",\"comment\":\"Test User\",\"home\":\"/home/tester.guest\",\"shell\":\"/bin/bash\","
			  "\"uid\":501,\"passwordlessSudo\":true}" },
		{ "images", "[{\"location\":\"/x.img\",\"arch\":\"x86_64\"}]" },
		{ "_computed", "{\"name\":\"test\",\"hostname\":\"lima-test\",\"dir\":\"/home/tester/.lima/test\","
			       "\"mac\":\"52:55:55:1e:9c:d6\",\"instanceVersion\":\"" LIMA_VERSION "\"}" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		alone("", table[i][0], table[i][1]);
	alone("", "base", "");
	alone("", "containerd.archives[1].arch", "\"aarch64\"");
}

static void scalars(void)
{
	filled("cpus: 1\n", "cpus: 2\n", "cpus: 3\n", "cpus", "3");
	filled("cpus: 1\n", "cpus: 2\n", NULL, "cpus", "2");
	filled("cpus: 1\n", "cpus: null\n", NULL, "cpus", "1");
	filled("cpus: 1\n", "cpus: 0\n", NULL, "cpus", "4");
	filled("memory: 8GiB\n", "memory: \"\"\n", NULL, "memory", "\"4GiB\"");
	filled("disk: 8GiB\n", "disk: ''\n", NULL, "disk", "\"100GiB\"");
	filled("timezone: UTC\n", "timezone: ''\n", NULL, "timezone", "\"\"");
	filled("video: {display: gtk}\n", "video: {display: ''}\n", NULL, "video.display", "\"none\"");
	filled("ssh: {localPort: 1024, forwardAgent: true}\n", "ssh: {localPort: 2048}\n", NULL, "ssh.localPort", "2048");
	filled("ssh: {localPort: 1024, forwardAgent: true}\n", "ssh: {localPort: 2048}\n", NULL, "ssh.forwardAgent", "true");
	filled("message: d\nminimumLimaVersion: 1.0.0\n", "", "message: o\n", "message", "\"\"");
	filled("message: d\nminimumLimaVersion: 1.0.0\n", "", NULL, "minimumLimaVersion", "");
	alone("vmType: default\n", "vmType", "\"qemu\"");
	alone("mountType: default\n", "mountType", "\"9p\"");
	alone("arch: default\n", "arch", "\"x86_64\"");
	alone("os: FreeBSD\n", "user.shell", "\"/bin/sh\"");
	alone("arch: riscv64\n", "containerd.user", "false");
	alone("cpuType: {x86_64: max}\nvmOpts: {qemu: {cpuType: {aarch64: a}}}\n", "vmOpts.qemu.cpuType",
	      "{\"aarch64\":\"a\",\"x86_64\":\"max\"}");
}

static void coercions(void)
{
	alone("cpus: \"3\"\n", "cpus", "3");
	alone("cpus: 2.9\n", "cpus", "2");
	alone("cpus: 0x3\n", "cpus", "3");
	alone("ssh: {localPort: 1e4}\n", "ssh.localPort", "10000");
	alone("env: {A: 1, B: true, C: 2.0, D: 1.50, E: 0644, F: 0x10, G: null, H: 1e3}\n", "env",
	      "{\"A\":\"1\",\"B\":\"true\",\"C\":\"2\",\"D\":\"1.5\",\"E\":\"420\",\"F\":\"16\",\"G\":\"\",\"H\":\"1000\"}");
	alone("provision: [{mode: data, path: /x, permissions: 0644}]\n", "provision[0].permissions", "\"420\"");
	alone("provision: [{mode: data, path: /x, permissions: 644}]\n", "provision[0].permissions", "\"644\"");
	alone("containerd: {archives: []}\n", "containerd.archives[0].arch", "\"x86_64\"");
	alone("memory: 1e9\n", "memory", "\"1000000000\"");
	alone("additionalDisks: [data, 7]\n", "additionalDisks",
	      "[{\"name\":\"data\",\"format\":true,\"fsType\":\"ext4\",\"fsArgs\":[]},"
	      "{\"name\":\"7\",\"format\":true,\"fsType\":\"ext4\",\"fsArgs\":[]}]");
	alone("dns: [\"::1\", 1.1.1.1]\nhostResolver: {enabled: false}\n", "dns", "[\"::1\",\"1.1.1.1\"]");
	alone("user: {comment: !!binary SGFucw==}\n", "user.comment", "\"Hans\"");
}

static void lists(void)
{
	filled("images: [{location: /d}]\n", "images: [{location: /y}]\n", "images: [{location: /o}]\n", "images[0].location",
	       "\"/o\"");
	filled("images: [{location: /d}]\n", "images: [{location: /y}]\n", "images: [{location: /o}]\n", "images[2].location",
	       "\"/d\"");
	filled("caCerts: {files: [a, b]}\n", "caCerts: {files: [b, c]}\n", "caCerts: {files: [a, d]}\n", "caCerts.files",
	       "[\"a\",\"b\",\"c\",\"d\"]");
	filled("dns: [1.1.1.1]\nhostResolver: {enabled: false}\n", "dns: []\n", NULL, "dns", "[\"1.1.1.1\"]");
	filled("dns: [1.1.1.1]\nhostResolver: {enabled: false}\n", "dns: [2.2.2.2]\n", "dns: [3.3.3.3]\n", "dns", "[\"3.3.3.3\"]");
	filled("env: {A: d, B: d}\n", "env: {B: y, C: y}\n", "env: {C: o}\n", "env", "{\"A\":\"d\",\"B\":\"y\",\"C\":\"o\"}");
	filled("vmOpts: {qemu: {minimumVersion: 9.1.0}}\n", "vmOpts: {qemu: {}}\n", NULL, "vmOpts", "{\"qemu\":{}}");
	filled("vmOpts: {qemu: {minimumVersion: 9.1.0}}\n", "vmOpts: {qemu: null}\n", NULL, "vmOpts", "{\"qemu\":{}}");
	filled("vmOpts: {qemu: {minimumVersion: 9.1.0}}\n", "vmOpts: {vz: {}}\n", NULL, "vmOpts",
	       "{\"qemu\":{\"minimumVersion\":\"9.1.0\"},\"vz\":{}}");
	filled("mountTypesUnsupported: [9p]\n", "mountTypesUnsupported: [9p]\n", NULL, "mountTypesUnsupported", "[\"9p\",\"9p\"]");
	filled("provision: [{script: d}]\n", "provision: [{script: y}]\n", "provision: [{script: o}]\n", "provision",
	       "[{\"mode\":\"system\",\"script\":\"o\"},{\"mode\":\"system\",\"script\":\"y\"},{\"mode\":\"system\",\"script\":\"d\"}]");
	filled("networks: [{interface: def0, macAddress: \"52:55:55:00:00:01\", metric: 50, socket: /s}]\n", "",
	       "networks: [{interface: def0, lima: user-v2}]\n", "networks",
	       "[{\"lima\":\"user-v2\",\"macAddress\":\"52:55:55:00:00:01\",\"interface\":\"def0\",\"metric\":50}]");
	filled("probes: [{script: \"#!d\"}]\n", "probes: [{script: \"#!y\"}]\n", NULL, "probes[1].description", "\"user probe 2/2\"");
}

#define MOUNT_REST(cache)                                                                                              \
	"\"sshfs\":{\"cache\":true,\"followSymlinks\":false},\"9p\":{\"securityModel\":\"none\",\"protocolVersion\":"   \
	"\"9p2000.L\",\"msize\":\"128KiB\",\"cache\":\"" cache "\"},\"virtiofs\":{}}"

static void mounts(void)
{
	alone("mounts: [{location: \"~\"}]\n", "mounts",
	      "[{\"location\":\"/home/tester\",\"mountPoint\":\"/home/tester\",\"writable\":false," MOUNT_REST("fscache") "]");
	filled("mounts: [{location: /srv/log, writable: false}]\n", "", "mounts: [{location: /srv/log, writable: true}]\n", "mounts",
	       "[{\"location\":\"/srv/log\",\"mountPoint\":\"/srv/log\",\"writable\":true," MOUNT_REST("mmap") "]");
	filled("mounts: [{location: /a, mountPoint: /m}]\n", "mounts: [{location: /b, mountPoint: /m, 9p: {cache: none}}]\n", NULL,
	       "mounts[0].location", "\"/a\"");
	filled("mounts: [{location: /a, mountPoint: /m, 9p: {msize: 1MiB}}]\n",
	       "mounts: [{location: /b, mountPoint: /m, 9p: {cache: none}}]\n", NULL, "mounts[0].9p",
	       "{\"securityModel\":\"none\",\"protocolVersion\":\"9p2000.L\",\"msize\":\"1MiB\",\"cache\":\"none\"}");
	alone("mounts: [{location: \"~/a//b/./c/../d/\"}]\n", "mounts[0].location", "\"/home/tester/a/b/d\"");
	alone("mounts: [{location: \"/../x\"}]\n", "mounts[0].location", "\"/x\"");
	alone("mounts: [{location: \"{{.Home}}/x\", mountPoint: \"/mnt/{{.Name}}\"}]\n", "mounts[0].mountPoint", "\"/mnt/test\"");
	alone("mounts: [{location: \"{{.Dir}}/x\"}]\n", "mounts[0].mountPoint", "\"/home/tester/.lima/test/x\"");
	alone("mountType: 9p\nmountTypesUnsupported: [9p]\n", "mountType", "\"reverse-sshfs\"");
	alone("mountTypesUnsupported: [9p]\n", "mountType", "\"reverse-sshfs\"");
	alone("mountType: virtiofs\n", "mountType", "\"9p\"");
}

static void ports(void)
{
	static const char rest[] = "\"reverse\":false,\"ignore\":false,\"static\":false}]";
	char *want = xasprintf("[{\"guestIPMustBeZero\":false,\"guestIP\":\"127.0.0.1\",\"guestPortRange\":[1,65535],"
			       "\"hostIP\":\"127.0.0.1\",\"hostPortRange\":[1,65535],\"proto\":\"any\",%s", rest);

	alone("portForwards: [{}]\n", "portForwards", want);
	free(want);
	alone("portForwards: [{guestPort: 8080, hostPort: 8888}]\n", "portForwards[0].guestPortRange", "[8080,8080]");
	alone("portForwards: [{guestPort: 8080, hostPort: 8888}]\n", "portForwards[0].hostPortRange", "[8888,8888]");
	alone("portForwards: [{guestIPMustBeZero: true}]\n", "portForwards[0].guestIP", "\"0.0.0.0\"");
	alone("portForwards: [{guestIP: 0.0.0.0}]\n", "portForwards[0].guestIPMustBeZero", "true");
	alone("portForwards: [{guestSocket: /a, hostSocket: s}]\n", "portForwards[0].hostSocket", "\"/home/tester/.lima/test/sock/s\"");
	alone("portForwards: [{guestSocket: /a, hostSocket: s}]\n", "portForwards[0].guestPortRange", "[1,65535]");
	alone("portForwards: [{guestSocket: /a, hostSocket: s}]\n", "portForwards[0].hostPortRange", "[0,0]");
	alone("portForwards: [{guestSocket: /a, hostPort: 80}]\n", "portForwards[0].hostPortRange", "[80,80]");
	alone("portForwards: [{guestSocket: \"/run/user/{{.UID}}/x\", hostSocket: \"{{.Dir}}/y\"}]\n", "portForwards[0].guestSocket",
	      "\"/run/user/501/x\"");
}

static void templates(void)
{
	alone("param: {f: \"false\"}\nprovision: [{script: \"{{if .Param.f}}y{{else}}n{{end}}\"}]\n", "provision[0].script", "\"y\"");
	/* Templates see lima.yaml's own param; what reaches the guest is that of all layers. */
	filled("param: {x: d}\n", "param: {x: y}\nprovision: [{script: \"{{.Param.x}}\"}]\n", "param: {x: o}\n", "provision[0].script",
	       "\"y\"");
	filled("param: {x: d}\n", "param: {x: y}\nprovision: [{script: \"{{.Param.x}}\"}]\n", "param: {x: o}\n", "param", "{\"x\":\"o\"}");
	alone("user: {home: \"/h/{{.User}}\"}\ncopyToHost: [{guest: \"{{.Home}}/a\", host: \"{{.Dir}}/b\"}]\n", "copyToHost[0].guest",
	      "\"/h/tester/a\"");
	/* Expanded where it is shown (test_message.c): the document keeps it. */
	alone("message: \"{{.Name}} {{.SSHLocalPort}}\"\n", "message", "\"{{.Name}} {{.SSHLocalPort}}\"");
}

static void machine(void)
{
	struct host root = fake_machine, small = fake_machine, odd = fake_machine;
	char *names[] = { "root", "Odd.Name", "admin" };

	root.uid = 0;
	root.user = names[0];
	small.cpus = 1;
	small.memory = 1048576000;
	odd.user = names[1];
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .host = &root }, "user.name", "\"lima\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .host = &root }, "user.uid", "1000");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .host = &small }, "cpus", "1");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .host = &small }, "memory", "\"500MiB\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .host = &odd }, "user.name", "\"lima\"");
	odd.user = names[2];
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .host = &odd }, "user.name", "\"lima\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .host = &odd, .instance_version = "" }, "user.name", "\"admin\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .instance_version = "2.0.3" }, "user.home", "\"/home/tester.linux\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .instance_version = "2.1.0" }, "user.home", "\"/home/tester.guest\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .instance_version = "0.1.0" }, "user.home", "\"/home/tester.guest\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .instance_version = "0.23.2" }, "mountType", "\"reverse-sshfs\"");
	is_filled_in(NULL, "networks: [{lima: user-v2}]\n", NULL, (struct resolve_in){ .dir = "/home/u/.lima/default" },
		     "networks[0].macAddress", "\"52:55:55:36:6f:e4\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .dir = "/home/u/.lima/default" }, "_computed.mac", "\"52:55:55:f7:b6:d7\"");
	is_filled_in(NULL, "", NULL, (struct resolve_in){ .dir = "/home/u/.lima/foo_bar.baz" }, "_computed.hostname",
		     "\"lima-foo-bar-baz\"");
}

static void plain(void)
{
	static const char y[] = "plain: true\nmounts: [{location: /srv}]\ncontainerd: {system: true}\n"
				"portForwards: [{guestPort: 1}, {guestPort: 2, static: true}]\n";

	alone(y, "mounts", "[]");
	alone(y, "containerd.system", "false");
	alone(y, "containerd.user", "false");
	alone(y, "timezone", "\"\"");
	alone(y, "portForwards[0].guestPort", "2");
	alone(y, "portForwards[1]", "");
}

/* Resolving the resolved document changes nothing. */
static void fixed_point(void)
{
	static const char y[] = IMAGE "mounts: [{location: \"~\"}]\nnetworks: [{lima: user-v2}]\nportForwards: [{guestPort: 80},"
				"{guestSocket: /a, hostSocket: b}]\nprovision: [{mode: data, path: \"{{.Home}}/x\"}, {script: x}]\n"
				"probes: [{script: \"#!x\"}]\nadditionalDisks: [d]\ncpuType: {x86_64: max}\n";
	struct diag d = { 0 };
	struct node *one = fake_resolve("y", NULL, y, NULL, (struct resolve_in){ 0 }, &d), *two;
	struct buf text = { 0 };

	ok(one != NULL, "resolves");
	if (!one)
		return;
	tree_emit(one, &text);
	two = fake_resolve("y", NULL, buf_str(&text), NULL, (struct resolve_in){ 0 }, &d);
	ok(two && node_equal(one, two), "a resolved document is a fixed point");
	node_free(one);
	node_free(two);
	buf_free(&text);
	diag_free(&d);
}

static void put(const char *dir, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
	free(path);
}

static void instances(void)
{
	char home[] = "/tmp/test_fill.XXXXXX", *dir, *config, *got;
	struct err e = { 0 };
	struct diag d = { 0 };
	struct node *y = tree_parse(IMAGE, strlen(IMAGE), "y", &e), *doc;

	ok(mkdtemp(home) != NULL, "a folder");
	dir = xasprintf("%s/inst", home);
	config = xasprintf("%s/_config", home);
	mkdir(dir, 0700);
	mkdir(config, 0700);
	put(config, "default.yaml", "cpus: 1\ndisk: 5GiB\n");
	put(config, "override.yaml", "cpus: 2\n");
	put(dir, "diffdisk", "");
	put(dir, "lima-version", "2.0.0\n");
	doc = resolve_instance(y, dir, home, false, &d);
	got = value(doc, "cpus");
	is_str(got, "2", "override.yaml is read");
	free(got);
	got = value(doc, "disk");
	is_str(got, "\"5GiB\"", "default.yaml is read");
	free(got);
	is_str(tree_str(doc, "", "_computed.instanceVersion"), "2.0.0", "lima-version is read");
	node_free(doc);
	put(config, "override.yaml", "cpus: [\n");
	doc = resolve_instance(y, dir, home, false, &d);
	got = fake_findings(&d, false);
	ok(!doc && strstr(got, "override.yaml:2:1: not valid YAML"), "a broken layer is an error: %s", got);
	free(got);
	node_free(doc);
	node_free(y);
	diag_free(&d);
	free(dir);
	free(config);
	got = xasprintf("rm -r %s", home);
	ok(system(got) == 0, "cleaned up");
	free(got);
}

static void versions(void)
{
	unsigned v[3];

	ok(version_parse("v1.2.3-4-gabc", v) && v[0] == 1 && v[2] == 3, "v and what follows '-' are not looked at");
	ok(version_parse("1.2.3.m", v), ".m neither");
	ok(!version_parse("1.2", v) && !version_parse("1.2.3.4", v) && !version_parse("", v) && !version_parse("a.b.c", v),
	   "three numbers");
	ok(version_less("1.9.0", "1.10.0") && !version_less("2.0.0", "1.10.0") && !version_less("<unknown>", "9.9.9"), "comparing");
}

int main(void)
{
	defaults();
	scalars();
	coercions();
	lists();
	mounts();
	ports();
	templates();
	machine();
	plain();
	fixed_point();
	instances();
	versions();
	return done();
}
