/* socket - see socket.h. The names are relative, so the length of the instance's path does not matter here. */
#include "socket.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", name);
	return un;
}

int socket_listen(const char *name, struct err *e)
{
	struct sockaddr_un un = address(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	mode_t old;
	int r;

	if (fd < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a socket");
	if (lstat(name, &st) == 0) {
		if (!S_ISSOCK(st.st_mode)) {
			close(fd);
			return err_set(e, EXIT_CANTCREATE, "%s is in the way: it is not a socket; remove it", name);
		}
		unlink(name);
	}
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(old);
	if (r < 0 || listen(fd, BACKLOG) < 0) {
		err_sys(e, EXIT_CANTCREATE, "cannot listen on %s", name);
		close(fd);
		return -1;
	}
	return fd;
}

int socket_connect(const char *name, int wait_ms, struct err *e)
{
	struct sockaddr_un un = address(name);
	/* The kernel ends the wait of a connect(2) by this; 0 would be for ever. */
	struct timeval limit = { wait_ms / 1000, (wait_ms % 1000) * 1000 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait_ms ? 0 : SOCK_NONBLOCK), 0);

	if (fd < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		err_sys(e, EXIT_UNAVAIL, "cannot connect to %s", name);
		close(fd);
		return -1;
	}
	return fd;
}
