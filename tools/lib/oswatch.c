/* oswatch - see oswatch.h. The Linux calls, by number where the C library of Debian 12 has no wrapper. */
#include "oswatch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* QEMU's image locking (docs/system/images, "image locking"; block/file-posix.c): bytes 100.. say what an opener does,
 * 200.. what it does not let others do. */
#define PROC_EXITING 0x4 /* PF_EXITING of the kernel, in /proc/PID/stat */
#define QEMU_LOCK_FIRST 100
#define QEMU_LOCK_COUNT 200

int proc_watch(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int proc_signal(int watch, pid_t pid, int sig)
{
	if (watch >= 0)
		return (int)syscall(SYS_pidfd_send_signal, watch, sig, NULL, 0);
	return pid > 0 ? kill(pid, sig) : -1;
}

bool proc_await(int watch, int wait_ms)
{
	int64_t end = mono_ms() + wait_ms;
	struct pollfd p = { watch, POLLIN, 0 };

	while (watch >= 0) {
		int64_t left = end - mono_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return true;
		if (n == 0)
			break;
	}
	return false;
}

int file_watch(const char *path)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY | IN_ATTRIB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int files_watch(void)
{
	return inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

int files_watch_dir(int fd, const char *dir)
{
	return inotify_add_watch(fd, dir, IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MODIFY | IN_ONLYDIR) < 0 ? -1 : 0;
}

int files_watch_once(int fd, const char *path)
{
	return inotify_add_watch(fd, path, IN_MODIFY | IN_ONESHOT | IN_DONT_FOLLOW) < 0 ? -1 : 0;
}

void file_watch_rearm(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

int clock_watch(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		clock_watch_rearm(fd);
	return fd;
}

void clock_watch_rearm(int fd)
{
	/* A date that is never reached: only the cancellation by a clock step counts. */
	struct itimerspec t = { .it_value = { .tv_sec = (time_t)1 << 40 } };
	uint64_t ticks;

	if (read(fd, &ticks, sizeof(ticks)) < 0)
		errno = 0; /* ECANCELED is the news itself */
	timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, NULL);
}

pid_t file_lock_holder(const char *path)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd < 0)
		return 0;
	r = fcntl(fd, F_GETLK, &l);
	close(fd);
	if (r < 0 || l.l_type == F_UNLCK)
		return 0;
	return l.l_pid > 0 ? l.l_pid : -1;
}

bool disk_in_use(const char *path)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = QEMU_LOCK_FIRST, .l_len = QEMU_LOCK_COUNT };
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return false;
	r = fcntl(fd, F_OFD_GETLK, &l);
	close(fd);
	return r == 0 && l.l_type != F_UNLCK;
}

bool file_share_blocks(int from, int to)
{
	return ioctl(to, FICLONE, from) == 0;
}

pid_t socket_peer_pid(int fd)
{
	struct ucred c = { 0 };
	socklen_t n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return 0;
	return c.pid;
}

/* The beginning of a small file of /proc; "" when there is none. */
static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

/* A mask of signals in /proc/PID/status, such as "ShdPnd:\t0000000000000100". */
static bool kill_is_pending(const char *status, const char *mask)
{
	const char *line = strstr(status, mask);

	return line && strtoull(line + strlen(mask), NULL, 16) >> (SIGKILL - 1) & 1;
}

bool proc_is_ending(pid_t pid)
{
	char status[4096], stat[1024], *fields, state;
	unsigned flags;

	read_proc(pid, "status", status, sizeof(status));
	if (!*status)
		return kill(pid, 0) < 0 && errno == ESRCH;
	if (kill_is_pending(status, "\nSigPnd:") || kill_is_pending(status, "\nShdPnd:"))
		return true;
	/* "PID (NAME) STATE PPID PGRP SESSION TTY TPGID FLAGS ..."; the name may hold anything. */
	read_proc(pid, "stat", stat, sizeof(stat));
	fields = strrchr(stat, ')');
	if (!fields || sscanf(fields, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return !fields;
	return state == 'Z' || state == 'X' || flags & PROC_EXITING;
}

/* For kernels without close_range. */
static void close_listed(int keep)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *ent;

	if (!d)
		return;
	while ((ent = readdir(d)) != NULL) {
		int fd = atoi(ent->d_name);

		if (fd > 2 && fd != keep && fd != dirfd(d))
			close(fd);
	}
	closedir(d);
}

void fds_close_all(int keep)
{
	int r = 0;

	if (keep < 3) {
		r = (int)syscall(SYS_close_range, 3u, ~0u, 0u);
	} else {
		if (keep > 3)
			r = (int)syscall(SYS_close_range, 3u, (unsigned)keep - 1, 0u);
		if (r == 0)
			r = (int)syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u);
	}
	if (r < 0)
		close_listed(keep);
}

int64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
