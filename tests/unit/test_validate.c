/* uses: render */
/* Each rule of the validation has a file in tests/data/yaml/bad that breaks it, and its message. */
#include <glob.h>

#include "tap.h"

#include "fake_resolve.h"
#include "file.h"

#define DATA "tests/data/yaml/bad/"

static char *load(const char *path)
{
	struct buf b = { 0 };
	struct err e = { 0 };

	if (file_read(path, 1 << 20, &b, &e) < 0)
		printf("# %s\n", e.msg);
	return buf_detach(&b);
}

static void bad_file(const char *path)
{
	char *expected = xasprintf("%.*s.err", (int)strlen(path) - 5, path), *text = load(path), *want = load(expected);
	const char *name = strrchr(path, '/') + 1;
	struct diag d = { 0 };
	struct node *doc = fake_resolve(name, NULL, text, NULL, (struct resolve_in){ 0 }, &d);
	char *got = fake_findings(&d, false);

	ok(!doc, "%s is refused", name);
	is_str(got, want, name);
	node_free(doc);
	diag_free(&d);
	free(expected);
	free(text);
	free(want);
	free(got);
}

static void bad_files(void)
{
	glob_t g;

	ok(glob(DATA "*.yaml", 0, NULL, &g) == 0, "the bad files are found");
	ok(g.gl_pathc >= 100, "%zu of them", (size_t)g.gl_pathc);
	for (size_t i = 0; i < g.gl_pathc; i++)
		bad_file(g.gl_pathv[i]);
	globfree(&g);
}

#define IMAGE "images: [{location: /x.img}]\n"

/* What is only warned about; the document is good. */
static void warns(const char *text, const char *want)
{
	struct diag d = { 0 };
	struct node *doc = fake_resolve("w.yaml", NULL, text, NULL, (struct resolve_in){ .warnings = true }, &d);
	char *got = fake_findings(&d, true), *errors = fake_findings(&d, false);

	is_str(errors, "", "no errors");
	is_str(got, want, "the warning");
	node_free(doc);
	diag_free(&d);
	free(got);
	free(errors);
}

static void warnings(void)
{
	warns(IMAGE, "");
	warns(IMAGE "memmory: 1\n", "w.yaml:2:1: memmory: warning: unknown key; did you mean memory?\n");
	warns(IMAGE "ssh: {LocalPort: 1}\n", "w.yaml:2:7: ssh.LocalPort: warning: unknown key; did you mean localPort?\n");
	warns(IMAGE "zzzzzzzz: 1\n", "w.yaml:2:1: zzzzzzzz: warning: unknown key, ignored\n");
	warns(IMAGE "cpus: 64\n", "w.yaml:2:7: cpus: warning: 64 are more than the 8 of this host\n");
	warns(IMAGE "mounts: [{location: /nonexistent/x}]\n",
	      "w.yaml:2:21: mounts[0].location: warning: /nonexistent/x does not exist; it is made at start\n");
	warns(IMAGE "mountType: 9p\nmountTypesUnsupported: [9p]\nmounts: [{location: /srv}]\n",
	      "w.yaml:2:12: mountType: warning: 9p cannot be used, the guest cannot do it (mountTypesUnsupported); using "
	      "reverse-sshfs\n");
	warns(IMAGE "mountType: virtiofs\nmounts: [{location: /srv}]\n",
	      "w.yaml:2:12: mountType: warning: virtiofs cannot be used, virtiofsd is not installed; using 9p\n");
	warns("images: [{location: /x, arch: x86_64}]\narch: riscv64\n",
	      "w.yaml:1:9: images: warning: none is for riscv64, so the machine cannot be made\n"
	      "w.yaml:2:7: arch: warning: this architecture is experimental\n");
	warns(IMAGE "mountInotify: true\n", "w.yaml:2:15: mountInotify: warning: this is experimental\n");
	warns("arch: armv7l\nimages: [{location: /x.img}]\n", "w.yaml:1:7: arch: warning: this architecture is experimental\n");
	warns(IMAGE "video: {display: \"vnc=:1\"}\n", "w.yaml:2:18: video.display: warning: vnc is experimental\n");
	warns(IMAGE "audio: {device: pa}\n", "w.yaml:2:17: audio.device: warning: sound is experimental\n");
	warns(IMAGE "os: Windows\nuser: {shell: pwsh.exe}\n", "w.yaml:2:5: os: warning: Windows guests are experimental\n");
	warns(IMAGE "user: {passwordlessSudo: false}\nplain: true\nparam: {a: b}\nmessage: \"{{.Param.a}}\"\n",
	      "w.yaml:2:26: user.passwordlessSudo: warning: param needs sudo in the guest\n");
	warns("arch: aarch64\nimages: [{location: /x}]\nfirmware: {legacyBIOS: true}\n",
	      "w.yaml:3:24: firmware.legacyBIOS: warning: is ignored for aarch64\n");
	warns(IMAGE "provision: [{script: \"x $LIMA_CIDATA_NAME\"}]\n",
	      "w.yaml:2:22: provision[0].script: warning: uses LIMA_CIDATA variables, which may change\n");
	warns(IMAGE "provision: [{mode: ansible, playbook: /dev/null}]\n",
	      "w.yaml:2:39: provision[0].playbook: warning: the mode ansible is deprecated\n");
	warns(IMAGE "cpuType: {x86_64: max}\n", "w.yaml:2:10: cpuType: warning: is deprecated; use vmOpts.qemu.cpuType\n");
	warns(IMAGE "plain: true\nportForwards: [{static: true, guestPortRange: [1000, 2000]}]\n",
	      "w.yaml:3:16: portForwards: warning: with plain: true every port of this rule is forwarded at once\n");
	warns(IMAGE "vmType: vz\nuser: {uid: 7}\n", "w.yaml:2:9: vmType: warning: vz is not available on this host; only qemu is\n");
}

/* Names that a guest cannot have for its user. */
static void account_warns(char *name, unsigned uid, const char *want)
{
	struct host host = fake_machine;
	struct diag d = { 0 };
	struct node *doc;
	char *got;

	host.user = name;
	host.uid = uid;
	doc = fake_resolve("w.yaml", NULL, IMAGE, NULL, (struct resolve_in){ .warnings = true, .host = &host }, &d);
	got = fake_findings(&d, true);
	is_str(got, want, name);
	node_free(doc);
	diag_free(&d);
	free(got);
}

static void accounts(void)
{
	char *names[] = { "Odd.Name", "admin", "root", "max-1" };

	account_warns(names[0], 501, "user.name: warning: your name 'Odd.Name' is no name for an account in the guest, so the guest's "
				     "account is lima\n");
	account_warns(names[1], 501, "user.name: warning: your name 'admin' is a name that guests have a group for, so the guest's "
				     "account is lima\n");
	account_warns(names[2], 0, "user: warning: you are root; the guest's account is 'lima' with uid 1000\n");
	account_warns(names[3], 501, "");
}

/* Every place where a param can be used counts. */
static void param_uses(void)
{
	static const char *const uses[] = {
		"provision: [{script: \"echo $PARAM_p\"}]", "provision: [{script: \"{{if eq .Param.p \\\"v\\\"}}a{{end}}\"}]",
		"provision: [{mode: data, path: /x, content: \"{{.Param.p}}\"}]", "provision: [{mode: data, path: \"/{{.Param.p}}\"}]",
		"provision: [{mode: data, path: /x, owner: \"{{ .Param.p }}\"}]",
		"provision: [{mode: yq, path: /x, expression: \"{{.Param.p}}\"}]", "probes: [{script: \"#!/bin/sh $PARAM_p\"}]",
		"copyToHost: [{guest: \"/{{.Param.p}}\", host: /h}]", "copyToHost: [{guest: /g, host: \"/{{.Param.p}}\"}]",
		"portForwards: [{guestSocket: \"/{{.Param.p}}\", hostSocket: /h}]",
		"portForwards: [{guestSocket: /g, hostSocket: \"/{{.Param.p}}\"}]", "mounts: [{location: \"/{{if .Param.p}}srv{{end}}\"}]",
		"mounts: [{location: /srv, mountPoint: \"/{{.Param.p}}\"}]",
	};

	for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		char *text = xasprintf(IMAGE "param: {p: v}\n%s\n", uses[i]);

		warns(text, "");
		free(text);
	}
}

int main(void)
{
	bad_files();
	warnings();
	accounts();
	param_uses();
	return done();
}
