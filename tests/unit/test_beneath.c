/* uses: hostagent dns loop */
/* beneath: files written where a guest swaps folders, links and pipes at the same time. Nothing outside is touched. */
#include "hostagent/guest/beneath.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "tap.h"

enum { ROUNDS = 10000 };

static char top[64], root[96], secret[96];

static int count(const char *dir)
{
	DIR *d = opendir(dir);
	int n = -2; /* . and .. */

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void text_of(const char *file, char out[64])
{
	FILE *f = fopen(file, "re");
	size_t n = f ? fread(out, 1, 63, f) : 0;

	out[n] = '\0';
	if (f)
		fclose(f);
}

static void plain(void)
{
	struct err e = { 0 };
	char path[160], text[64];
	struct stat st;

	ok(beneath_write(root, "a/b/c", "one", 3, &e) == 0, "folders that are missing are made %s", e.msg);
	ok(beneath_write(root, "a/b/c", "two!", 4, &e) == 0, "a file is replaced %s", e.msg);
	snprintf(path, sizeof(path), "%s/a/b/c", root);
	text_of(path, text);
	is_str(text, "two!", "by the new content");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "that only we can read");
	ok(beneath_unlink(root, "a/b/c", &e) == 0 && access(path, F_OK) < 0, "it is removed");
	ok(beneath_unlink(root, "a/b/c", &e) == 0, "and need not be there for that");
	ok(beneath_unlink(root, "no/such/folder", &e) < 0, "unlike its folder");
	snprintf(path, sizeof(path), "%s/no", root);
	ok(access(path, F_OK) < 0, "which is not made for it");
	ok(beneath_write(root, "../secret/x", "x", 1, &e) < 0 && beneath_write(root, "a/../../secret/x", "x", 1, &e) < 0,
	   "a path does not lead up");
}

static void links(void)
{
	struct err e = { 0 };
	char path[160], target[160], text[64];

	snprintf(path, sizeof(path), "%s/link", root);
	snprintf(target, sizeof(target), "%s/key", secret);
	if (symlink(target, path) < 0)
		printf("Bail out! cannot link\n");
	ok(beneath_write(root, "link", "new", 3, &e) == 0, "a link in the place of the file is replaced");
	text_of(target, text);
	is_str(text, "very secret", "and not followed");
	unlink(path);
	if (mkfifo(path, 0666) < 0)
		printf("Bail out! cannot make a pipe\n");
	ok(beneath_write(root, "link", "new", 3, &e) == 0, "so is a pipe, which nobody waits for");
	unlink(path);
	if (symlink(secret, path) < 0)
		printf("Bail out! cannot link\n");
	ok(beneath_write(root, "link/x", "x", 1, &e) < 0, "a link in the place of a folder is an error");
	ok(beneath_unlink(root, "link/key", &e) < 0, "for removing, too");
	unlink(path);
}

/* The guest: what is called "race" is a folder and a link to the secret one, in turn. */
static void swap(void)
{
	char dir[160], link[160];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(dir, sizeof(dir), "%s/race", root);
	snprintf(link, sizeof(link), "%s/race.link", root);
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, dir, AT_FDCWD, link, 2 /* RENAME_EXCHANGE */) < 0)
			_exit(1);
}

static void race(void)
{
	char path[160], text[64];
	int written = 0, refused = 0, status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/race", root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/race.link", root);
	if (symlink(secret, path) < 0)
		printf("Bail out! cannot link\n");
	pid = fork();
	if (pid == 0)
		swap();
	for (int i = 0; i < ROUNDS; i++) {
		struct err e = { 0 };

		if (beneath_write(root, i % 2 ? "race/key" : "race/deep/new", "guest's", 7, &e) == 0)
			written++;
		else
			refused++;
		beneath_unlink(root, "race/key", &e);
	}
	ok(waitpid(pid, &status, WNOHANG) == 0, "the guest has swapped all the time");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ok(written > 0 && refused > 0, "both sides have won (%d written, %d refused)", written, refused);
	is_num(count(secret), 1, "nothing was made outside");
	snprintf(path, sizeof(path), "%s/key", secret);
	text_of(path, text);
	is_str(text, "very secret", "nothing was changed or removed there");
}

int main(void)
{
	struct err e = { 0 };
	char path[160];

	snprintf(top, sizeof(top), "/tmp/test-beneath.XXXXXX");
	if (!mkdtemp(top))
		return 1;
	snprintf(root, sizeof(root), "%s/root", top);
	snprintf(secret, sizeof(secret), "%s/secret", top);
	snprintf(path, sizeof(path), "%s/key", secret);
	if (mkdir(root, 0755) < 0 || mkdir(secret, 0755) < 0 || file_write(path, "very secret", 11, 0644, &e) < 0)
		return 1;
	plain();
	links();
	race();
	dir_remove(top, &e);
	return done();
}
