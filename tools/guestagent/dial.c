/* dial - see dial.h.
 *
 * A peer on the unix socket is a user of the guest, who could otherwise reach sockets through us that only root may
 * (CVE-2026-53657 of Lima was that). */
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "err.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

int identity_take(const struct peer *who)
{
	if (who->uid == 0 || who->uid == geteuid())
		return 0;
	if (setgroups((size_t)who->n_groups, who->groups) == 0 && setegid(who->gid) == 0 && seteuid(who->uid) == 0)
		return 0;
	identity_return(who);
	return -1;
}

void identity_return(const struct peer *who)
{
	if (who->uid == 0 || who->uid == getuid())
		return;
	if (seteuid(0) == 0 && setegid(0) == 0 && setgroups(0, NULL) == 0)
		return;
	warn_msg("cannot become root again");
	abort();
}

/* The interface that has a link-local address: without it the kernel does not know which link is meant. 0: none has. */
static uint32_t scope_of(const uint8_t ip[16])
{
	int fd = open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC);
	char table[8192] = "", want[33];
	const char *line;

	for (int i = 0; i < 16; i++)
		snprintf(want + 2 * i, 3, "%02x", ip[i]);
	if (fd < 0)
		return 0;
	if (read(fd, table, sizeof(table) - 1) < 0)
		table[0] = '\0';
	close(fd);
	line = strstr(table, want); /* then the number of the interface, in hexadecimal */
	return line ? (uint32_t)strtoul(line + sizeof(want) - 1, NULL, 16) : 0;
}

static socklen_t address(const struct wire_addr *to, union address *a)
{
	memset(a, 0, sizeof(*a));
	if (to->proto == WIRE_UNIX) {
		a->un.sun_family = AF_UNIX;
		memcpy(a->un.sun_path, to->path, sizeof(to->path));
		return sizeof(a->un);
	}
	if (to->family == 4) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(to->port);
		memcpy(&a->v4.sin_addr, to->ip, 4);
		return sizeof(a->v4);
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons(to->port);
	memcpy(&a->v6.sin6_addr, to->ip, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr))
		a->v6.sin6_scope_id = scope_of(to->ip);
	return sizeof(a->v6);
}

int dial(const struct wire_addr *to, const struct peer *who, bool *pending)
{
	union address a;
	socklen_t len = address(to, &a);
	int type = to->proto == WIRE_UDP ? SOCK_DGRAM : SOCK_STREAM, one = 1, r, saved;
	int fd = socket(a.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*pending = false;
	if (fd < 0)
		return -1;
	if (to->proto == WIRE_TCP)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	r = identity_take(who);
	if (r == 0) {
		r = connect(fd, &a.any, len);
		saved = errno;
		identity_return(who);
		errno = saved;
	}
	*pending = r < 0 && errno == EINPROGRESS;
	if (r == 0 || *pending)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}
