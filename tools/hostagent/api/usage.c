/* usage - see usage.h. */
#include "usage.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "file.h"

#define STAT_MAX 4096
#define BLOCK 512 /* what st_blocks counts */

bool usage_read(pid_t pid, struct usage *u)
{
	struct buf text = { 0 };
	struct err none = { 0 };
	unsigned long user, kernel;
	const char *p = NULL;
	long threads, pages;
	char path[64];
	bool ok;

	*u = (struct usage){ .state = '?' };
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if (file_read(path, STAT_MAX, &text, &none) == 0)
		p = strrchr(buf_str(&text), ')'); /* the name before it may contain anything */
	/* Fields 3, 14, 15, 20 and 24 of proc(5). */
	ok = p && sscanf(p, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %*u %ld",
			 &u->state, &user, &kernel, &threads, &pages) == 5;
	buf_free(&text);
	if (!ok)
		return false;
	u->rss = (uint64_t)(pages > 0 ? pages : 0) * (uint64_t)sysconf(_SC_PAGESIZE);
	u->cpu_ms = (uint64_t)(user + kernel) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	u->threads = (unsigned)threads;
	return true;
}

unsigned usage_own_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n > 3 ? n - 3 : 0; /* "." and "..", and the folder's own */
}

uint64_t usage_allocated(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : (uint64_t)st.st_blocks * BLOCK;
}
