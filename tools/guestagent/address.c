/* address - see address.h. */
#include "address.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "abi.h"
#include "loop.h"

enum {
	ANSWER_S = 2,     /* the kernel answers at once; this is for one that does not */
	SETTLE_MS = 500,  /* after a change of routes, which come in crowds */
};

static struct in_addr taken;
static uint32_t way; /* index of the interface that leads there, 0 = none */
static struct source changes = { .fd = -1 };
static struct timer settle;

/* A request under construction: header, a fixed part, attributes. */
struct request {
	struct abi_nlmsg header;
	uint8_t rest[104];
};

static void begin(struct request *r, uint16_t type, uint16_t flags, const void *fixed, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->header = (struct abi_nlmsg){ .len = (uint32_t)(sizeof(r->header) + n), .type = type,
					.flags = ABI_NLM_REQUEST | flags };
	memcpy(r->rest, fixed, n);
}

static void attribute(struct request *r, uint16_t type, const void *data, size_t n)
{
	struct abi_rtattr a = { .len = (uint16_t)(sizeof(a) + n), .type = type };
	uint8_t *to = (uint8_t *)r + r->header.len;

	memcpy(to, &a, sizeof(a));
	memcpy(to + sizeof(a), data, n);
	r->header.len += (uint32_t)((sizeof(a) + n + 3) & ~3u);
}

/* The error in an answer; 0 also for one that is data. */
static int error_of(const uint8_t *answer, size_t n)
{
	struct abi_nlmsg h;
	int32_t code = 0;

	if (n < sizeof(h))
		return EPROTO;
	memcpy(&h, answer, sizeof(h));
	if (h.type == ABI_NLMSG_ERROR && n >= sizeof(h) + sizeof(code))
		memcpy(&code, answer + sizeof(h), sizeof(code));
	return -code;
}

/* Sends a request. Its answer goes to `answer`; its length, or -1 with errno. */
static ssize_t ask(const struct request *r, uint8_t *answer, size_t size)
{
	struct timeval t = { .tv_sec = ANSWER_S };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, ABI_NETLINK_ROUTE), error;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (send(fd, r, r->header.len, 0) == (ssize_t)r->header.len)
		n = recv(fd, answer, size, 0);
	error = n < 0 ? errno : error_of(answer, (size_t)n);
	close(fd);
	errno = error;
	return error ? -1 : n;
}

static int do_it(const struct request *r)
{
	uint8_t answer[256];

	return ask(r, answer, sizeof(answer)) < 0 ? -1 : 0;
}

/* The address on the loopback interface. */
static int put_address(uint16_t type, uint16_t flags, struct in_addr ip)
{
	struct abi_ifaddr fixed = { .family = AF_INET, .prefix = 32, .scope = ABI_SCOPE_HOST,
				    .index = if_nametoindex("lo") };
	struct request r;

	begin(&r, type, flags | ABI_NLM_ACK, &fixed, sizeof(fixed));
	attribute(&r, ABI_IFA_LOCAL, &ip, sizeof(ip));
	attribute(&r, ABI_IFA_ADDRESS, &ip, sizeof(ip));
	attribute(&r, ABI_IFA_LABEL, ADDRESS_LABEL, sizeof(ADDRESS_LABEL));
	return do_it(&r);
}

/* Over which interface the address is reached now; 0 = none. */
static uint32_t way_to(struct in_addr ip)
{
	struct abi_route fixed = { .family = AF_INET, .dst_len = 32 };
	size_t at = sizeof(struct abi_nlmsg) + sizeof(fixed);
	uint32_t index = 0;
	uint8_t answer[512];
	struct request r;
	ssize_t n;

	begin(&r, ABI_RTM_GETROUTE, 0, &fixed, sizeof(fixed));
	attribute(&r, ABI_RTA_DST, &ip, sizeof(ip));
	n = ask(&r, answer, sizeof(answer));
	while (n > 0 && at + sizeof(struct abi_rtattr) <= (size_t)n) {
		struct abi_rtattr a;

		memcpy(&a, answer + at, sizeof(a));
		if (a.len < sizeof(a) || at + a.len > (size_t)n)
			break;
		if (a.type == ABI_RTA_OIF && a.len == sizeof(a) + sizeof(index))
			memcpy(&index, answer + at + sizeof(a), sizeof(index));
		at += (a.len + 3u) & ~3u;
	}
	return index;
}

/* A route of the table of what is local. As if by the kernel: network managers leave those alone. `index` 0, to
 * delete: over whatever interface. */
static int put_route(uint16_t type, uint16_t flags, struct in_addr ip, uint32_t index)
{
	struct abi_route fixed = { .family = AF_INET, .dst_len = 32, .table = ABI_TABLE_LOCAL,
				   .protocol = ABI_PROTO_KERNEL, .scope = ABI_SCOPE_HOST, .type = ABI_ROUTE_LOCAL };
	struct request r;

	begin(&r, type, flags | ABI_NLM_ACK, &fixed, sizeof(fixed));
	attribute(&r, ABI_RTA_DST, &ip, sizeof(ip));
	if (index)
		attribute(&r, ABI_RTA_OIF, &index, sizeof(index));
	return do_it(&r);
}

/* Without this one most programs still come to us. One that is there already is an error, and nothing happens. */
static void add_way(struct timer *t)
{
	(void)t;
	if (way)
		put_route(ABI_RTM_NEWROUTE, ABI_NLM_CREATE, taken, way);
}

static void routes_changed(struct source *s, uint32_t events)
{
	char ignored[4096];

	(void)events;
	while (recv(s->fd, ignored, sizeof(ignored), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	timer_set(&settle, add_way, SETTLE_MS);
}

static void watch_routes(void)
{
	struct abi_netlink_addr group = { .family = AF_NETLINK, .groups = ABI_GROUP_IPV4_ROUTE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, ABI_NETLINK_ROUTE);

	changes.ready = routes_changed;
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&group, sizeof(group)) < 0 || loop_add(&changes, fd, EPOLLIN) < 0))
		close(fd);
}

int address_take(struct in_addr ip)
{
	taken = ip;
	way = way_to(ip);
	if (way == if_nametoindex("lo"))
		way = 0;
	if (put_address(ABI_RTM_NEWADDR, ABI_NLM_CREATE | ABI_NLM_REPLACE, ip) < 0)
		return -1;
	add_way(NULL);
	watch_routes();
	return 0;
}

void address_give_back(struct in_addr ip)
{
	loop_close(&changes);
	timer_clear(&settle);
	put_address(ABI_RTM_DELADDR, 0, ip);
	put_route(ABI_RTM_DELROUTE, 0, ip, 0);
}

bool address_left_over(struct in_addr *ip)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = ADDRESS_LABEL };
	bool found;

	if (fd < 0)
		return false;
	found = ioctl(fd, SIOCGIFADDR, &r) == 0;
	if (found)
		*ip = ((struct sockaddr_in *)&r.ifr_addr)->sin_addr;
	close(fd);
	return found;
}
