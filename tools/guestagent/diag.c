/* diag - see diag.h. One netlink socket, kept open; the kernel answers within the call, so nothing here waits. */
#include "diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "buf.h"
#include "wire.h"

static int sock = -1;

static void add(struct listeners *out, uint8_t proto, const struct abi_diag_answer *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct listener l = { .proto = proto, .family = 4, .port = ntohs(a->id.sport) };

	if (l.port == 0 || out->n == DIAG_MAX)
		return;
	if (a->family == AF_INET) {
		memcpy(l.ip, a->id.src, 4);
	} else if (!memcmp(a->id.src, mapped, sizeof(mapped))) {
		memcpy(l.ip, &a->id.src[3], 4);
	} else {
		l.family = 6;
		memcpy(l.ip, a->id.src, 16);
	}
	if (out->n == out->cap) {
		out->cap = out->cap ? 2 * out->cap : 64;
		out->v = xrealloc(out->v, out->cap * sizeof(*out->v));
	}
	out->v[out->n++] = l;
}

/* The messages of one datagram. 1: the last was among them, 0: more follow, -1: errno. */
static int take(const uint8_t *p, size_t n, uint8_t proto, struct listeners *out)
{
	struct abi_diag_answer answer;
	struct abi_nlmsg h;

	for (size_t step; n >= sizeof(h); p += step, n -= step) {
		memcpy(&h, p, sizeof(h));
		if (h.len < sizeof(h) || h.len > n)
			break;
		step = (h.len + 3u) & ~3u;
		if (step > n)
			step = n;
		if (h.type == ABI_NLMSG_DONE)
			return 1;
		if (h.type == ABI_NLMSG_ERROR) { /* -errno follows; ENOENT: this kernel has no such protocol */
			memcpy(&errno, p + sizeof(h), h.len >= sizeof(h) + 4 ? 4 : 0);
			errno = errno < 0 ? -errno : EIO;
			return errno == ENOENT ? 1 : -1;
		}
		if (h.len < sizeof(h) + sizeof(answer))
			continue;
		memcpy(&answer, p + sizeof(h), sizeof(answer));
		add(out, proto, &answer);
	}
	return 0;
}

static int dump(uint8_t family, uint8_t proto, uint32_t states, struct listeners *out)
{
	struct abi_diag_request q = {
		.header = { .len = sizeof(q), .type = ABI_SOCK_DIAG_BY_FAMILY, .flags = ABI_NLM_REQUEST_DUMP },
		.family = family, .protocol = proto, .states = 1u << states,
	};
	uint8_t answer[8192];
	ssize_t n;
	int r = 0;

	if (send(sock, &q, sizeof(q), 0) < 0)
		return -1;
	while (r == 0) {
		n = recv(sock, answer, sizeof(answer), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		r = take(answer, (size_t)n, proto, out);
	}
	return r < 0 ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct listener));
}

static void tidy(struct listeners *l)
{
	size_t kept = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
	for (size_t i = 0; i < l->n; i++)
		if (kept == 0 || compare(&l->v[kept - 1], &l->v[i]))
			l->v[kept++] = l->v[i];
	l->n = kept;
}

int diag_listeners(struct listeners *out)
{
	static const struct { uint8_t family, proto; uint32_t state; } kinds[] = {
		{ AF_INET, IPPROTO_TCP, ABI_STATE_LISTEN }, { AF_INET6, IPPROTO_TCP, ABI_STATE_LISTEN },
		{ AF_INET, IPPROTO_UDP, ABI_STATE_CLOSE }, { AF_INET6, IPPROTO_UDP, ABI_STATE_CLOSE },
	};
	out->n = 0;
	if (sock < 0)
		sock = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, ABI_NETLINK_SOCK_DIAG);
	for (size_t i = 0; sock >= 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (dump(kinds[i].family, kinds[i].proto, kinds[i].state, out) == 0)
			continue;
		/* A half-read answer must not be taken for that to the next question. */
		close(sock);
		sock = -1;
	}
	if (sock < 0)
		return -1;
	tidy(out);
	return 0;
}
