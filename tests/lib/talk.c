/* talk - listens in a guest wherever the host tells it to, for tests of port forwarding. Linked statically, as the guest
 * has nothing to run scripts with. Reads commands, one a line, and answers each with one line:
 *
 *   listen tcp|udp ADDRESS PORT [MODE]     ok NANOSECONDS | failed REASON
 *   listen unix PATH 0 [MODE]
 *   close tcp|udp|unix ADDRESS PORT        ok NANOSECONDS | failed REASON
 *   time                                   ok NANOSECONDS (CLOCK_MONOTONIC)
 *   open                                   ok NUMBER-OF-CONNECTIONS
 *   send tcp|unix ADDRESS PORT TEXT        ok ANSWER (until the end) | failed REASON; a connection from the guest
 *
 * What a connection gets, by MODE:
 *   label   (default) one line "PROTO ADDRESS PORT", then what it sends, until it ends its half
 *   echo    what it sends
 *   sink    the number of bytes that came, as a line, after it has ended its half
 *   source  as many zero bytes as the line that it sends says
 *   mute    nothing: it is accepted and neither read nor closed
 * A datagram is answered with one that has the label in front (label), or as it is (echo). At the end of its input the
 * program ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LISTENERS = 4096, BUFFER = 65536, BACKLOG = 1024 };

struct listener {
	int fd;
	bool datagram;
	char mode, label[160];
};

struct conn {
	int fd;
	char mode;
	bool eof, started;
	size_t from, to; /* what waits in buf */
	unsigned long long count; /* sink: came; source: still to be sent */
	char *buf;
};

/* epoll's pointer is to one of these two: */
struct tag {
	struct listener *l;
	struct conn *c;
};

static struct listener *listeners[LISTENERS];
static struct tag *tags[LISTENERS];
static int ep, n_listeners, n_conns;
static char scratch[BUFFER];

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
};

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static socklen_t address(union address *a, const char *proto, const char *ip, int port)
{
	char bare[64];

	memset(a, 0, sizeof(*a));
	if (!strcmp(proto, "unix")) {
		a->un.sun_family = AF_UNIX;
		snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s", ip);
		return sizeof(a->un);
	}
	if (inet_pton(AF_INET, ip, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)port);
		return sizeof(a->v4);
	}
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(ip, "%"), ip);
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons((uint16_t)port);
	a->v6.sin6_scope_id = strchr(ip, '%') ? if_nametoindex(strchr(ip, '%') + 1) : 0;
	return inet_pton(AF_INET6, bare, &a->v6.sin6_addr) == 1 ? sizeof(a->v6) : 0;
}

static struct tag *watch(int fd, struct listener *l, struct conn *c)
{
	struct tag *t = calloc(1, sizeof(*t));
	struct epoll_event e = { .events = EPOLLIN | (c ? EPOLLOUT | EPOLLRDHUP | EPOLLET : 0), .data.ptr = t };

	t->l = l;
	t->c = c;
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	return t;
}

static int bound_socket(const char *proto, const char *ip, int port)
{
	bool udp = !strcmp(proto, "udp");
	union address a;
	socklen_t len = address(&a, proto, ip, port);
	int fd = socket(a.any.sa_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (!udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a.any.sa_family == AF_UNIX)
		unlink(ip);
	if (fd >= 0 && bind(fd, &a.any, len) == 0 && (udp || listen(fd, BACKLOG) == 0))
		return fd;
	close(fd);
	return -1;
}

static void cmd_listen(const char *proto, const char *ip, int port, const char *mode)
{
	struct listener *l = calloc(1, sizeof(*l));
	long long when;

	l->fd = n_listeners < LISTENERS ? bound_socket(proto, ip, port) : -1;
	when = now();
	if (l->fd < 0) {
		printf("failed %s\n", strerror(errno));
		free(l);
		return;
	}
	l->datagram = !strcmp(proto, "udp");
	l->mode = *mode ? *mode + (mode[1] == 'o') : 'l'; /* 's' is sink, 't' source */
	snprintf(l->label, sizeof(l->label), "%s %s %d\n", proto, ip, port);
	tags[n_listeners] = watch(l->fd, l, NULL);
	listeners[n_listeners++] = l;
	printf("ok %lld\n", when);
}

static void cmd_close(const char *proto, const char *ip, int port)
{
	char label[160];

	snprintf(label, sizeof(label), "%s %s %d\n", proto, ip, port);
	for (int i = 0; i < n_listeners; i++) {
		if (strcmp(listeners[i]->label, label))
			continue;
		close(listeners[i]->fd);
		free(listeners[i]);
		free(tags[i]);
		listeners[i] = listeners[--n_listeners];
		tags[i] = tags[n_listeners];
		printf("ok %lld\n", now());
		return;
	}
	printf("failed no such listener\n");
}

static int connected(const char *proto, const char *ip, int port)
{
	union address a;
	socklen_t len = address(&a, proto, ip, port);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, &a.any, len) == 0)
		return fd;
	printf("failed %s\n", strerror(errno));
	close(fd);
	return -1;
}

static void cmd_send(const char *proto, const char *ip, int port, const char *text)
{
	char answer[4096];
	size_t n = 0;
	ssize_t r;
	int fd = connected(proto, ip, port);

	if (fd < 0)
		return;
	r = write(fd, text, strlen(text));
	shutdown(fd, SHUT_WR);
	while (r > 0 && n < sizeof(answer) - 1 && (r = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += (size_t)r;
	answer[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (answer[i] == '\n')
			answer[i] = '|';
	printf("ok %s\n", answer);
	close(fd);
}

static void command(char *line)
{
	char what[16] = "", proto[8] = "", ip[120] = "", mode[200] = "";
	int port = 0;

	sscanf(line, "%15s %7s %119s %d %199[^\n]", what, proto, ip, &port, mode);
	if (!strcmp(what, "listen"))
		cmd_listen(proto, ip, port, mode);
	else if (!strcmp(what, "close"))
		cmd_close(proto, ip, port);
	else if (!strcmp(what, "time"))
		printf("ok %lld\n", now());
	else if (!strcmp(what, "open"))
		printf("ok %d\n", n_conns);
	else if (!strcmp(what, "send"))
		cmd_send(proto, ip, port, mode);
	else
		printf("failed unknown command\n");
	fflush(stdout);
}

/* Commands may come in any pieces. */
static bool read_commands(void)
{
	static char buf[65536];
	static size_t n;
	ssize_t r = read(0, buf + n, sizeof(buf) - n);
	char *nl, *at = buf;

	if (r <= 0)
		return r < 0 && errno == EAGAIN;
	n += (size_t)r;
	while ((nl = memchr(at, '\n', n - (size_t)(at - buf)))) {
		*nl = '\0';
		command(at);
		at = nl + 1;
	}
	n -= (size_t)(at - buf);
	memmove(buf, at, n);
	return true;
}

static void serve_datagram(struct listener *l)
{
	union address from;
	size_t head = l->mode == 'l' ? strlen(l->label) : 0;
	socklen_t len = sizeof(from);
	ssize_t n;

	memcpy(scratch, l->label, head);
	while ((n = recvfrom(l->fd, scratch + head, sizeof(scratch) - head, 0, &from.any, &len)) >= 0) {
		sendto(l->fd, scratch, head + (size_t)n, 0, &from.any, len);
		len = sizeof(from);
	}
}

static void accept_all(struct listener *l)
{
	int fd, one = 1;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		c->mode = l->mode;
		c->buf = malloc(BUFFER);
		if (l->mode == 'l')
			c->to = strlen(l->label);
		memcpy(c->buf, l->label, c->to);
		n_conns++;
		watch(fd, NULL, c);
	}
}

/* Takes what there is. False: nothing came. */
static bool take(struct conn *c)
{
	ssize_t n = read(c->fd, c->buf, BUFFER - 1);

	if (n == 0)
		c->eof = true;
	if (n == 0 && c->mode == 's')
		c->to = (size_t)snprintf(c->buf, BUFFER, "%llu\n", c->count);
	if (n <= 0)
		return n == 0 || errno == EINTR;
	c->count += (unsigned long long)n;
	if (c->mode == 't' && !c->started) {
		c->buf[n] = '\0';
		c->count = strtoull(c->buf, NULL, 10);
		c->started = true;
		memset(c->buf, 0, BUFFER);
	} else if (c->mode == 'l' || c->mode == 'e') {
		c->to = (size_t)n;
	}
	return true;
}

/* As far as it goes without waiting. False: it is over. */
static bool work(struct conn *c)
{
	for (;;) {
		if (c->mode == 't' && c->started && c->from == c->to) {
			c->from = 0;
			c->to = c->count < BUFFER ? (size_t)c->count : BUFFER;
			c->count -= c->to;
			if (c->to == 0)
				return false;
		}
		while (c->from < c->to) {
			ssize_t n = send(c->fd, c->buf + c->from, c->to - c->from, MSG_NOSIGNAL);

			if (n < 0 && errno == EAGAIN)
				return true;
			if (n < 0)
				return false;
			c->from += (size_t)n;
		}
		if (c->mode == 't' && c->started)
			continue;
		c->from = c->to = 0;
		if (c->eof)
			return false;
		if (!take(c))
			return errno == EAGAIN;
	}
}

static void serve(struct tag *t)
{
	if (t->l && t->l->datagram) {
		serve_datagram(t->l);
	} else if (t->l) {
		accept_all(t->l);
	} else if (t->c->mode != 'm' && !work(t->c)) {
		close(t->c->fd);
		free(t->c->buf);
		free(t->c);
		free(t);
		n_conns--;
	}
}

int main(void)
{
	struct rlimit files = { 8192, 8192 };
	struct epoll_event batch[1], in = { .events = EPOLLIN };

	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(ep, EPOLL_CTL_ADD, 0, &in) < 0)
		return 1;
	for (;;) {
		/* One at a time: a command may close what the next event is about. */
		int n = epoll_wait(ep, batch, 1, -1);

		if (n < 1)
			continue;
		if (batch[0].data.ptr)
			serve(batch[0].data.ptr);
		else if (!read_commands())
			return 0;
	}
}
