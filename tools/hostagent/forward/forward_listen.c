/* forward_listen - see forward_listen.h. */
#include "forward_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "forward_owner.h"

enum { BACKLOG = 1024, PRIVILEGED = 1024 };

bool forward_port_privileged(uint16_t port)
{
	static int first = -1;
	FILE *f;

	if (first < 0) {
		f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
		if (!f || fscanf(f, "%d", &first) != 1 || first < 0)
			first = PRIVILEGED;
		if (f)
			fclose(f);
	}
	return port < first;
}

static int explain(uint8_t proto, const struct ip *ip, uint16_t port, bool *retry, struct err *e)
{
	char address[64], owner[192] = "";
	int saved = errno;

	*retry = saved != EACCES && saved != EPERM;
	ip_format(ip, port, address, sizeof(address));
	if (saved == EADDRINUSE)
		forward_owner(proto, port, owner, sizeof(owner));
	errno = saved;
	err_sys(e, EXIT_TRYAGAIN, "cannot listen on %s %s", proto == WIRE_UDP ? "udp" : "tcp", address);
	if (*owner) {
		size_t n = strlen(e->msg);

		snprintf(e->msg + n, sizeof(e->msg) - n, " by %s", owner);
	}
	return -1;
}

int forward_listen_ip(uint8_t proto, const struct ip *ip, uint16_t port, bool *retry, struct err *e)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is_v4 = ip_is_v4(ip), tcp = proto == WIRE_TCP;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, alone = !ip_unspecified(ip), r = -1;

	memcpy(&v4.sin_addr, ip->b + 12, 4);
	memcpy(&v6.sin6_addr, ip->b, 16);
	if (fd >= 0 && tcp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd >= 0 && !is_v4) /* "::" is every address of the host, IPv4 included */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof(alone));
	if (fd >= 0)
		r = is_v4 ? bind(fd, (struct sockaddr *)&v4, sizeof(v4)) : bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	if (r == 0 && tcp)
		r = listen(fd, BACKLOG);
	if (r == 0)
		return fd;
	explain(proto, ip, port, retry, e);
	if (fd >= 0)
		close(fd);
	return -1;
}

static int make_parent(const char *path, struct err *e)
{
	char *dir = xstrdup(path), *slash = strrchr(dir, '/');
	int r = 0;

	if (slash && slash > dir) {
		*slash = '\0';
		r = dir_make(dir, 0700, e);
	}
	free(dir);
	return r;
}

/* Removes a socket whose listener is gone. 0: the path is free. */
static int free_path(const char *path, const struct sockaddr_un *addr, struct err *e)
{
	struct stat st;
	int fd, r;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, EXIT_CANTCREATE, "cannot listen on %s: it exists and is not a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	if (r < 0 && errno == ECONNREFUSED)
		r = unlink(path);
	else
		r = -1;
	if (fd >= 0)
		close(fd);
	return r < 0 ? err_set(e, EXIT_TRYAGAIN, "cannot listen on %s: somebody else does", path) : 0;
}

int forward_listen_path(const char *path, bool *retry, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, r;
	mode_t mask;

	*retry = false;
	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e, EXIT_BADDATA, "cannot listen on %s: longer than %zu bytes", path,
			       sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	if (make_parent(path, e) < 0 || free_path(path, &addr, e) < 0) {
		*retry = e->code == EXIT_TRYAGAIN;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (r == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err_sys(e, EXIT_CANTCREATE, "cannot listen on %s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}
