/* sockuser - see sockuser.h. A question to the kernel is answered within the call, so nothing here waits. */
#include "sockuser.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { TIME_WAIT = 6 }; /* of the states of TCP: the kernel keeps no owner there */

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 ask;
};

static void put(const struct sockaddr *a, __be32 ip[4], __be16 *port)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (a->sa_family == AF_INET6) {
		memcpy(&v6, a, sizeof(v6));
		memcpy(ip, &v6.sin6_addr, 16);
		*port = v6.sin6_port;
	} else {
		memcpy(&v4, a, sizeof(v4));
		memcpy(ip, &v4.sin_addr, 4);
		*port = v4.sin_port;
	}
}

/* The addresses stand as the socket in question has them for TCP, and the other way round for UDP: as of a datagram to it. */
static void prepare(struct question *q, int protocol, const struct sockaddr *peer, const struct sockaddr *ours)
{
	struct inet_diag_sockid *id = &q->ask.id;
	bool tcp = protocol == IPPROTO_TCP;

	*q = (struct question){
		.header = { .nlmsg_len = sizeof(*q), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
		.ask = { .sdiag_family = (__u8)peer->sa_family, .sdiag_protocol = (__u8)protocol, .idiag_states = ~0u },
	};
	put(tcp ? peer : ours, id->idiag_src, &id->idiag_sport);
	put(tcp ? ours : peer, id->idiag_dst, &id->idiag_dport);
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

/* An orphan has no inode; the kernel says that root owns it, which is not so. */
static bool take(const uint8_t *p, size_t n, uid_t *uid)
{
	struct inet_diag_msg found;
	struct nlmsghdr h;
	int error;

	errno = EIO;
	if (n < sizeof(h))
		return false;
	memcpy(&h, p, sizeof(h));
	if (h.nlmsg_type == NLMSG_ERROR && n >= sizeof(h) + sizeof(error)) {
		memcpy(&error, p + sizeof(h), sizeof(error));
		errno = error < 0 ? -error : EIO;
		return false;
	}
	if (h.nlmsg_type != SOCK_DIAG_BY_FAMILY || n < sizeof(h) + sizeof(found))
		return false;
	memcpy(&found, p + sizeof(h), sizeof(found));
	errno = ENOENT;
	*uid = found.idiag_uid;
	return found.idiag_inode && found.idiag_state != TIME_WAIT;
}

bool socket_user(int protocol, const struct sockaddr *peer, const struct sockaddr *ours, uid_t *uid)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), saved;
	uint8_t answer[4096];
	struct question q;
	ssize_t n = -1;
	bool known;

	if (fd < 0)
		return false;
	prepare(&q, protocol, peer, ours);
	if (sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) == (ssize_t)sizeof(q))
		do
			n = recv(fd, answer, sizeof(answer), 0);
		while (n < 0 && errno == EINTR);
	known = n > 0 && take(answer, (size_t)n, uid);
	saved = errno;
	close(fd);
	errno = saved;
	return known;
}
