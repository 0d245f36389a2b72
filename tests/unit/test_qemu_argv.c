/* uses: qemu-argv */
/* qemu-argv: what stands in a path comes out of QEMU's option syntax as it went in, and adds no option and no word. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "kv.h"
#include "qemu-argv/qemu_argv.h"
#include "tap.h"

static char dir[] = "/tmp/test_qemu_argv.XXXXXX";

static void put_file(const char *name, const struct buf *text)
{
	char *path = path_join(dir, name);
	struct err e = { 0 };

	if (file_write(path, text ? buf_str(text) : "", text ? text->len : 0, 0600, &e) < 0)
		ok(0, "%s", e.msg);
	free(path);
}

/* Both conf files, with one free text in all places that take one. */
static void put_conf(const char *text)
{
	static const char *const fixed[] = { "name",
					     "x",
					     "arch",
					     "x86_64",
					     "cpus",
					     "1",
					     "memory",
					     "1048576",
					     "mac",
					     "52:55:55:00:00:00",
					     "ssh.localPort",
					     "0",
					     "mountType",
					     "9p",
					     "mounts",
					     "1",
					     "mounts.0.tag",
					     "t",
					     "disks",
					     "1",
					     "networks",
					     "1",
					     "networks.0.mac",
					     "52:55:55:00:00:01" };
	static const char *const probed[] = {
		"version", "7.2.0", "accel", "tcg", "cpus", "max", "netdev.stream", "true"
	};
	struct buf qemu = { 0 }, probe = { 0 };

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i += 2)
		kv_put(&qemu, fixed[i], fixed[i + 1]);
	kv_put(&qemu, "mounts.0.location", text);
	kv_put(&qemu, "disks.0.path", text);
	kv_put(&qemu, "networks.0.socket", text);
	for (size_t i = 0; i < sizeof(probed) / sizeof(*probed); i += 2)
		kv_put(&probe, probed[i], probed[i + 1]);
	kv_put(&probe, "qemu", text);
	kv_put(&probe, "firmware", text);
	put_file(".make/qemu.conf", &qemu);
	put_file(".make/probe.conf", &probe);
	buf_free(&qemu);
	buf_free(&probe);
}

/* The value of a key in an option, by QEMU's rules: parts end at a comma, a doubled comma is one in the text. NULL when
 * there is no such key, or it is there twice. *parts is the number of parts. */
static char *value_of(const char *option, const char *key, size_t *parts)
{
	char *found = NULL;
	size_t n = strlen(key);

	*parts = 0;
	for (const char *p = option; *p; p += *p == ',') {
		struct buf part = { 0 };

		for (; *p && (*p != ',' || p[1] == ','); p++) {
			if (*p == ',')
				p++;
			buf_addc(&part, *p);
		}
		++*parts;
		if (!strncmp(buf_str(&part), key, n) && part.data[n] == '=') {
			if (found)
				*parts = 999;
			free(found);
			found = xstrdup(part.data + n + 1);
		}
		buf_free(&part);
	}
	return found;
}

static int build(struct strv *argv, struct err *e)
{
	struct qemu_argv_opts opts = { .dir = dir, .qmp_fd = FD_NONE, .agent_fd = FD_NONE };
	struct strv notes = { 0 };
	int r = qemu_argv_build(&opts, argv, &notes, e);

	strv_free(&notes);
	return r;
}

/* The only word that begins so, or "". */
static const char *word(const struct strv *argv, const char *beginning)
{
	for (size_t i = 0; i < argv->n; i++)
		if (!strncmp(argv->v[i], beginning, strlen(beginning)))
			return argv->v[i];
	return "";
}

static int carries(const struct strv *argv, const char *beginning, const char *key, const char *want, size_t parts)
{
	size_t got_parts;
	char *got = value_of(word(argv, beginning), key, &got_parts);
	int right = got && !strcmp(got, want) && got_parts == parts;

	free(got);
	return right;
}

/* 1 when the text survives in each place, 0 otherwise. */
static int survives(const char *text, size_t words)
{
	struct strv argv = { 0 };
	struct err e = { 0 };
	int right;

	put_conf(text);
	right = build(&argv, &e) == 0 && argv.n == words && !strcmp(argv.v[0], text) &&
		carries(&argv, "local,", "path", text, 6) && carries(&argv, "stream,", "addr.path", text, 5) &&
		carries(&argv, "if=pflash", "file", text, 4);
	/* The second drive of that form: the first is the boot disk, which has an id. */
	for (size_t i = 0; right && i < argv.n; i++)
		if (strstr(argv.v[i], ",if=virtio,format=qcow2,discard=on")) {
			size_t parts;
			char *got = value_of(argv.v[i], "file", &parts);

			right = got && !strcmp(got, text) && parts == 4;
			free(got);
		}
	strv_free(&argv);
	return right;
}

static size_t count_words(void)
{
	struct strv argv = { 0 };
	struct err e = { 0 };
	size_t n;

	put_conf("/plain");
	ok(build(&argv, &e) == 0, "a plain path: %s", e.msg);
	n = argv.n;
	strv_free(&argv);
	return n;
}

static void test_bytes(size_t words)
{
	int good = 0;

	for (int c = 1; c < 256; c++) {
		char text[] = { '/', (char)c, 'a', (char)c, (char)c, '=', (char)c, '\0' };

		if (survives(text, words))
			good++;
		else
			printf("# not byte %d\n", c);
	}
	is_num(good, 255, "every byte, alone and doubled");
}

static void test_words(size_t words)
{
	static const char *const nasty[] = { "/a,if=none",
					     "/a,,b",
					     "/,",
					     "/,,,",
					     "/a,readonly=off,",
					     "/=,=",
					     "/a b",
					     "/a\nb",
					     "/$(id)",
					     "/${IFS}x",
					     "/`id`",
					     "/'q\"",
					     "/a:b",
					     "/json:{\"x\":1}",
					     "/%s%n",
					     "/\\,",
					     "/-rf",
					     "/a,server=on,addr.path=/etc/passwd" };

	for (size_t i = 0; i < sizeof(nasty) / sizeof(*nasty); i++)
		ok(survives(nasty[i], words), "nasty %zu", i);
}

int main(void)
{
	char *make;

	ok(mkdtemp(dir) != NULL, "a folder");
	make = path_join(dir, ".make");
	mkdir(make, 0700);
	free(make);
	put_file("diffdisk", NULL);
	test_bytes(count_words());
	test_words(count_words());
	ok(dir_remove(dir, &(struct err){ 0 }) == 0, "cleaned up");
	return done();
}
