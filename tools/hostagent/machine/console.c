/* console - see console.h. */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "hostagent/agent.h"
#include "oswatch.h"

/* A guest that writes all the time costs one look in that time. */
#define PACE_S 2
#define END_TRIES 8 /* to read the end of a log that grows */

static const char *const logs[] = { "serial.log", "serialp.log", "serialv.log" };
static const char cut_line[] = "\n[the log was longer; lima-hostagent cut it here]\n";

/* The last CONSOLE_KEEP bytes, read again while QEMU is just appending: what comes between this and ftruncate is lost. */
static ssize_t read_end(int fd, char *keep)
{
	struct stat before = { 0 }, after;
	ssize_t n = -1;

	for (int tries = 0; tries < END_TRIES; tries++) {
		if (fstat(fd, &before) < 0)
			return -1;
		n = pread(fd, keep, CONSOLE_KEEP, before.st_size - (off_t)CONSOLE_KEEP);
		if (n < 0 || fstat(fd, &after) < 0)
			return -1;
		if (after.st_size == before.st_size)
			break;
	}
	return n;
}

/* Puts the end of a log in the place of all of it. */
static int cut(int fd)
{
	char *keep = xmalloc(CONSOLE_KEEP);
	ssize_t n = read_end(fd, keep);
	int r = n < 0 ? -1 : ftruncate(fd, 0);

	if (r == 0)
		r = fd_write_all(fd, cut_line, sizeof(cut_line) - 1);
	if (r == 0)
		r = fd_write_all(fd, keep, (size_t)n);
	free(keep);
	return r;
}

static void look(const char *name)
{
	struct stat st;
	int fd;

	if (lstat(name, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= (off_t)CONSOLE_MAX)
		return;
	fd = open(name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 || cut(fd) < 0)
		log_warn("%s has grown to %lld bytes and cannot be cut: %s", name, (long long)st.st_size, strerror(errno));
	else
		log_info("%s had grown to %lld bytes; its last part is kept", name, (long long)st.st_size);
	if (fd >= 0)
		close(fd);
}

static void look_and_watch(struct agent *a)
{
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		files_watch_once(a->console.watch, logs[i]); /* first: what comes after the look is news */
		look(logs[i]);
	}
}

static void on_pace(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	look_and_watch(arg);
}

static void on_news(evutil_socket_t fd, short what, void *arg)
{
	struct timeval t = { .tv_sec = PACE_S };
	struct agent *a = arg;

	(void)what;
	file_watch_rearm(fd);
	if (!evtimer_pending(a->console.pace, NULL))
		evtimer_add(a->console.pace, &t);
}

void console_start(struct agent *a)
{
	struct console *c = &a->console;

	console_free(a);
	c->watch = files_watch();
	if (c->watch < 0)
		return;
	c->ev = event_new(a->base, c->watch, EV_READ | EV_PERSIST, on_news, a);
	c->pace = evtimer_new(a->base, on_pace, a);
	event_add(c->ev, NULL);
	look_and_watch(a);
}

void console_free(struct agent *a)
{
	struct console *c = &a->console;

	if (!c->ev)
		return;
	event_free(c->ev);
	event_free(c->pace);
	close(c->watch);
	*c = (struct console){ 0 };
}
