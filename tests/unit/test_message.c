/* uses: render */
/* What the templates of `message` see, worked out from the table of fields in the specification (lima.yaml, section 8.3). */
#include "render/message.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define DOC \
	"vmType: qemu\narch: aarch64\ncpus: 3\nmemory: 2GiB\ndisk: 10GiB\nssh: {localPort: 0, address: 127.0.0.7}\n" \
	"user: {name: jo, uid: 1001}\nvmOpts: {qemu: {cpuType: {x86_64: max}}}\nparam: {word: \"a b\"}\n" \
	"networks: [{lima: user-v2, interface: lima0}]\nadditionalDisks: [{name: data}]\nimages: [{location: /a}]\n"

static char dir[] = "/tmp/lima-message-XXXXXX";

/* The text, or the first error behind "error: ". The caller frees it. */
static char *shown(const char *more, const char *message)
{
	char *yaml = xasprintf("%s%s%s", DOC, more, message), *text;
	struct err e = { 0 };
	struct node *doc = tree_parse(yaml, strlen(yaml), "y.yaml", &e);
	struct message_in in = { doc, "dev", "lima-dev", dir, "/home/jo/.lima" };
	struct buf out = { 0 };
	struct diag d = { 0 };

	if (!doc) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	message_text(&in, &out, &d);
	text = d.errors ? xasprintf("error: %u:%u: %s: %s", d.item[0].pos.line, d.item[0].pos.col, d.item[0].key, d.item[0].text) :
			  buf_detach(&out);
	buf_free(&out);
	diag_free(&d);
	node_free(doc);
	free(yaml);
	return text;
}

static void is_shown(const char *template, const char *want)
{
	char *message = xasprintf("message: '%s'\n", template), *got = shown("", message);

	is_str(got, want, template);
	free(got);
	free(message);
}

static void test_fields(void)
{
	static const struct { const char *template, *want; } cases[] = {
		{ "plain {text}", "plain {text}" },
		{ "{{.Name}} {{.Hostname}} {{.Status}}", "dev lima-dev Running" },
		{ "{{.VMType}} {{.Arch}} {{.CPUs}} {{.Memory}} {{.Disk}}", "qemu aarch64 3 2147483648 10737418240" },
		{ "{{.SSHAddress}} {{.LimaHome}} {{.IdentityFile}}", "127.0.0.7 /home/jo/.lima /home/jo/.lima/_config/user" },
		{ "{{len .Networks}} {{(index .Networks 0).Lima}} {{(index .AdditionalDisks 0).name}}", "1 user-v2 data" },
		{ "{{if .Errors}}bad{{else}}good{{end}} {{.Protected}}", "good false" },
		{ "{{.Param.word}}", "a b" },
		{ "{{.Instance.Name}} {{.Instance.Config.User.Name}} {{.Config.user.uid}} {{.Config.CPUs}}", "dev jo 1001 3" },
		{ "{{.Config.SSH.Address}} {{(index .Config.Images 0).Location}}", "127.0.0.7 /a" },
		{ "{{if .Instance.Config.VMOpts.vz.rosetta.enabled}}yes{{else}}no{{end}}", "no" },
		{ "{{.Config.VMOpts.qemu.cpuType.x86_64}}", "max" },
		/* Known when it is shown. */
		{ "ssh -p {{.SSHLocalPort}} x; kill {{ .DriverPID }} {{.HostAgentPID}}",
		  "ssh -p {{.SSHLocalPort}} x; kill {{.DriverPID}} {{.HostAgentPID}}" },
		{ "{{if .SSHLocalPort}}port {{.SSHLocalPort}}{{end}}", "port {{.SSHLocalPort}}" },
	};
	char *path, *got;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is_shown(cases[i].template, cases[i].want);
	path = xasprintf("%s|%s/ssh.config", dir, dir);
	got = shown("", "message: '{{.Dir}}|{{.SSHConfigFile}}'\n");
	is_str(got, path, "its files");
	free(got);
	free(path);
	path = xasprintf("%s/protected", dir);
	if (mkdir(path, 0700) < 0)
		exit(1);
	is_shown("{{.Protected}}", "true");
	rmdir(path);
	free(path);
}

static void test_other(void)
{
	char *got = shown("", "");

	is_str(got, "", "no message is none");
	free(got);
	got = shown("", "message: |\n  {{.Name}}\n  second {{/* quiet */}}line\n");
	is_str(got, "dev\nsecond line\n", "several lines");
	free(got);
	got = shown("", "message: |\n  fine\n  {{.Nme}}\n");
	ok(!strncmp(got, "error: 15:1: message: template: unknown variable .Nme; there are .AdditionalDisks, ", 78),
	   "what does not exist is named, with its line: %s", got);
	free(got);
	got = shown("", "message: '{{.Param.wrd}}'\n");
	ok(strstr(got, "unknown variable .Param.wrd") != NULL, "so is a parameter: %s", got);
	free(got);
}

static void test_fixed_port(void)
{
	static const char text[] = "ssh: {localPort: 60022}\nmessage: '{{printf \"%06d\" .SSHLocalPort}}'\n";
	struct err e = { 0 };
	struct node *doc = tree_parse(text, strlen(text), "y.yaml", &e);
	struct message_in in = { doc, "dev", "lima-dev", dir, "/l" };
	struct buf out = { 0 };
	struct diag d = { 0 };

	message_text(&in, &out, &d);
	is_str(buf_str(&out), "060022", "a fixed port is a number at once");
	buf_free(&out);
	diag_free(&d);
	node_free(doc);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	test_fields();
	test_other();
	test_fixed_port();
	rmdir(dir);
	return done();
}
