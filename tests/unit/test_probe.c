/* uses: probe */
/* probe: splitting of words as POSIX sh does it, the architectures, and what kvm says about devices that are none. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe/kvm.h"
#include "probe/probe.h"
#include "tap.h"
#include "words.h"

/* The words joined by '|'; NULL when refused. */
static char *split(const char *text)
{
	struct strv words = { 0 };
	struct buf joined = { 0 };
	struct err e = { 0 };
	int r = words_split(text, "X", &words, &e);

	for (size_t i = 0; r == 0 && i < words.n; i++)
		buf_addf(&joined, "%s%s", i ? "|" : "", words.v[i]);
	strv_free(&words);
	if (r == 0)
		return buf_detach(&joined);
	buf_free(&joined);
	return NULL;
}

static void words_are(const char *text, const char *want)
{
	char *got = split(text);

	is_str(got, want, want ? want : "refused");
	free(got);
}

static void test_words(void)
{
	words_are("", "");
	words_are(" \t\n ", "");
	words_are("a b  c", "a|b|c");
	words_are(" a\tb\nc ", "a|b|c");
	words_are("'a b' c", "a b|c");
	words_are("a'b c'd", "ab cd");
	words_are("''", "");
	words_are("x '' y", "x||y");
	words_are("\"a b\"", "a b");
	words_are("\"a\\\"b\"", "a\"b");
	words_are("\"a\\$b\\`c\\\\d\"", "a$b`c\\d");
	words_are("\"a\\nb\"", "a\\nb");
	words_are("a\\ b", "a b");
	words_are("'a\\'", "a\\");
	words_are("$HOME *", "$HOME|*");
	words_are("#x", "#x");
	words_are("'open", NULL);
	words_are("\"open", NULL);
	words_are("\"open\\\"", NULL);
	words_are("end\\", NULL);
}

static void test_archs(void)
{
	static const char *const known[] = { "x86_64", "aarch64", "armv7l", "riscv64", "ppc64le", "s390x" };
	struct err e = { 0 };
	struct probe_qemu q;

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		ok(probe_arch(known[i]) != NULL, "%s is known", known[i]);
	ok(probe_arch("i386") == NULL && probe_arch("") == NULL && probe_arch("x86") == NULL, "others are not");
	ok(!probe_host_arch() || probe_arch(probe_host_arch()), "the host's is known, or NULL");
	setenv("QEMU_SYSTEM_X86_64", "/bin/sh -c 'a b'", 1);
	ok(probe_find(probe_arch("x86_64"), &q, &e) == 0, "a program out of the variable");
	is_str(q.program, "/bin/sh", "its path");
	is_num(q.args.n, 2, "its arguments");
	probe_qemu_free(&q);
	setenv("QEMU_SYSTEM_X86_64", "/nowhere/qemu", 1);
	ok(probe_find(probe_arch("x86_64"), &q, &e) < 0 && e.code == EXIT_UNAVAIL, "a program that does not exist");
	probe_qemu_free(&q);
}

/* Any program that takes every argument, or refuses them, stands in for QEMU. */
static void test_starts_kvm(void)
{
	const struct probe_arch *arch = probe_arch("x86_64");
	struct probe_qemu q = { .program = xstrdup("/bin/sh") };
	char reason[KVM_REASON_MAX] = "";

	strv_add(&q.args, "-c");
	strv_add(&q.args, "read x; test \"$x\" = quit");
	ok(probe_starts_kvm(arch, &q, reason, sizeof(reason)), "a QEMU that ends when it is told to");
	is_str(reason, "", "no reason");
	free(q.args.v[1]);
	q.args.v[1] = xstrdup("echo one; echo failed to set MSR >&2; exit 134");
	ok(!probe_starts_kvm(arch, &q, reason, sizeof(reason)), "one that gives up");
	ok(strstr(reason, "(status 134): failed to set MSR") != NULL, "its reason: %s", reason);
	probe_qemu_free(&q);
}

static void test_kvm(void)
{
	char dir[] = "/tmp/test_probe.XXXXXX", path[64], reason[KVM_REASON_MAX];

	ok(mkdtemp(dir) != NULL, "a folder");
	snprintf(path, sizeof(path), "%s/kvm", dir);
	ok(!kvm_works(path, 1000, reason) && strstr(reason, "does not exist"), "a missing device: %s", reason);
	ok(!kvm_works("/dev/null", 1000, reason) && strstr(reason, "does not answer as kvm does"), "another device: %s",
	   reason);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	chmod(path, 0);
	chmod(dir, 0755);
	if (geteuid() == 0 && seteuid(65534) < 0)
		ok(0, "cannot become another user");
	ok(!kvm_works(path, 1000, reason) && strstr(reason, "not permitted"), "a device without permission: %s",
	   reason);
	if (getuid() == 0 && seteuid(0) < 0)
		ok(0, "cannot become root again");
	unlink(path);
	rmdir(dir);
	reason[0] = '\0';
	kvm_works(KVM_DEVICE, KVM_BUDGET_MS, reason);
	ok(reason[0] != '\0', "the real device, if any, has a verdict: %s", reason);
	kvm_works(KVM_DEVICE, 0, reason);
	ok(reason[0] != '\0', "also without any time: %s", reason);
}

int main(void)
{
	test_words();
	test_archs();
	test_starts_kvm();
	test_kvm();
	return done();
}
