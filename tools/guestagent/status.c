/* status - see status.h. */
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 4096,
	STATUS_MAX = 1 << 20, /* of a file that grows without end, the rest is not sent */
};

static struct source watch = { .fd = -1 };
static const char *path;
static int file = -1, dir_wd = -1, file_wd = -1;
static uint64_t offset;
static bool dirty;

static void let_go(void)
{
	if (file >= 0)
		close(file);
	if (file_wd >= 0)
		inotify_rm_watch(watch.fd, file_wd);
	file = file_wd = -1;
	offset = 0;
}

/* The directory is watched only while the file is missing: there is much coming and going in /run. */
static void find(void)
{
	char dir[256] = "/";
	const char *slash = strrchr(path, '/');

	if (slash && slash > path && (size_t)(slash - path) < sizeof(dir))
		memcpy(dir, path, (size_t)(slash - path)), dir[slash - path] = '\0';
	if (dir_wd < 0)
		dir_wd = inotify_add_watch(watch.fd, dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	if (file < 0)
		return;
	file_wd = inotify_add_watch(watch.fd, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
	if (dir_wd >= 0)
		inotify_rm_watch(watch.fd, dir_wd);
	dir_wd = -1;
	dirty = true;
}

static bool replaced(void)
{
	struct stat st;

	return file >= 0 && (fstat(file, &st) < 0 || st.st_nlink == 0 || (uint64_t)st.st_size < offset);
}

static void changed(struct source *s, uint32_t events)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)events;
	while (read(s->fd, buf, sizeof(buf)) > 0)
		;
	dirty = true;
	if (replaced())
		let_go();
	if (file < 0)
		find();
}

int status_follow(const char *p)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	path = p;
	watch.ready = changed;
	if (fd < 0)
		return -1;
	if (loop_add(&watch, fd, EPOLLIN) < 0) {
		close(fd);
		return -1;
	}
	find();
	return 0;
}

void status_rewind(void)
{
	offset = 0;
	dirty = true;
}

bool status_waiting(void)
{
	return dirty && file >= 0;
}

void status_pump(struct channel *c)
{
	while (dirty && file >= 0 && channel_room_data(c, 8 + CHUNK)) {
		uint8_t *p = channel_reserve(c, 8 + CHUNK);
		ssize_t n = offset < STATUS_MAX ? pread(file, p + 8, CHUNK, (off_t)offset) : 0;

		if (n <= 0) {
			dirty = false;
			break;
		}
		wire_put64(p, offset);
		channel_commit(c, WIRE_STATUS, 0, 8 + (size_t)n);
		offset += (uint64_t)n;
	}
}
