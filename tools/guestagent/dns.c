/* dns - see dns.h. */
#include "dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "err.h"
#include "session.h"

enum {
	PORT = 53,
	PENDING = 64,       /* queries that wait for the host */
	CONNECTIONS = 16,
	TURN = 64,          /* datagrams taken before others have their turn */
	LENGTH = 2,         /* bytes in front of a message on TCP */
	SEND_BUFFER = 2 * 65536, /* a whole answer fits: what does not go out at once is not kept */
	AGAIN_MS = 1,
};

struct query {
	uint32_t id;             /* 0 = free */
	int connection;          /* -1: a datagram, from: */
	struct sockaddr_in from;
};
struct connection {
	struct source src; /* first: it is found by its address */
	uint64_t used;     /* when, counted; the one with the lowest number goes first */
	size_t have;
	uint32_t waits;    /* id of the query under way, 0 = none */
	bool eof;
	uint8_t in[LENGTH + WIRE_DNS_QUERY_MAX];
};

static struct in_addr address; /* 0 = not taken */
static struct source udp = { .fd = -1 }, tcp = { .fd = -1 };
static struct query pending[PENDING];
static struct connection connections[CONNECTIONS]; /* large: no initial values */
static uint32_t last_id;
static uint64_t clock_of_use;
static struct timer again;

/* --- to the host --- */

/* A place in the ring for a new query; who had it has waited for PENDING others, and is forgotten. */
static struct query *new_query(void)
{
	struct query *q;

	last_id += last_id + 1 ? 1 : 2;
	q = &pending[last_id % PENDING];
	*q = (struct query){ .id = last_id, .connection = -1 };
	return q;
}

static bool room(struct channel *c)
{
	return c && channel_room_data(c, 1 + WIRE_DNS_QUERY_MAX);
}

/* One datagram; false when there is none. */
static bool take_datagram(void)
{
	struct channel *c = session_channel();
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct query *q;
	uint8_t *to;
	ssize_t n;

	if (!room(c))
		return recv(udp.fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0;
	to = channel_reserve(c, 1 + WIRE_DNS_QUERY_MAX);
	n = recvfrom(udp.fd, to + 1, WIRE_DNS_QUERY_MAX, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &len);
	if (n < 0)
		return errno == EINTR;
	if (n == 0 || n > (ssize_t)WIRE_DNS_QUERY_MAX)
		return true;
	q = new_query();
	q->from = from;
	to[0] = WIRE_UDP;
	channel_commit(c, WIRE_DNS, q->id, 1 + (size_t)n);
	return true;
}

static void take_datagrams(struct timer *t)
{
	(void)t;
	for (int i = 0; udp.fd >= 0 && take_datagram(); i++)
		if (i == TURN) {
			timer_set(&again, take_datagrams, AGAIN_MS);
			return;
		}
}

static void udp_ready(struct source *s, uint32_t events)
{
	(void)s;
	(void)events;
	take_datagrams(NULL);
}

/* --- connections --- */

static void hang_up(struct connection *k)
{
	loop_close(&k->src);
	k->waits = 0;
}

/* Hands over the query at the front of what was read, when it is there in full and none is under way. */
static void ask(struct connection *k)
{
	struct channel *c = session_channel();
	size_t n = k->have >= LENGTH ? wire_get16(k->in) : 0;
	struct query *q;
	uint8_t *to;

	if (k->waits)
		return;
	if (k->have < LENGTH || (n > 0 && n <= WIRE_DNS_QUERY_MAX && k->have < LENGTH + n)) {
		if (k->eof)
			hang_up(k);
		return;
	}
	if (n == 0 || n > WIRE_DNS_QUERY_MAX || !room(c)) {
		hang_up(k);
		return;
	}
	to = channel_reserve(c, 1 + n);
	to[0] = WIRE_TCP;
	memcpy(to + 1, k->in + LENGTH, n);
	q = new_query();
	q->connection = (int)(k - connections);
	k->waits = q->id;
	channel_commit(c, WIRE_DNS, q->id, 1 + n);
	k->have -= LENGTH + n;
	memmove(k->in, k->in + LENGTH + n, k->have);
}

static void connection_ready(struct source *s, uint32_t events)
{
	struct connection *k = (struct connection *)s;
	ssize_t n = 1;

	(void)events;
	k->used = ++clock_of_use;
	ask(k); /* one that has waited in the buffer */
	while (s->fd >= 0 && n > 0 && k->have < sizeof(k->in)) {
		n = recv(s->fd, k->in + k->have, sizeof(k->in) - k->have, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			hang_up(k);
			return;
		}
		k->have += n > 0 ? (size_t)n : 0;
		k->eof = k->eof || n == 0;
		ask(k);
	}
}

static struct connection *place(void)
{
	struct connection *oldest = &connections[0];

	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i].src.fd < 0)
			return &connections[i];
		if (connections[i].used < oldest->used)
			oldest = &connections[i];
	}
	hang_up(oldest);
	return oldest;
}

static void accept_ready(struct source *s, uint32_t events)
{
	int size = SEND_BUFFER, fd;

	(void)events;
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct connection *k = place();

		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		k->src.ready = connection_ready;
		k->used = ++clock_of_use;
		k->have = 0;
		k->waits = 0;
		k->eof = false;
		if (loop_add(&k->src, fd, EPOLLIN | EPOLLRDHUP) < 0)
			close(fd);
	}
}

/* --- from the host --- */

/* A client that does not take all of it at once loses the connection. */
static void answer_connection(struct connection *k, const struct wire_frame *f)
{
	uint8_t length[LENGTH];

	wire_put16(length, (uint16_t)f->len);
	k->waits = 0;
	if (send(k->src.fd, length, sizeof(length), MSG_DONTWAIT | MSG_MORE) != sizeof(length) ||
	    send(k->src.fd, f->payload, f->len, MSG_DONTWAIT) != (ssize_t)f->len)
		hang_up(k);
	else
		connection_ready(&k->src, 0); /* what it asks next */
}

void dns_frame(const struct wire_frame *f)
{
	struct query *q = &pending[f->stream % PENDING];

	if (!f->stream || q->id != f->stream || f->len == 0 || f->len > UINT16_MAX)
		return;
	q->id = 0;
	if (q->connection >= 0) {
		struct connection *k = &connections[q->connection];

		if (k->src.fd >= 0 && k->waits == f->stream)
			answer_connection(k, f);
	} else if (udp.fd >= 0 && sendto(udp.fd, f->payload, f->len, MSG_DONTWAIT, (struct sockaddr *)&q->from,
					 sizeof(q->from)) < 0) {
		session_debug("dns: an answer could not be sent: %s", strerror(errno));
	}
}

/* --- taking over and giving back --- */

/* A socket at the address, which need not be ours yet. */
static int listen_at(struct in_addr ip, int type, struct source *s, void (*ready)(struct source *, uint32_t))
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = ip };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error;

	s->ready = ready;
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    (type == SOCK_DGRAM || listen(fd, CONNECTIONS) == 0) && loop_add(s, fd, EPOLLIN) == 0)
		return 0;
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static void end_all(void)
{
	loop_close(&udp);
	loop_close(&tcp);
	for (int i = 0; i < CONNECTIONS; i++)
		hang_up(&connections[i]);
	memset(pending, 0, sizeof(pending));
	timer_clear(&again);
}

void dns_withdraw(void)
{
	if (address.s_addr == 0)
		return;
	session_debug("dns: gives %s back", inet_ntoa(address));
	address_give_back(address); /* first: what comes from now on finds the other resolver */
	address.s_addr = 0;
	end_all();
}

static bool usable(const char *text, struct in_addr *ip)
{
	uint32_t first;

	if (inet_pton(AF_INET, text, ip) != 1)
		return false;
	first = ntohl(ip->s_addr) >> 24;
	return first != 0 && first != 127 && first < 224;
}

void dns_offer(const char *text)
{
	struct in_addr ip;

	if (!text || !usable(text, &ip)) {
		dns_withdraw();
		return;
	}
	if (ip.s_addr == address.s_addr)
		return;
	dns_withdraw();
	if (listen_at(ip, SOCK_DGRAM, &udp, udp_ready) == 0 && listen_at(ip, SOCK_STREAM, &tcp, accept_ready) == 0 &&
	    address_take(ip) == 0) {
		address = ip;
		session_debug("dns: answers at %s", text);
		return;
	}
	warn_msg("names are resolved by QEMU, not by the host agent: cannot take over %s: %s", text, strerror(errno));
	end_all();
}

void dns_init(void)
{
	struct in_addr left;

	for (int i = 0; i < CONNECTIONS; i++)
		connections[i].src.fd = -1;
	for (int i = 0; i < PENDING && address_left_over(&left); i++)
		address_give_back(left);
}

bool dns_is_ours(const struct listener *l)
{
	return address.s_addr && l->family == 4 && l->port == PORT && !memcmp(l->ip, &address, sizeof(address));
}
