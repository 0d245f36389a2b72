/* uses: hostagent dns loop */
/* The bound on the host agent's own logs: a child in the place of the host agent writes, and its files are read afterwards, by
 * the rules that their readers are told in logfile.h. */
#include "hostagent/logfile.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "instance_files.h"
#include "tap.h"

enum { LINE = 1000, LINES = 20000, SMALL = 65536 };

static char dir[64];

/* Lines "000017 xxx...\n" from `from` on, to descriptor 2, which is the file `name`. */
static int write_lines(const char *name, int from, int n, rlim_t limit)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct rlimit most = { limit, limit };
		char line[LINE + 1];
		int fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600), wrong = 0;

		signal(SIGXFSZ, SIG_IGN);
		if (fd < 0 || dup2(fd, 2) < 0 || setrlimit(RLIMIT_FSIZE, &most) < 0)
			_exit(100);
		close(fd);
		for (int i = from; i < from + n; i++) {
			memset(line, 'x', LINE);
			snprintf(line, sizeof(line), "%06d", i);
			line[6] = ' ';
			line[LINE - 1] = '\n';
			wrong += logfile_write(2, line, LINE) < 0;
		}
		_exit(wrong > 99 ? 99 : wrong);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? st.st_size : -1;
}

/* Counts whole lines, and how many numbers do not follow the one before; *next is the number expected, and then the one behind
 * the last. */
static int count(const char *name, int *next, int *gaps)
{
	FILE *f = fopen(name, "r");
	char line[2 * LINE];
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strlen(line) != LINE || line[LINE - 1] != '\n')
			continue;
		*gaps += *next >= 0 && atoi(line) != *next;
		*next = atoi(line) + 1;
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

static void test_bounded(void)
{
	int next = -1, gaps = 0, n;
	struct stat st;

	is_num(write_lines(F_HA_STDERR, 0, LINES, RLIM_INFINITY), 0, "twenty megabytes are written");
	ok(size_of(F_HA_STDERR) <= (off_t)LOGFILE_MAX && size_of(F_HA_STDERR_OLD) <= (off_t)LOGFILE_MAX, "none is longer than it may");
	ok(size_of(F_HA_STDERR_OLD) > (off_t)LOGFILE_MAX - LINE, "the old one is full");
	n = count(F_HA_STDERR_OLD, &next, &gaps);
	n += count(F_HA_STDERR, &next, &gaps);
	ok(n * LINE == size_of(F_HA_STDERR) + size_of(F_HA_STDERR_OLD), "whole lines only");
	ok(gaps == 0 && next == LINES, "one behind the other, from the old to the new one, to the last");
	ok(stat(F_HA_STDERR, &st) == 0 && (st.st_mode & 07777) == 0600, "the new one is 0600");
	ok(access(F_HA_STDERR ".next", F_OK) < 0, "nothing is left behind");
}

/* Who has the file open reads it to its end while it is the old one, and finds the next line at the start of the new one. */
static void test_reader(void)
{
	int fd, before = LOGFILE_MAX / LINE, gaps = 0, next = 0;
	struct stat ours, old;

	unlink(F_HA_STDERR);
	unlink(F_HA_STDERR_OLD);
	write_lines(F_HA_STDERR, 0, 10, RLIM_INFINITY);
	fd = open(F_HA_STDERR, O_RDONLY | O_CLOEXEC);
	write_lines(F_HA_STDERR, 10, before, RLIM_INFINITY);
	ok(fstat(fd, &ours) == 0 && stat(F_HA_STDERR_OLD, &old) == 0 && ours.st_ino == old.st_ino, "the open one has become the old one");
	count(F_HA_STDERR_OLD, &next, &gaps);
	is_num(next, before, "it is full");
	count(F_HA_STDERR, &next, &gaps);
	ok(gaps == 0 && next == before + 10, "and the new one goes on");
	close(fd);
}

static void test_limit(void)
{
	int next = -1, gaps = 0;

	unlink(F_HA_STDERR);
	unlink(F_HA_STDERR_OLD);
	is_num(write_lines(F_HA_STDERR, 0, 300, SMALL), 0, "a limit for files: every line is written");
	ok(size_of(F_HA_STDERR) <= SMALL && size_of(F_HA_STDERR_OLD) <= SMALL, "within it");
	count(F_HA_STDERR_OLD, &next, &gaps);
	count(F_HA_STDERR, &next, &gaps);
	ok(gaps == 0 && next == 300, "the last ones are there");
	is_num(write_lines(F_HA_STDERR, 0, 3, 10), 3, "a limit that no line fits in is an error each time, and no more");
}

static void test_others(void)
{
	unlink(F_HA_STDERR_OLD);
	write_lines(F_HA_STDERR, 0, 1, RLIM_INFINITY);
	is_num(write_lines("other", 0, LINES / 2, RLIM_INFINITY), 0, "another file");
	is_num(size_of("other"), LINES / 2 * LINE, "grows as it will");
	ok(access(F_HA_STDERR_OLD, F_OK) < 0, "and ours is left alone");
	/* The file's name is somebody else's by now: a new run, for instance. */
	unlink(F_HA_STDERR);
	is_num(symlink("other", F_HA_STDERR), 0, "a link in its place");
	is_num(write_lines("other", 0, 10, RLIM_INFINITY), 0, "is not taken for it");
	ok(access(F_HA_STDERR_OLD, F_OK) < 0, "and not moved");
}

int main(void)
{
	char cmd[96];

	snprintf(dir, sizeof(dir), "/tmp/test-logfile.XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	test_bounded();
	test_reader();
	test_limit();
	test_others();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) ? 1 : done();
}
