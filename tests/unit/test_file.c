/* file, lock, kv, name, spawn: the parts of the library that everything stands on. */
#include "file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kv.h"
#include "lock.h"
#include "name.h"
#include "oswatch.h"
#include "spawn.h"
#include "tap.h"

static char *slurp(const char *path)
{
	struct err e = { 0 };
	struct buf b = { 0 };

	return file_read(path, 1 << 20, &b, &e) < 0 ? NULL : buf_detach(&b);
}

static void test_write(void)
{
	struct err e = { 0 };
	struct stat st, again;
	bool changed;
	char *text;

	umask(0777);
	ok(file_write("a", "one", 3, 0640, &e) == 0, "a file is written under umask 777");
	umask(022);
	stat("a", &st);
	is_num(st.st_mode & 07777, 0640, "its mode is what was asked for");
	ok(file_write_if_changed("a", "one", 3, 0640, &changed, &e) == 0 && !changed, "the same content is not written again");
	stat("a", &again);
	ok(st.st_ino == again.st_ino, "it is still the same file");
	ok(file_write_if_changed("a", "one", 3, 0600, &changed, &e) == 0 && changed, "another mode is a change");
	ok(file_write_if_changed("a", "", 0, 0600, &changed, &e) == 0 && changed, "empty content is content");
	text = slurp("a");
	is_str(text, "", "and is read back");
	free(text);
	if (symlink("target", "link") == 0)
		ok(file_write("link", "x", 1, 0600, &e) == 0 && lstat("link", &st) == 0 && S_ISREG(st.st_mode) &&
			   access("target", F_OK) < 0,
		   "a link is replaced, not followed");
	ok(file_write("nowhere/a", "x", 1, 0600, &e) < 0 && e.code == EXIT_CANTCREATE && strstr(e.msg, "nowhere"),
	   "a missing folder is an error that names it");
	ok(file_read("a-missing", 10, &(struct buf){ 0 }, &e) < 0 && e.code == EXIT_NO, "a missing file has a status of its own");
}

static void test_bounds(void)
{
	struct err e = { 0 };
	struct buf b = { 0 };

	file_write("ten", "0123456789", 10, 0600, &e);
	ok(file_read("ten", 10, &b, &e) == 0 && b.len == 10, "a file of the largest size is read");
	buf_free(&b);
	ok(file_read("ten", 9, &b, &e) < 0 && e.code == EXIT_BADDATA, "one byte more is refused");
	buf_free(&b);
}

static void test_dirs(void)
{
	struct err e = { 0 };

	ok(dir_make("d/e/f", 0700, &e) == 0 && dir_make("d/e/f", 0700, &e) == 0, "folders are made once and again");
	ok(dir_make("ten/x", 0700, &e) < 0, "a file in the way is an error");
	file_write("d/e/keep", "x", 1, 0600, &e);
	ok(symlink("../../ten", "d/e/link") == 0 && dir_remove("d", &e) == 0 && access("d", F_OK) < 0, "a tree is removed");
	ok(access("ten", F_OK) == 0, "what a link in it pointed to is not");
	ok(dir_remove("d", &e) == 0, "removing what is gone is fine");
}

static void test_lock(void)
{
	struct lock a, b;
	struct err e = { 0 };
	pid_t holder, child;
	int fds[2];
	char c;

	ok(lock_take("l", 0, &a, &e) == 0, "a free lock is taken");
	ok(lock_held("l", &holder) && holder == getpid(), "it is held, by us");
	ok(lock_take("l", 0, &b, &e) < 0 && e.code == EXIT_TRYAGAIN, "a held one is not");
	lock_release(&a);
	ok(!lock_held("l", NULL), "it is free after the release");
	if (pipe(fds) < 0)
		return;
	child = fork();
	if (child == 0) {
		lock_take("l", 0, &a, &e);
		c = write(fds[1], "x", 1) == 1;
		pause();
		_exit(c);
	}
	ok(read(fds[0], &c, 1) == 1 && lock_held("l", &holder) && holder == child, "another process holds it");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ok(!lock_held("l", NULL), "death releases it");
	ok(lock_take("l", 0, &a, &e) == 0 && unlink("l") == 0 && lock_take("l", 0, &b, &e) == 0,
	   "a removed lock does not keep a new one of its name from being taken");
	lock_release(&a);
	lock_release(&b);
}

static void test_kv(void)
{
	static const char *const nasty[] = { "", "a=b", "\\n", "line\nbreak\r", "\\\\", "$(x) `y` \"z\" 'q'", " blanks ", "ümlaut" };
	struct err e = { 0 };
	struct buf b = { 0 };
	struct kv kv;

	for (size_t i = 0; i < sizeof(nasty) / sizeof(*nasty); i++) {
		char key[8];

		snprintf(key, sizeof(key), "k.%zu", i);
		kv_put(&b, key, nasty[i]);
	}
	ok(kv_parse(buf_str(&b), b.len, "t", &kv, &e) == 0, "what was put is parsed");
	for (unsigned i = 0; i < sizeof(nasty) / sizeof(*nasty); i++)
		is_str(kv_get(&kv, "?", "k.%u", i), nasty[i], "a value comes back as it was");
	is_str(kv_get(&kv, "?", "missing"), "?", "a missing key gives the fallback");
	kv_free(&kv);
	buf_free(&b);
	ok(kv_parse("a=1\nb\n", 6, "t", &kv, &e) < 0 && strstr(e.msg, "t:2"), "a line without '=' is an error with its number");
	ok(kv_parse("a=1\na=2\n", 8, "t", &kv, &e) < 0, "a key given twice is an error");
	ok(kv_parse("n=12\nbad=1x\nt=true\n", 19, "t", &kv, &e) == 0 && kv_num(&kv, 7, "n") == 12 && kv_num(&kv, 7, "bad") == 7 &&
		   kv_bool(&kv, "t") && !kv_bool(&kv, "n"),
	   "numbers and truths");
	kv_free(&kv);
}

static void test_name(void)
{
	static const char *const good[] = { "a", "A1", "a.b", "a_b-c.d", "0", "default", "foo.bar", "0912" };
	static const char *const bad[] = { "", ".", "..", "-a", "a-", "a..b", "a_-b", "a b", "a/b", "_x", "x\n", "\xc3\xbc", "a.yaml", "a.YML",
					   ".foo", "a__b", "a--b", "foo-", "foo..bar", "-rf", "_config" };
	struct err e = { 0 };
	char name[80];
	char *host;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ok(name_check_instance(good[i], &e) == 0, "'%s' is a name", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(name_check_instance(bad[i], &e) < 0 && e.code == EXIT_USAGE, "name %zu is refused", i);
	memset(name, 'a', sizeof(name));
	name[76] = '\0';
	ok(name_check(name, "name", &e) == 0, "76 characters are a name");
	name[76] = 'a';
	name[77] = '\0';
	ok(name_check(name, "name", &e) < 0, "77 are not");
	host = name_hostname("a.b_c-d");
	is_str(host, "lima-a-b-c-d", "a host name has only hyphens");
	free(host);
}

static void test_spawn(void)
{
	char *say[] = { "sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	char *none[] = { "/nonexistent/program", NULL };
	char *killed[] = { "sh", "-c", "kill -9 $$", NULL };
	char *fds[] = { "sh", "-c", "ls /proc/self/fd | wc -l", NULL };
	struct buf out = { 0 }, errout = { 0 };
	struct err e = { 0 };
	int status = -1, leak = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* What we inherited ourselves is not ours to count. */
	for (int fd = 3; fd < 256; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	ok(spawn_run(say, &out, &errout, &status, &e) == 0 && status == 3, "a status is passed");
	is_str(buf_str(&out), "out\n", "output is collected");
	is_str(buf_str(&errout), "err\n", "errors are collected apart");
	ok(spawn_run(none, NULL, NULL, &status, &e) < 0 && e.code == EXIT_UNAVAIL && strstr(e.msg, "/nonexistent/program"),
	   "a missing program is an error, not a status");
	ok(spawn_run(killed, NULL, NULL, &status, &e) == 0 && status == 128 + SIGKILL, "death by a signal is told");
	buf_free(&out);
	ok(spawn_run(fds, &out, NULL, &status, &e) == 0, "a child counts its descriptors");
	is_num(atoi(buf_str(&out)), 4, "it has the three standard ones (and the folder it reads)");
	buf_free(&out);
	buf_free(&errout);
	close(leak);
}

static void test_ending(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ok(!proc_is_ending(pid), "a process that sleeps is not ending");
	kill(pid, SIGSTOP);
	ok(!proc_is_ending(pid), "nor one that is stopped");
	/* From the moment of the kill on, whatever the kernel has done about it yet. */
	kill(pid, SIGKILL);
	ok(proc_is_ending(pid), "one that was killed is");
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	ok(proc_is_ending(pid), "so is one that waits to be reaped");
	waitpid(pid, NULL, 0);
	ok(proc_is_ending(pid), "and one that is gone");
	ok(!proc_is_ending(getpid()), "and we are not");
}

int main(void)
{
	char dir[] = "/tmp/lima-test.XXXXXX", *here;

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	test_write();
	test_bounds();
	test_dirs();
	test_lock();
	test_kv();
	test_name();
	test_spawn();
	test_ending();
	here = dir;
	if (chdir("/") < 0 || dir_remove(here, &(struct err){ 0 }) < 0)
		return 1;
	return done();
}
