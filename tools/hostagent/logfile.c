/* logfile - see logfile.h. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "instance_files.h"

static const struct logfile {
	const char *name, *old, *next;
} files[] = {
	[STDOUT_FILENO] = { F_HA_STDOUT, F_HA_STDOUT_OLD, F_HA_STDOUT ".next" },
	[STDERR_FILENO] = { F_HA_STDERR, F_HA_STDERR_OLD, F_HA_STDERR ".next" },
};

static bool is_ours(const struct logfile *l, const struct stat *open_one)
{
	struct stat st;

	return lstat(l->name, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == open_one->st_ino &&
	       st.st_dev == open_one->st_dev;
}

/* On a file system without hard links nothing is kept, which is better than no end. On a full disk the file stays, and cannot
 * grow either. */
static int begin_anew(int to, const struct logfile *l)
{
	int fd, r;

	unlink(l->next);
	fd = open(l->next, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	unlink(l->old);
	if (link(l->name, l->old) < 0 && errno != EPERM && errno != EOPNOTSUPP)
		r = -1;
	else
		r = rename(l->next, l->name);
	if (r == 0)
		dup2(fd, to);
	else
		unlink(l->next);
	close(fd);
	return r;
}

int logfile_write(int fd, const char *line, size_t n)
{
	const struct logfile *l = &files[fd];
	struct stat st;
	bool ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;

	if (ours && st.st_size + (off_t)n > (off_t)LOGFILE_MAX && is_ours(l, &st))
		begin_anew(fd, l);
	if (fd_write_all(fd, line, n) == 0)
		return 0;
	if (errno != EFBIG || !ours || !is_ours(l, &st) || begin_anew(fd, l) < 0)
		return -1;
	return fd_write_all(fd, line, n);
}
