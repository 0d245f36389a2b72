/* fake_usernet - a network of the test's own: lima-usernet in a child process, with its sockets in a temporary folder, and a
 * client of its HTTP interface. */
#ifndef LIMA_FAKE_USERNET_H
#define LIMA_FAKE_USERNET_H

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake_nic.h"
#include "usernet/usernet.h"

#define NET 0xc0a86800u /* 192.168.104.0 */
enum { GATEWAY = 2, DNS = 3, FIRST = 5 };

static char dir[64], pid_path[96], ep_path[96], qemu_path[96], fd_path[96], leases_path[96];
static pid_t daemon_pid;

/* Starts it; whatever is in the folder already is found. */
static inline void net_start(const char *leases, unsigned mtu)
{
	struct usernet_options o = { .pid_file = pid_path, .endpoint = ep_path, .listen_qemu = qemu_path, .listen_fd = fd_path,
				     .subnet = "192.168.104.0/24", .leases = leases, .leases_file = leases_path, .mtu = mtu };
	int p[2];
	char c;

	if (!*dir) {
		snprintf(dir, sizeof(dir), "/tmp/usernet-test.XXXXXX");
		if (!mkdtemp(dir))
			exit(1);
		snprintf(pid_path, sizeof(pid_path), "%s/net.pid", dir);
		snprintf(ep_path, sizeof(ep_path), "%s/ep.sock", dir);
		snprintf(qemu_path, sizeof(qemu_path), "%s/qemu.sock", dir);
		snprintf(fd_path, sizeof(fd_path), "%s/fd.sock", dir);
		snprintf(leases_path, sizeof(leases_path), "%s/leases.json", dir);
	}
	if (pipe(p) < 0)
		exit(1);
	fflush(NULL);
	daemon_pid = fork();
	if (daemon_pid == 0) {
		close(p[0]);
		o.ready_fd = p[1];
		exit(usernet_run(&o));
	}
	close(p[1]);
	while (read(p[0], &c, 1) == 1 && c != '\n')
		continue;
	close(p[0]);
}

/* Ends it; its exit status, or -1. */
static inline int net_stop(int sig)
{
	int status = -1;

	kill(daemon_pid, sig);
	waitpid(daemon_pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void net_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command) != 0)
		perror(dir);
}

/* A request. The answer's body is in http_body; the status is the value. */
static char http_body[1 << 16];
static inline int http(const char *method, const char *path, const char *body)
{
	static char answer[1 << 16];
	int fd = nic_connect(ep_path), status = 0;
	size_t n = 0;
	ssize_t r;
	char *at;

	dprintf(fd, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", method, path,
		strlen(body), body);
	while (n < sizeof(answer) - 1 && (r = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += (size_t)r;
	close(fd);
	answer[n] = '\0';
	at = strstr(answer, "\r\n\r\n");
	if (sscanf(answer, "HTTP/1.1 %d", &status) != 1)
		status = 0;
	snprintf(http_body, sizeof(http_body), "%s", at ? at + 4 : "");
	http_body[strcspn(http_body, "\r\n")] = '\0';
	return status;
}

#endif
