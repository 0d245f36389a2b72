/* uses: hostagent dns loop */
/* sshconf: what `ssh -G` makes of the file for awkward paths, and what is refused; quoting for remote shells. */
#include "sshconf.h"

#include <fcntl.h>
#include <unistd.h>

#include "file.h"
#include "hostagent/mounts/sshfs.h"
#include "spawn.h"
#include "tap.h"

static char *folder;

/* The value that ssh finds for a lower-case keyword. */
static char *asked(const char *file, const char *keyword)
{
	char *argv[] = { (char *)"ssh", (char *)"-G", (char *)"-F", (char *)file, (char *)"lima-x", NULL };
	struct buf out = { 0 }, errout = { 0 }, all = { 0 };
	struct err e = { 0 };
	int status = 1;
	size_t n = strlen(keyword);

	if (spawn_run(argv, &out, &errout, &status, &e) < 0 || status != 0)
		printf("# ssh -G: %s%s\n", e.msg, buf_str(&errout));
	for (char *save, *l = strtok_r(out.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (!strncmp(l, keyword, n) && l[n] == ' ')
			buf_addf(&all, "%s%s", all.len ? "|" : "", l + n + 1);
	buf_free(&out);
	buf_free(&errout);
	return buf_detach(&all);
}

static void load(struct kv *kv, const char *text)
{
	struct err e = { 0 };

	if (kv_parse(text, strlen(text), "agent.conf", kv, &e) < 0)
		printf("# %s\n", e.msg);
}

static void expect(const char *file, const char *keyword, const char *want)
{
	char *got = asked(file, keyword);

	is_str(got, want, keyword);
	free(got);
}

static void awkward(void)
{
	struct kv kv = { 0 };
	struct buf b = { 0 };
	struct err e = { 0 };
	size_t left_out = 9;
	char *file = path_join(folder, "ssh.config");

	load(&kv, "hostname=lima-x\nuser=lima\nssh.address=127.0.0.1\nssh.identities=3\n"
		  "ssh.identities.0=/h\xc3\xb6me/a b/100%/key\nssh.identities.1=/evil\"\\nProxyCommand x\nssh.identities.2=/k2\n"
		  "ssh.forwardAgent=true\n");
	is_num(sshconf_text(&kv, "/h\xc3\xb6me/a b/100%h", 60022, SSH_AES_SLOW, &b, &left_out, &e), 0, "awkward paths");
	is_num(left_out, 1, "a key that cannot be named is left out");
	ok(file_write(file, b.data, b.len, 0600, &e) == 0, "written");
	/* ssh -G shows this one before the tokens are replaced; that ssh finds such a key is tested in lima-hostagent.bats. */
	expect(file, "identityfile", "/h\xc3\xb6me/a b/100%%/key|/k2");
	expect(file, "userknownhostsfile", "/h\xc3\xb6me/a b/100%h/known_hosts");
	expect(file, "controlpath", "/h\xc3\xb6me/a b/100%h/ssh.sock");
	expect(file, "port", "60022");
	expect(file, "hostname", "127.0.0.1");
	expect(file, "user", "lima");
	expect(file, "stricthostkeychecking", "true");
	expect(file, "hostkeyalias", "lima-x");
	expect(file, "globalknownhostsfile", "/dev/null");
	expect(file, "controlmaster", "auto");
	expect(file, "controlpersist", "yes");
	expect(file, "forwardagent", "yes");
	expect(file, "forwardx11", "no");
	expect(file, "proxycommand", "");
	expect(file, "identitiesonly", "yes");
	expect(file, "batchmode", "yes");
	free(file);
	buf_free(&b);
	kv_free(&kv);
}

static void ciphers(enum ssh_aes aes, const char *first)
{
	struct kv kv = { 0 };
	struct buf b = { 0 };
	struct err e = { 0 };
	size_t left_out;
	char *file = path_join(folder, "c"), *got;

	load(&kv, "hostname=lima-x\nuser=u\n");
	sshconf_text(&kv, "/d", 22, aes, &b, &left_out, &e);
	file_write(file, b.data, b.len, 0600, &e);
	got = asked(file, "ciphers");
	ok(!strncmp(got, first, strlen(first)), "%s comes first", first);
	free(got);
	free(file);
	buf_free(&b);
	kv_free(&kv);
}

static void refused(const char *conf, const char *dir, const char *part)
{
	struct kv kv = { 0 };
	struct buf b = { 0 };
	struct err e = { 0 };
	size_t left_out;

	load(&kv, conf);
	ok(sshconf_text(&kv, dir, 22, SSH_AES_SLOW, &b, &left_out, &e) < 0 && e.code == EXIT_BADDATA && strstr(e.msg, part),
	   "refused: %s", e.msg);
	buf_free(&b);
	kv_free(&kv);
}

static void aes_flag(const char *text, bool want, const char *name)
{
	char *file = path_join(folder, "cpuinfo");
	struct err e = { 0 };

	file_write(file, text, strlen(text), 0600, &e);
	ok(cpu_has_aes(file) == want, "%s", name);
	free(file);
}

static void quotes(void)
{
	struct buf b = { 0 };

	shell_quote(&b, "it's $(x) \"y\" \\z");
	is_str(buf_str(&b), "'it'\\''s $(x) \"y\" \\z'", "a word for a shell");
	buf_free(&b);
	mounts_escape(&b, "/a b/t\tn\nq\\");
	is_str(buf_str(&b), "/a\\040b/t\\011n\\012q\\134", "a path as in /proc/mounts");
	buf_free(&b);
}

int main(void)
{
	char template[] = "/tmp/test_sshconf.XXXXXX";
	struct err e = { 0 };

	folder = mkdtemp(template);
	awkward();
	ciphers(SSH_AES_SLOW, "chacha20-poly1305@openssh.com,");
	ciphers(SSH_AES_FAST, "aes128-gcm@openssh.com,aes256-gcm@openssh.com,");
	refused("hostname=lima-x\nuser=a\\nProxyCommand touch /tmp/p\n", "/d", "user contains a control character");
	refused("hostname=lima-x\nuser=a\"b\n", "/d", "user contains a double quote");
	refused("hostname=lima-x\nuser=u\n", "/a\"b", "the path of the instance contains a double quote");
	refused("hostname=lima-x\nuser=u\n", "/${HOME}", "contains \"${\"");
	refused("hostname=lima-x\nuser=u\nssh.address=1.2.3.4\\nx\n", "/d", "ssh.address contains");
	aes_flag("processor: 0\nflags\t\t: fpu aes sse\n", true, "AES instructions");
	aes_flag("flags\t\t: fpu vaes sse aesx\n", false, "names that only contain it");
	aes_flag("model name: aes\n", false, "and other lines do not count");
	aes_flag("Features\t: fp asimd aes pmull\n", true, "arm has other words");
	quotes();
	dir_remove(folder, &e);
	return done();
}
