/* libfault - preloaded into a program to make the C library behave as badly as it may.
 *
 *   FAULT_PROGRAM=NAME   only in the program of this name; its children are left alone
 *   FAULT_MALLOC=N       the Nth allocation of memory, and all behind it, fail
 *   FAULT_SHORT=1        each read, write, send and receive of more than one byte moves at most seven, and every third one
 *                        is first interrupted (EINTR), unless it is of a regular file: signals do not interrupt these
 *   FAULT_COUNT=FILE     at the end, the number of allocations is written to FILE
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SHORT_MAX 7

static bool ready, shorten;
static unsigned long allocations, fail_from, calls;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

__attribute__((constructor)) static void init(void)
{
	const char *program = getenv("FAULT_PROGRAM"), *n = getenv("FAULT_MALLOC");

	if (!program || strcmp(program, program_invocation_short_name) != 0)
		return;
	fail_from = n ? strtoul(n, NULL, 10) : 0;
	shorten = getenv("FAULT_SHORT") != NULL;
	ready = true;
}

__attribute__((destructor)) static void end(void)
{
	const char *file = ready ? getenv("FAULT_COUNT") : NULL;
	char text[32];
	int fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	shorten = false;
	snprintf(text, sizeof(text), "%lu\n", allocations);
	if (write(fd, text, strlen(text)) < 0)
		_exit(99);
	close(fd);
}

static bool refuse(void)
{
	if (!ready)
		return false;
	allocations++;
	if (!fail_from || allocations < fail_from)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return refuse() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return refuse() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return refuse() ? NULL : __libc_realloc(p, n);
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Whether the call is interrupted; else how much of n it may move. */
static bool interrupted(int fd, size_t *n)
{
	if (!shorten || *n <= 1)
		return false;
	if (++calls % 3 == 0 && !is_regular(fd)) {
		errno = EINTR;
		return true;
	}
	if (*n > SHORT_MAX)
		*n = 1 + calls % SHORT_MAX;
	return false;
}

#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t read(int fd, void *p, size_t n)
{
	return interrupted(fd, &n) ? -1 : NEXT(ssize_t, read, int, void *, size_t)(fd, p, n);
}

ssize_t write(int fd, const void *p, size_t n)
{
	return interrupted(fd, &n) ? -1 : NEXT(ssize_t, write, int, const void *, size_t)(fd, p, n);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	return interrupted(fd, &n) ? -1 : NEXT(ssize_t, pread, int, void *, size_t, off_t)(fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
	return interrupted(fd, &n) ? -1 : NEXT(ssize_t, pread64, int, void *, size_t, off64_t)(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return interrupted(fd, &n) ? -1 : NEXT(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, p, n, at);
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	return interrupted(fd, &n) ? -1 : NEXT(ssize_t, recv, int, void *, size_t, int)(fd, p, n, flags);
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	return interrupted(fd, &n) ? -1 : NEXT(ssize_t, send, int, const void *, size_t, int)(fd, p, n, flags);
}

/* The first part alone. */
ssize_t writev(int fd, const struct iovec *v, int n)
{
	if (n > 0 && shorten)
		return write(fd, v[0].iov_base, v[0].iov_len);
	return NEXT(ssize_t, writev, int, const struct iovec *, int)(fd, v, n);
}

ssize_t readv(int fd, const struct iovec *v, int n)
{
	if (n > 0 && shorten)
		return read(fd, v[0].iov_base, v[0].iov_len);
	return NEXT(ssize_t, readv, int, const struct iovec *, int)(fd, v, n);
}
