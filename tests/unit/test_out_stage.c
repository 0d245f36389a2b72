/* uses: render */
/* The folder that becomes the volume: exactly the wanted files, unchanged ones untouched. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "render/out_stage.h"
#include "tap.h"

static char root[] = "/tmp/lima-stage-XXXXXX";

static char *at(const char *name)
{
	return path_join(root, name);
}

static void text(struct stage *s, const char *path, const char *content, mode_t mode)
{
	struct buf b = { 0 };

	buf_adds(&b, content);
	stage_add(s, path, &b, mode);
}

static void fill(struct stage *s)
{
	*s = (struct stage){ .keep = "big.tgz" };
	text(s, "b/two", "2", 0700);
	text(s, "a", "1\n", 0600);
	text(s, "empty", "", 0600);
}

static struct stat info(const char *name)
{
	char *path = at(name);
	struct stat st = { 0 };

	if (lstat(path, &st) < 0)
		st.st_mode = 0;
	free(path);
	return st;
}

static void put(const char *name, const char *content)
{
	char *path = at(name);
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(content, f);
		fclose(f);
	}
	free(path);
}

static int write_all(struct buf *list, struct err *e)
{
	struct stage s;
	char *dir = at("c");
	int r;

	fill(&s);
	r = stage_write(&s, dir, list, e);
	stage_free(&s);
	free(dir);
	return r;
}

int main(void)
{
	/* printf '1\n' | sha256sum, printf 2 | sha256sum, printf '' | sha256sum */
	static const char want[] =
		"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865 0600 a\n"
		"d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35 0700 b/two\n"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0600 empty\n";
	struct stat a1, b1, a2, b2;
	struct err e = { 0 };
	struct buf list = { 0 };
	char *path;

	umask(0);
	if (!mkdtemp(root))
		return 1;
	is_num(write_all(&list, &e), 0, "a new folder");
	is_str(buf_str(&list), want, "the list");
	is_num(info("c").st_mode & 07777, 0700, "the folder is private");
	is_num(info("c/b").st_mode & 07777, 0700, "so is the one below");
	is_num(info("c/a").st_mode, S_IFREG | 0600, "mode of a text");
	is_num(info("c/b/two").st_mode, S_IFREG | 0700, "mode of a program");
	is_num(info("c/empty").st_size, 0, "an empty file");

	a1 = info("c/a");
	b1 = info("c/b/two");
	buf_free(&list);
	is_num(write_all(&list, &e), 0, "a second time");
	a2 = info("c/a");
	b2 = info("c/b/two");
	ok(a1.st_ino == a2.st_ino && b1.st_ino == b2.st_ino, "nothing was replaced");
	ok(!memcmp(&a1.st_mtim, &a2.st_mtim, sizeof(a1.st_mtim)), "times stay");

	/* What an earlier version, a killed run or somebody else left. */
	put("c/stale", "x");
	path = at("c/old");
	mkdir(path, 0755);
	free(path);
	put("c/old/deep", "x");
	put("c/.a.tmp.999999999.0", "half");
	put("c/big.tgz", "the archive");
	put("c/a", "torn");
	path = at("c/empty");
	unlink(path);
	mkdir(path, 0700);
	free(path);
	path = at("c/b/two");
	unlink(path);
	ok(symlink("/etc/passwd", path) == 0, "a symbolic link in the way");
	free(path);
	buf_free(&list);
	is_num(write_all(&list, &e), 0, "repaired");
	is_str(buf_str(&list), want, "the same list");
	is_num(info("c/stale").st_mode, 0, "a stale file is gone");
	is_num(info("c/old").st_mode, 0, "a stale folder is gone");
	is_num(info("c/.a.tmp.999999999.0").st_mode, 0, "the temporary file of a dead process is gone");
	is_num(info("c/big.tgz").st_size, 11, "what somebody else makes there stays");
	is_num(info("c/a").st_size, 2, "a torn file is whole again");
	is_num(info("c/empty").st_mode, S_IFREG | 0600, "a folder in the way of a file");
	is_num(info("c/b/two").st_mode, S_IFREG | 0700, "a symbolic link in the way of a file");

	path = at("c");
	dir_remove(path, &e);
	ok(symlink("/tmp", path) == 0, "a symbolic link in the way of the folder");
	free(path);
	buf_free(&list);
	is_num(write_all(&list, &e), 0, "is replaced");
	is_num(info("c").st_mode, S_IFDIR | 0700, "by a folder");

	buf_free(&list);
	dir_remove(root, &e);
	return done();
}
