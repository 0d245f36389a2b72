/* unixsock - see unixsock.h. */
#include "unixsock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int address(const char *path, struct sockaddr_un *un, struct err *e)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(un->sun_path, sizeof(un->sun_path), "%s", path) < (int)sizeof(un->sun_path))
		return 0;
	errno = ENAMETOOLONG;
	return err_set(e, EXIT_USAGE, "%s: longer than the %zu bytes that the path of a socket can have", path,
		       sizeof(un->sun_path) - 1);
}

/* Closes, and keeps errno. */
static int failed(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

static int clear_the_way(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, EXIT_CANTCREATE, "%s is in the way: it is not a socket; remove it", path);
	unlink(path);
	return 0;
}

int unixsock_listen(const char *path, struct err *e)
{
	struct sockaddr_un un;
	mode_t old;
	int fd, r;

	if (address(path, &un, e) < 0 || clear_the_way(path, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a socket");
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(old);
	if (r == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err_sys(e, EXIT_CANTCREATE, "cannot listen on %s", path);
	return failed(fd);
}

int unixsock_connect(const char *path, int wait_ms, struct err *e)
{
	/* The kernel ends the wait of a connect(2) by this; 0 would be for ever. */
	struct timeval limit = { wait_ms / 1000, (wait_ms % 1000) * 1000 };
	struct sockaddr_un un;
	int fd;

	if (address(path, &un, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait_ms ? 0 : SOCK_NONBLOCK), 0);
	if (fd < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	err_sys(e, EXIT_UNAVAIL, "cannot connect to %s", path);
	return failed(fd);
}
