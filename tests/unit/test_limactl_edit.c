/* uses: limactl instance render */
/* The flags that change a template as options of lima-render (spec/cli.md section 7). */
#include <fcntl.h>
#include <unistd.h>

#include "limactl/command.h"

#include "tap.h"

#define WORDS_MAX 12

static const struct flag_spec *const tables[] = { flags_set_e, flags_set_c, global_flags, NULL };
static int null;

/* The settings of a line of words separated by '|', each in <>; the error's text when it is refused. */
static char *settings(const char *line, bool existing)
{
	struct ctl c = { .flags = flags_new(tables) };
	char *copy = xstrdup(line), *words[WORDS_MAX];
	struct strv list = { 0 };
	struct buf text = { 0 };
	struct err e = { 0 };
	size_t n = 0;
	int err = dup(STDERR_FILENO), r;

	for (char *at = copy; *line && at && n < WORDS_MAX; n++) {
		char *bar = strchr(at, '|');

		words[n] = at;
		if (bar)
			*bar++ = '\0';
		at = bar;
	}
	dup2(null, STDERR_FILENO); /* its warnings */
	r = flags_parse(c.flags, words, n, false, &c.args, &e);
	if (r == 0)
		r = flags_edit_settings(&c, existing, &list, &e);
	dup2(err, STDERR_FILENO);
	close(err);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		buf_addf(&text, "<%s>", list.v[i]);
	if (r < 0)
		buf_adds(&text, e.msg);
	flags_free(c.flags);
	strv_free(&c.args);
	strv_free(&list);
	free(copy);
	return buf_detach(&text);
}

static void gives(const char *line, const char *want)
{
	char *got = settings(line, false);

	is_str(got, want, line);
	free(got);
}

static void existing_gives(const char *line, const char *want)
{
	char *got = settings(line, true);

	is_str(got, want, line);
	free(got);
}

#define WRONG(flag, why) "error while processing flag `" flag "`: " why

static void test_values(void)
{
	gives("", "");
	gives("--tty=false|--debug", "");
	gives("--cpus=4", "<--cpus=4>");
	gives("--memory=2", "<--memory=2>");
	gives("--memory=0.5", "<--memory=0.5>");
	gives("--memory=2.50", "<--memory=2.5>");
	gives("--memory=0.1", "<--memory=0.1>"); /* as float32 */
	gives("--memory=1e1", "<--memory=10>");
	gives("--disk=100", "<--disk=100>");
	gives("--dns=1.1.1.1,8.8.8.8|--dns=::1", "<--dns=1.1.1.1><--dns=8.8.8.8><--dns=::1>");
	gives("--mount=/a,/b:w|--mount=/c", "<--mount=/a><--mount=/b:w><--mount=/c>");
	gives("--mount=\"/a,b\"", "<--mount=\"/a,b\">");
	gives("--mount-only=/a", "<--mount-only=/a>");
	gives("--mount-none", "<--mount-none=true>");
	gives("--mount-none=false", "<--mount-none=true>");
	gives("--mount-type=9p", "<--mount-type=9p>");
	gives("--mount-inotify|--mount-writable=false", "<--mount-inotify=true><--mount-writable=false>");
	gives("--vm-type=qemu", "<--vm-type=qemu>");
	gives("--network=lima:user-v2,vzNAT", "<--network=lima:user-v2><--network=vzNAT>");
	gives("--nested-virt=false", "<--nested-virt=false>");
	gives("--rosetta", "<--rosetta=true>");
	gives("--set=.a = 1, .b = 2|--set=.c = \"x\"", "<--set=.a = 1, .b = 2><--set=.c = \"x\">");
	gives("--param=A=b=c|--param=B=", "<--param=A=b=c><--param=B=>");
	gives("--video", "<--video=true>");
	gives("--ssh-port=0", "<--ssh-port=0>");
	gives("--shell=/bin/zsh", "<--shell=/bin/zsh>");
	gives("--arch=aarch64|--plain|--containerd=user+system", "<--arch=aarch64><--containerd=user+system><--plain=true>");
	gives("--image-variant=x|--audio-device=pa|--audio-interface=hda",
	      "<--audio-device=pa><--audio-interface=hda><--image-variant=x>");
	gives("--port-forward=80:8080,static=true|--port-forward=1:2", "<--port-forward=80:8080,static=true><--port-forward=1:2>");
	gives("--cpus=2|--cpus=3", "<--cpus=3>");
}

static void test_existing(void)
{
	existing_gives("--arch=aarch64|--image-variant=x|--containerd=none|--plain|--cpus=2", "<--cpus=2>");
	existing_gives("--port-forward=1:2", "<--port-forward=1:2>");
}

static void starts(const char *line, const char *start)
{
	char *got = settings(line, false);

	ok(!strncmp(got, start, strlen(start)), "%s: %s", line, got);
	free(got);
}

static void test_refused(void)
{
	starts("--cpus=-1", WRONG("cpus", ""));
	starts("--memory=-1", WRONG("memory", ""));
	gives("--mount=/a|--mount-only=/b", WRONG("mount-only", "flag `mount-only` conflicts with flag `mount`"));
	gives("--mount=/a|--mount-none", WRONG("mount-none", "flag `mount-none` conflicts with flag `mount`"));
	gives("--mount-only=/a|--mount-none", WRONG("mount-none", "flag `mount-none` conflicts with flag `mount-only`"));
	starts("--network=eth0", WRONG("network", "\"eth0\""));
	starts("--network=lima:a/b", WRONG("network", ""));
	gives("--param=A", WRONG("param", "invalid parameter `A`, expected NAME=VALUE"));
	gives("--image-variant=", WRONG("image-variant", "the value must not be empty"));
	starts("--containerd=maybe", WRONG("containerd", "expected user, system"));
	starts("--port-forward=80", WRONG("port-forward", "expected HOST:GUEST"));
	starts("--port-forward=80:x", WRONG("port-forward", ""));
	starts("--port-forward=80:90,static=maybe", WRONG("port-forward", ""));
	gives("--vm-type=vz", WRONG("vm-type", "`vz` is not available on this host; only qemu is"));
	starts("--mount-type=", WRONG("mount-type", ""));
}

static void error_becomes(const char *msg, const char *want)
{
	struct err e = { 0 };

	err_set(&e, EXIT_USAGE, "%s", msg);
	flags_edit_error(&e);
	is_str(e.msg, want, msg);
}

static void test_errors(void)
{
	error_becomes("--param c=1: template does not define param `c`; it has a",
		      WRONG("param", "template does not define param `c`; it has a"));
	error_becomes("--set .a = \"x: y\": the expression \".a\" fails: no", WRONG("set", "the expression \".a\" fails: no"));
	error_becomes("--setting x: y", "--setting x: y");
	error_becomes("--condition=boot is only: supported", "--condition=boot is only: supported");
	error_becomes("something: else", "something: else");
}

int main(void)
{
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	test_values();
	test_existing();
	test_refused();
	test_errors();
	return done();
}
