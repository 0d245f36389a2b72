/* touch - see touch.h.
 *
 * A file system of the host may hang, when the host is asleep or a server is gone. So a child process does it, started
 * when there is something to do for the first time and ending when there was nothing for a while or we are gone. */
#include "touch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dial.h"
#include "wire.h"

enum { IDLE = 30000 /* ms */, HEAD = 8, REQUEST_MAX = HEAD + PATH_MAX, FDS_MAX = 4096 /* lima-guestagent.c sets this limit */ };

static int to_worker = -1;

static bool from_host(const char *type)
{
	static const char *const types[] = { "9p ", "virtiofs ", "fuse.sshfs " };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strncmp(type, types[i], strlen(types[i])))
			return true;
	return false;
}

/* A line of mountinfo: "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS ... - TYPE SOURCE OPTIONS". */
static bool is_share_line(const char *line, dev_t dev)
{
	const char *p = strchr(line, ' '), *dash = strstr(line, " - ");
	unsigned long major_no;
	char *end;

	p = p ? strchr(p + 1, ' ') : NULL;
	if (!p || !dash)
		return false;
	major_no = strtoul(p + 1, &end, 10);
	return *end == ':' && makedev(major_no, strtoul(end + 1, NULL, 10)) == dev && from_host(dash + 3);
}

/* Whether a device is a mount from the host. statfs cannot tell: 9p answers it with the file system of the host. */
static bool is_share(dev_t dev)
{
	static dev_t last;
	char line[1024];
	FILE *f;

	if (dev == last)
		return true;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && dev != last && fgets(line, sizeof(line), f))
		if (is_share_line(line, dev))
			last = dev;
	if (f)
		fclose(f);
	return dev == last;
}

static void touch(const uint8_t *p, size_t n)
{
	char path[PATH_MAX];
	int64_t ns = (int64_t)wire_get64(p);
	struct timespec t[2] = { { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 } };
	struct stat st;
	int fd;

	memcpy(path, p + HEAD, n - HEAD);
	path[n - HEAD] = '\0';
	t[1] = t[0];
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && is_share(st.st_dev))
		futimens(fd, t);
	close(fd);
}

/* It must not keep the agent's descriptors: the port and the tunnels end with the agent. */
static void worker(int from, const struct peer *who)
{
	static uint8_t request[REQUEST_MAX];
	struct pollfd p = { .fd = 3, .events = POLLIN };

	if (from != 3 && dup2(from, 3) != 3)
		_exit(1);
	if (syscall(SYS_close_range, 4u, ~0u, 0u) < 0) /* before Linux 5.9 */
		for (int fd = 4; fd < FDS_MAX; fd++)
			close(fd);
	if (identity_take(who) < 0)
		_exit(1);
	while (poll(&p, 1, IDLE) > 0) {
		ssize_t n = recv(3, request, sizeof(request), MSG_DONTWAIT);

		if (n <= HEAD)
			break;
		touch(request, (size_t)n);
	}
	_exit(0);
}

static bool start_worker(const struct peer *who)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	signal(SIGCHLD, SIG_IGN); /* it is not waited for */
	pid = fork();
	if (pid == 0)
		worker(pair[1], who);
	close(pair[1]);
	if (pid < 0)
		close(pair[0]);
	to_worker = pid < 0 ? -1 : pair[0];
	return pid > 0;
}

static bool hand_over(const uint8_t *p, size_t n)
{
	if (to_worker < 0 || send(to_worker, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n || errno == EAGAIN)
		return to_worker >= 0;
	close(to_worker); /* it went when it had nothing to do */
	to_worker = -1;
	return false;
}

void touch_request(const struct peer *who, const uint8_t *payload, size_t n)
{
	static struct peer last;

	if (n <= HEAD || n >= REQUEST_MAX || payload[HEAD] != '/' || memchr(payload + HEAD, 0, n - HEAD))
		return;
	if ((int64_t)wire_get64(payload) < 0)
		return;
	if (to_worker >= 0 && memcmp(&last, who, sizeof(last))) {
		close(to_worker);
		to_worker = -1;
	}
	last = *who;
	if (!hand_over(payload, n) && start_worker(who))
		hand_over(payload, n);
}
