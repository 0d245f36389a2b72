/* usage - what a process takes from the host, from /proc; elsewhere than on Linux nothing is known. */
#ifndef HOSTAGENT_USAGE_H
#define HOSTAGENT_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct usage {
	char state;       /* as in proc(5): R, S, D, T (stopped by a signal), Z; '?': not known */
	uint64_t rss;     /* resident memory, bytes */
	uint64_t cpu_ms;  /* CPU time in user and kernel mode */
	unsigned threads;
};

/* false, and *u zeroed with state '?', when the process cannot be looked at. */
bool usage_read(pid_t pid, struct usage *u);
/* Descriptors that this process has open; 0: not known. */
unsigned usage_own_fds(void);
/* Bytes that a file takes on its file system (holes left out); 0 when there is no such file. */
uint64_t usage_allocated(const char *path);

#endif
