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
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dial.h"
#include "wire.h"

enum { IDLE = 30000 /* ms */, HEAD = 8, REQUEST_MAX = HEAD + PATH_MAX };
#define MAGIC_9P 0x01021997
#define MAGIC_FUSE 0x65735546 /* sshfs, virtiofs */

static int to_worker = -1;

static void touch(const uint8_t *p, size_t n)
{
	char path[PATH_MAX];
	int64_t ns = (int64_t)wire_get64(p);
	struct timespec t[2] = { { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 } };
	struct statfs fs;
	int fd;

	memcpy(path, p + HEAD, n - HEAD);
	path[n - HEAD] = '\0';
	t[1] = t[0];
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstatfs(fd, &fs) == 0 && (fs.f_type == MAGIC_9P || fs.f_type == MAGIC_FUSE))
		futimens(fd, t);
	close(fd);
}

/* It must not keep the agent's descriptors: the port and the tunnels end with the agent. */
static void worker(int from, const struct peer *who)
{
	static uint8_t request[REQUEST_MAX];
	struct pollfd p = { .fd = 3, .events = POLLIN };

	if ((from != 3 && dup2(from, 3) != 3) || syscall(SYS_close_range, 4u, ~0u, 0u) < 0)
		_exit(1);
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
