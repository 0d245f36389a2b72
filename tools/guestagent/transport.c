/* transport - see transport.h. */
#include "transport.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi.h"
#include "session.h"

enum { VIRTIO, SOCKET, CHANNELS };

#define PORTS_DIR "/sys/class/virtio-ports"

static struct channel channels[CHANNELS]; /* large: no initial values, so that they take no room in the binary */
static struct source uevents = { .fd = -1 }, vsock = { .fd = -1 }, unix_socket = { .fd = -1 };
static const char *port_name;
static uid_t unix_owner;

void transport_init(void)
{
	for (int i = 0; i < CHANNELS; i++)
		channels[i].src.fd = -1;
}

static void drop(struct channel *c)
{
	if (c->src.fd < 0)
		return;
	session_down(c);
	channel_stop(c);
}

/* ---- virtio port ---- */

static void wait_for_port(void);

/* The driver says "hang-up" for as long as nobody is connected on the host's side. What that somebody has left unread
 * is of no use to the next one. */
static void port_ready(struct source *s, uint32_t events)
{
	struct channel *c = &channels[VIRTIO];
	bool up = !(events & EPOLLHUP);

	(void)s;
	if (c->up && !up) {
		session_down(c);
		channel_forget(c);
	}
	c->readable = up;
	if (up && !c->up) {
		c->up = true;
		session_up(c);
	}
	c->up = up;
	channel_watch(c, true);
	while (!up && channel_read(c) > 0)
		wire_reset(&c->in);
}

static bool named(const char *device)
{
	char file[320], name[128];
	int fd;
	ssize_t n;

	snprintf(file, sizeof(file), PORTS_DIR "/%.64s/name", device);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, name, sizeof(name) - 1);
	close(fd);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	return !strcmp(name, port_name);
}

/* By sysfs and devtmpfs, which are there before udev has made the link in /dev/virtio-ports, or without it. */
static bool find_port(char *path, size_t size)
{
	DIR *d;
	struct dirent *de;
	bool found = false;

	if (port_name[0] == '/')
		return snprintf(path, size, "%s", port_name) < (int)size;
	d = opendir(PORTS_DIR);
	while (d && !found && (de = readdir(d)))
		found = de->d_name[0] != '.' && named(de->d_name);
	if (found)
		snprintf(path, size, "/dev/%.64s", de->d_name);
	if (d)
		closedir(d);
	return found;
}

static int try_port(void)
{
	char path[320];
	int fd;

	if (!find_port(path, sizeof(path)))
		return -1;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		warn_msg("cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	channels[VIRTIO].peer = (struct peer){ 0 };
	return channel_start(&channels[VIRTIO], fd, true, path[0] ? "virtio port" : "", port_ready);
}

static void uevent(struct source *s, uint32_t events)
{
	char buf[4096];
	bool ours = false;
	ssize_t n;

	(void)events;
	while ((n = recv(s->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT)) > 0 || (n < 0 && errno == ENOBUFS)) {
		buf[n > 0 ? n : 0] = '\0';
		ours = ours || n < 0 || strstr(buf, "/virtio-ports/");
	}
	if (ours && try_port() == 0)
		loop_close(s);
}

static void wait_for_port(void)
{
	struct abi_netlink_addr addr = { .family = AF_NETLINK, .groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, ABI_NETLINK_UEVENT);

	uevents.ready = uevent;
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || loop_add(&uevents, fd, EPOLLIN) < 0))
		close(fd);
	/* It may have come in between. */
	if (uevents.fd >= 0 && try_port() == 0)
		loop_close(&uevents);
}

int transport_virtio(const char *name, struct err *e)
{
	port_name = name;
	if (try_port() == 0)
		return 0;
	wait_for_port();
	if (channels[VIRTIO].src.fd < 0 && uevents.fd < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot wait for the virtio port %s", name);
	return 0;
}

/* ---- sockets: the newest connection wins, as an agent on the host that was restarted does not say goodbye ---- */

static void socket_ready(struct source *s, uint32_t events)
{
	(void)s;
	(void)events;
	channels[SOCKET].readable = true;
}

static void begin(int fd, const struct peer *peer, const char *name)
{
	struct channel *c = &channels[SOCKET];

	drop(c);
	c->peer = *peer;
	if (channel_start(c, fd, false, name, socket_ready) == 0)
		session_up(c);
}

static void accept_vsock(struct source *s, uint32_t events)
{
	static const struct peer host = { 0 };
	struct abi_vsock_addr from = { 0 };
	socklen_t len = sizeof(from);
	int fd;

	(void)events;
	while ((fd = accept4(s->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (len == sizeof(from) && from.cid == ABI_CID_HOST) {
			begin(fd, &host, "vsock");
		} else {
			warn_msg("vsock: refused CID %u, which is not the host", from.cid);
			close(fd);
		}
		len = sizeof(from);
	}
}

int transport_vsock(uint32_t port, struct err *e)
{
	struct abi_vsock_addr addr = { .family = AF_VSOCK, .port = port, .cid = ABI_CID_ANY };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	vsock.ready = accept_vsock;
	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 4) == 0 &&
	    loop_add(&vsock, fd, EPOLLIN) == 0)
		return 0;
	err_sys(e, EXIT_UNAVAIL, "cannot listen on vsock port %u", port);
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool identify(int fd, struct peer *p)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || len != sizeof(cred))
		return false;
	*p = (struct peer){ .uid = cred.uid, .gid = cred.gid };
	len = sizeof(p->groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, p->groups, &len) == 0)
		p->n_groups = (int)(len / sizeof(p->groups[0]));
	return cred.uid == 0 || cred.uid == unix_owner;
}

static void accept_unix(struct source *s, uint32_t events)
{
	struct peer peer = { 0 };
	int fd;

	(void)events;
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (identify(fd, &peer)) {
			begin(fd, &peer, "unix socket");
		} else {
			warn_msg("unix socket: refused uid %u", (unsigned)peer.uid);
			close(fd);
		}
	}
}

int transport_unix(const char *path, uid_t owner, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(e, EXIT_USAGE, "the socket path %s is longer than %zu bytes", path,
			       sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);
	mask = umask(0177);
	r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	unix_owner = owner;
	unix_socket.ready = accept_unix;
	if (r == 0 && (owner == getuid() || lchown(path, owner, (gid_t)-1) == 0) && listen(fd, 4) == 0 &&
	    loop_add(&unix_socket, fd, EPOLLIN) == 0)
		return 0;
	err_sys(e, EXIT_CANTCREATE, "cannot listen on %s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

bool transport_run(void)
{
	bool busy = false;

	for (int i = 0; i < CHANNELS; i++) {
		if (session_run(&channels[i], &busy) == 0)
			continue;
		drop(&channels[i]);
		if (i == VIRTIO) /* unplugged */
			wait_for_port();
	}
	return busy;
}
