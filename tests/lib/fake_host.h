/* fake_host - the host's side of the wire, for tests of the guest agent: starts an agent that listens on a unix socket,
 * speaks to it frame by frame. The agent is the one of this process's own modules, under the same sanitizers; or, when
 * LIMA_GUESTAGENT names a binary, that.
 *
 * Waiting is bounded: a test that waits for something that does not come ends as failed after PATIENCE seconds.
 */
#ifndef LIMA_FAKE_HOST_H
#define LIMA_FAKE_HOST_H

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "guestagent/dns.h"
#include "guestagent/loop.h"
#include "guestagent/ports.h"
#include "guestagent/session.h"
#include "guestagent/status.h"
#include "guestagent/transport.h"
#include "tap.h"
#include "wire.h"

enum { PATIENCE = 20 };

static char test_dir[64], socket_path[96], status_path[96];

struct host {
	int fd;
	struct wire_reader in;
};

/* A network of our own, so that ports are free and known: needs root. */
static inline void own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	if (unshare(CLONE_NEWNET) < 0) {
		printf("Bail out! a network namespace is needed: %s\n", strerror(errno));
		exit(1);
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0) {
		printf("Bail out! cannot set up lo: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
}

static inline void make_test_dir(void)
{
	snprintf(test_dir, sizeof(test_dir), "/tmp/test-guestagent.XXXXXX");
	if (!mkdtemp(test_dir) || chmod(test_dir, 0711) < 0)
		exit(1);
	snprintf(socket_path, sizeof(socket_path), "%s/ga.sock", test_dir);
	snprintf(status_path, sizeof(status_path), "%s/boot-status", test_dir);
}

static inline void remove_test_dir(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", test_dir);
	if (system(cmd))
		printf("# cannot remove %s\n", test_dir);
}

static inline void agent_main(uid_t owner)
{
	static struct err e;

	signal(SIGPIPE, SIG_IGN);
	session_init(getenv("LIMA_TEST_DEBUG") != NULL);
	transport_init();
	if (loop_open() < 0 || status_follow(status_path) < 0)
		exit(1);
	ports_init();
	dns_init();
	if (transport_unix(socket_path, owner, &e) < 0)
		exit(err_report(&e));
	for (bool busy = transport_run();; busy = transport_run())
		loop_once(busy);
}

static inline void agent_exec(const char *binary, uid_t owner)
{
	char uid[16];

	snprintf(uid, sizeof(uid), "%u", (unsigned)owner);
	execl(binary, binary, "daemon", "--unix", socket_path, "--status-file", status_path, "--runtime-dir", test_dir,
	      "--socket-owner", uid, getenv("LIMA_TEST_DEBUG") ? "--debug" : NULL, (char *)NULL);
	exit(127);
}

static inline pid_t agent_start(uid_t owner)
{
	const char *binary = getenv("LIMA_GUESTAGENT");
	pid_t pid;

	unlink(socket_path);
	pid = fork();
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (binary)
		agent_exec(binary, owner);
	agent_main(owner);
	exit(1);
}

/* Whether it was still alive: an agent that a sanitizer ended has said so on stderr. */
static inline bool agent_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != 0)
		return false;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return true;
}

static inline int unix_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline void host_connect(struct host *h)
{
	struct timespec ms = { .tv_nsec = 1000000 };

	wire_reset(&h->in);
	for (int i = 0; i < PATIENCE * 1000; i++) {
		h->fd = unix_connect(socket_path);
		if (h->fd >= 0)
			return;
		nanosleep(&ms, NULL);
	}
	printf("Bail out! the agent does not listen\n");
	exit(1);
}

static inline void host_send(struct host *h, uint8_t type, uint32_t stream, const void *p, size_t n)
{
	uint8_t header[WIRE_HEADER];

	wire_header(header, type, stream, (uint32_t)n);
	if (write(h->fd, header, sizeof(header)) != sizeof(header) || write(h->fd, p, n) != (ssize_t)n)
		printf("# the agent does not take a frame: %s\n", strerror(errno));
}

/* The next frame; false when none comes within `ms`. */
static inline bool host_next_within(struct host *h, struct wire_frame *f, int ms)
{
	for (;;) {
		struct pollfd p = { .fd = h->fd, .events = POLLIN };
		size_t room;
		uint8_t *to;
		ssize_t n;

		if (wire_next(&h->in, f))
			return true;
		if (poll(&p, 1, ms) <= 0)
			return false;
		to = wire_space(&h->in, &room);
		n = read(h->fd, to, room);
		if (n <= 0)
			return false;
		wire_fed(&h->in, (size_t)n);
	}
}

/* The next frame of that type, passing over others. */
static inline bool host_expect(struct host *h, uint8_t type, struct wire_frame *f)
{
	while (host_next_within(h, f, PATIENCE * 1000))
		if (f->type == type)
			return true;
	return false;
}

static inline void host_hello(struct host *h, const char *session)
{
	char text[64];

	snprintf(text, sizeof(text), "protocol=1\nversion=test\nsession=%s\n", session);
	host_send(h, WIRE_HELLO, 0, text, strlen(text));
}

/* Connects and greets; what the agent says first is left to be read. */
static inline void host_begin(struct host *h, const char *session)
{
	host_connect(h);
	host_hello(h, session);
}

static inline void host_end(struct host *h)
{
	close(h->fd);
	h->fd = -1;
}

static inline int count_fds(pid_t pid)
{
	char cmd[64];
	int n = -1;
	FILE *p;

	snprintf(cmd, sizeof(cmd), "ls /proc/%d/fd | wc -l", (int)pid);
	p = popen(cmd, "r");
	if (!p || fscanf(p, "%d", &n) != 1)
		n = -1;
	if (p)
		pclose(p);
	return n;
}

#endif
