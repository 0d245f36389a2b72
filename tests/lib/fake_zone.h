/* fake_zone - a name server for tests, on UDP and TCP of the loopback interface, in the loop of the test; and a writer of
 * queries and a reader of answers that share no code with what is tested.
 *
 * Answers are shown as "NOERROR real.test/A/60/10.9.8.7": the code, "tc" when truncated, then each record of the answer.
 */
#ifndef LIMA_FAKE_ZONE_H
#define LIMA_FAKE_ZONE_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

enum { ZONE_TTL = 60, T_A = 1, T_NS = 2, T_CNAME = 5, T_PTR = 12, T_MX = 15, T_TXT = 16, T_AAAA = 28, T_SRV = 33, T_ANY = 255 };

struct zone_record {
	const char *name;
	int type;
	const char *data; /* an address, a name, or bytes */
	int n;            /* of bytes; 0: a name or an address */
};

static struct event_base *base;
static const struct zone_record *zone; /* ends with a NULL name */
static char zone_log[4096];            /* "udp real.test 1;" for each query */
static int zone_fd = -1, zone_tcp = -1, zone_port;
static enum { ZONE_NORMAL, ZONE_MUTE, ZONE_LIAR, ZONE_GARBAGE } zone_mood;

static inline size_t put_name(uint8_t *to, const char *name)
{
	size_t at = 0;

	while (*name) {
		size_t n = strcspn(name, ".");

		to[at++] = (uint8_t)n;
		memcpy(to + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	to[at++] = 0;
	return at;
}

static inline size_t put2(uint8_t *to, unsigned v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
	return 2;
}

static inline unsigned get2(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

/* The text of a name, compressed or not; returns its length at `at`. */
static inline size_t get_name(const uint8_t *p, size_t at, char *text)
{
	size_t start = at, end = 0;

	*text = '\0';
	while (p[at]) {
		if (p[at] >= 0xc0) {
			end = end ? end : at + 2;
			at = get2(p + at) & 0x3fff;
			continue;
		}
		if (*text)
			strcat(text, ".");
		strncat(text, (const char *)p + at + 1, p[at]);
		at += 1u + p[at];
	}
	return (end ? end : at + 1) - start;
}

static inline size_t put_data(uint8_t *to, const struct zone_record *r)
{
	if (r->n) {
		memcpy(to, r->data, (size_t)r->n);
		return (size_t)r->n;
	}
	if (r->type == T_A || r->type == T_AAAA)
		return inet_pton(r->type == T_A ? AF_INET : AF_INET6, r->data, to) == 1 ? r->type == T_A ? 4 : 16 : 0;
	return put_name(to, r->data);
}

static inline size_t put_record(uint8_t *to, const struct zone_record *r)
{
	size_t at = put_name(to, r->name), len;

	at += put2(to + at, (unsigned)r->type);
	at += put2(to + at, 1);
	at += put2(to + at, 0);
	at += put2(to + at, ZONE_TTL);
	len = put_data(to + at + 2, r);
	at += put2(to + at, (unsigned)len);
	return at + len;
}

/* Appends what the zone has for a name, CNAMEs followed. Returns the number of records; *known: the name exists. */
static inline unsigned look_up(uint8_t *reply, size_t *n, const char *name, int type, bool *known)
{
	unsigned count = 0;

	for (const struct zone_record *r = zone; r->name; r++) {
		if (strcasecmp(r->name, name))
			continue;
		*known = true;
		if (r->type != type && r->type != T_CNAME)
			continue;
		*n += put_record(reply + *n, r);
		count++;
		if (r->type == T_CNAME && type != T_CNAME)
			count += look_up(reply, n, r->data, type, known);
	}
	return count;
}

static inline size_t zone_answer(const uint8_t *q, size_t n, uint8_t *reply, bool tcp)
{
	size_t limit = 512, end, len;
	unsigned count;
	char name[256] = "";
	bool known = false;
	int type;

	end = 12 + get_name(q, 12, name);
	type = (int)get2(q + end);
	end += 4;
	if (n > end && get2(q + 10) && get2(q + end + 1) == 41)
		limit = get2(q + end + 3);
	snprintf(zone_log + strlen(zone_log), sizeof(zone_log) - strlen(zone_log), "%s %s %d%s;", tcp ? "tcp" : "udp", name,
		 type, q[2] >> 3 & 15 ? " op" : "");
	memcpy(reply, q, end);
	memset(reply + 6, 0, 6);
	reply[2] |= 0x80;
	reply[3] = 0x80;
	len = end;
	count = look_up(reply, &len, name, type, &known);
	put2(reply + 6, count);
	if (!strncasecmp(name, "fail.", 5))
		reply[3] |= 2;
	else if (!known)
		reply[3] |= 3;
	if (!tcp && len > limit) {
		reply[2] |= 2;
		put2(reply + 6, 0);
		len = end;
	}
	if (zone_mood == ZONE_GARBAGE)
		memset(reply + end, 0xc0, len - end);
	if (zone_mood == ZONE_LIAR)
		reply[13] ^= 1;
	return zone_mood == ZONE_MUTE ? 0 : len;
}

static inline void zone_on_udp(evutil_socket_t fd, short what, void *arg)
{
	uint8_t q[65536], reply[70000];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &len);
	size_t r;

	(void)what;
	(void)arg;
	if (n < 12)
		return;
	r = zone_answer(q, (size_t)n, reply, false);
	if (r && sendto(fd, reply, r, 0, (struct sockaddr *)&from, len) < 0)
		printf("# the zone cannot answer: %s\n", strerror(errno));
}

/* A connection has one query, which comes in one piece. */
static inline void zone_on_stream(evutil_socket_t c, short what, void *arg)
{
	uint8_t q[65536], reply[70000];
	int size = 4 * 65536;
	size_t r;

	(void)what;
	(void)arg;
	setsockopt(c, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (recv(c, q, 2, MSG_WAITALL) == 2 && recv(c, q + 2, get2(q), MSG_WAITALL) == (ssize_t)get2(q)) {
		r = zone_answer(q + 2, get2(q), reply + 2, true);
		put2(reply, (unsigned)r);
		if (r && send(c, reply, r + 2, MSG_NOSIGNAL) < 0)
			printf("# the zone cannot answer: %s\n", strerror(errno));
	}
	close(c);
}

static inline void zone_on_tcp(evutil_socket_t fd, short what, void *arg)
{
	int c = accept(fd, NULL, NULL);

	(void)what;
	(void)arg;
	if (c >= 0)
		event_base_once(base, c, EV_READ, zone_on_stream, NULL, NULL);
}

/* On a free port, the same for both protocols. */
static inline void zone_start(const struct zone_record *records)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	zone = records;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	zone_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	zone_tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(zone_fd, (struct sockaddr *)&at, sizeof(at)) < 0 || getsockname(zone_fd, (struct sockaddr *)&at, &len) < 0 ||
	    bind(zone_tcp, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(zone_tcp, 5) < 0) {
		printf("Bail out! no port for a name server: %s\n", strerror(errno));
		exit(1);
	}
	zone_port = ntohs(at.sin_port);
	event_add(event_new(base, zone_fd, EV_READ | EV_PERSIST, zone_on_udp, NULL), NULL);
	event_add(event_new(base, zone_tcp, EV_READ | EV_PERSIST, zone_on_tcp, NULL), NULL);
}

/* A query; `edns` is the size it says, 0 = none. */
static inline size_t make_query(uint8_t *q, unsigned id, const char *name, int type, unsigned edns)
{
	size_t n = 12;

	memset(q, 0, 12);
	put2(q, id);
	q[2] = 1;
	q[5] = 1;
	n += put_name(q + n, name);
	n += put2(q + n, (unsigned)type);
	n += put2(q + n, 1);
	if (edns) {
		q[11] = 1;
		q[n++] = 0;
		n += put2(q + n, 41);
		n += put2(q + n, edns);
		memset(q + n, 0, 6);
		n += 6;
	}
	return n;
}

static inline void show_data(const uint8_t *p, size_t at, unsigned type, unsigned len, char *text)
{
	if (type == T_A || type == T_AAAA)
		inet_ntop(type == T_A ? AF_INET : AF_INET6, p + at, text, 64);
	else if (type == T_CNAME || type == T_PTR || type == T_NS)
		get_name(p, at, text);
	else
		sprintf(text, "%u bytes", len);
}

static inline char *show_answer(const uint8_t *p, size_t n)
{
	static const char *const codes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	static char text[8192];
	char name[1100], data[1100];
	size_t at = 12;

	if (n < 12)
		return strcpy(text, "nothing");
	snprintf(text, sizeof(text), "%s%s", (p[3] & 15) < 6 ? codes[p[3] & 15] : "?", p[2] & 2 ? " tc" : "");
	if (get2(p + 4))
		at += get_name(p, at, name) + 4;
	for (unsigned i = get2(p + 6); i > 0 && at < n; i--) {
		unsigned type, len;

		at += get_name(p, at, name);
		type = get2(p + at);
		len = get2(p + at + 8);
		show_data(p, at + 10, type, len, data);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s/%u/%u/%s", name, type, get2(p + at + 6), data);
		at += 10 + len;
	}
	return text;
}

#endif
