/* dirwatch - see dirwatch.h. inotify tells the number of a watch and a name; a table leads from the number to the folder. The
 * kernel counts the numbers up, so appending keeps the table sorted. */
#include "dirwatch.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif

#include "buf.h"
#include "file.h"

#ifdef __linux__

#define SCAN_TURN 32 /* folders read in one turn of the loop */
#define EVENTS_BYTES 65536
#define MASK (IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK)

struct watch {
	int wd;
	char *path; /* NULL: it has ended */
};

/* A folder that is still to be read. */
struct todo {
	char *path;
	bool tell; /* what is in it is news */
	struct todo *next;
};

struct dirwatch {
	int fd;
	struct event *ev, *scan;
	struct watch *w; /* sorted by wd */
	size_t n, room, alive, max;
	struct todo *todo;
	bool told;
	struct dirwatch_calls calls;
};

static void incomplete(struct dirwatch *w, const char *why)
{
	if (!w->told)
		w->calls.incomplete(w->calls.arg, why);
	w->told = true;
}

static struct watch *find(struct dirwatch *w, int wd)
{
	size_t low = 0, high = w->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (w->w[mid].wd < wd)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->n && w->w[low].wd == wd ? &w->w[low] : NULL;
}

static void drop(struct dirwatch *w, struct watch *at)
{
	if (!at || !at->path)
		return;
	free(at->path);
	at->path = NULL;
	w->alive--;
}

/* Takes out what has ended, when that is the larger part. */
static void compact(struct dirwatch *w)
{
	size_t k = 0;

	if (w->n < 64 || w->alive * 2 > w->n)
		return;
	for (size_t i = 0; i < w->n; i++)
		if (w->w[i].path)
			w->w[k++] = w->w[i];
	w->n = k;
}

static void append(struct dirwatch *w, int wd, const char *path)
{
	compact(w);
	if (w->n == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->w = xrealloc(w->w, w->room * sizeof(*w->w));
	}
	w->w[w->n++] = (struct watch){ wd, xstrdup(path) };
	w->alive++;
}

/* Whether the folder is now watched. */
static bool add(struct dirwatch *w, const char *path, uint32_t follow)
{
	struct watch *old;
	int wd;

	if (w->alive >= w->max) {
		incomplete(w, "there are more folders than are watched");
		return false;
	}
	wd = inotify_add_watch(w->fd, path, MASK | follow);
	if (wd < 0) {
		if (errno == ENOSPC)
			incomplete(w, "the kernel allows no more watches (fs.inotify.max_user_watches)");
		return false; /* else it is gone, or not ours to read */
	}
	old = find(w, wd);
	if (old && old->path) { /* the same folder under another name: it was moved */
		free(old->path);
		old->path = xstrdup(path);
	} else if (w->n && wd < w->w[w->n - 1].wd) {
		inotify_rm_watch(w->fd, wd); /* the numbers began anew after two thousand million */
		incomplete(w, "too many folders have come and gone");
		return false;
	} else {
		append(w, wd, path);
	}
	return true;
}

static void later(struct dirwatch *w, const char *path, bool tell)
{
	struct todo *t = xcalloc(1, sizeof(*t));

	*t = (struct todo){ xstrdup(path), tell, w->todo };
	w->todo = t;
	event_active(w->scan, EV_TIMEOUT, 0);
}

/* Watches a folder first and reads it then, so that nothing appears unseen in between. */
static void scan(struct dirwatch *w, const char *path, bool tell)
{
	DIR *d = opendir(path);
	struct dirent *de;

	while (d && (de = readdir(d))) {
		char *below;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		below = path_join(path, de->d_name);
		if (tell)
			w->calls.changed(w->calls.arg, below);
		if (de->d_type == DT_DIR && add(w, below, IN_DONT_FOLLOW))
			later(w, below, tell);
		free(below);
	}
	if (d)
		closedir(d);
}

static void on_scan(evutil_socket_t unused, short what, void *arg)
{
	struct dirwatch *w = arg;

	(void)unused;
	(void)what;
	for (int i = 0; i < SCAN_TURN && w->todo; i++) {
		struct todo *t = w->todo;

		w->todo = t->next;
		scan(w, t->path, t->tell);
		free(t->path);
		free(t);
	}
	if (w->todo)
		event_active(w->scan, EV_TIMEOUT, 0);
}

/* A folder was moved away: what is known below it has other names now, or none that we care for. */
static void forget_below(struct dirwatch *w, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < w->n; i++) {
		struct watch *at = &w->w[i];

		if (!at->path || strncmp(at->path, path, len) != 0 || (at->path[len] && at->path[len] != '/'))
			continue;
		inotify_rm_watch(w->fd, at->wd);
		drop(w, at);
	}
}

static void take(struct dirwatch *w, const struct inotify_event *in)
{
	struct watch *at = find(w, in->wd);
	char *path;

	if (in->mask & IN_Q_OVERFLOW)
		incomplete(w, "changes came faster than they were read; some were lost");
	if (in->mask & (IN_IGNORED | IN_UNMOUNT))
		drop(w, at);
	if (!at || !at->path || !in->len)
		return;
	path = path_join(at->path, in->name);
	if ((in->mask & IN_ISDIR) && (in->mask & IN_MOVED_FROM))
		forget_below(w, path);
	else if ((in->mask & IN_ISDIR) && (in->mask & (IN_CREATE | IN_MOVED_TO)) && add(w, path, IN_DONT_FOLLOW))
		later(w, path, true);
	if (!(in->mask & IN_MOVED_FROM))
		w->calls.changed(w->calls.arg, path);
	free(path);
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct inotify_event) static char buf[EVENTS_BYTES];
	struct dirwatch *w = arg;
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *in = (const void *)(buf + at);

		at += (ssize_t)(sizeof(*in) + in->len);
		take(w, in);
	}
}

struct dirwatch *dirwatch_new(struct event_base *base, const char *root, size_t max, const struct dirwatch_calls *calls,
			      struct err *e)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct dirwatch *w;

	if (fd < 0) {
		err_sys(e, EXIT_UNAVAIL, "cannot watch %s", root);
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct dirwatch){ .fd = fd, .max = max, .calls = *calls };
	w->scan = evtimer_new(base, on_scan, w);
	w->ev = event_new(base, fd, EV_READ | EV_PERSIST, on_events, w);
	event_add(w->ev, NULL);
	if (add(w, root, 0)) {
		later(w, root, false);
		return w;
	}
	err_sys(e, EXIT_UNAVAIL, "cannot watch %s", root);
	dirwatch_free(w);
	return NULL;
}

size_t dirwatch_count(const struct dirwatch *w)
{
	return w->alive;
}

void dirwatch_free(struct dirwatch *w)
{
	if (!w)
		return;
	while (w->todo) {
		struct todo *t = w->todo;

		w->todo = t->next;
		free(t->path);
		free(t);
	}
	for (size_t i = 0; i < w->n; i++)
		free(w->w[i].path);
	free(w->w);
	event_free(w->ev);
	event_free(w->scan);
	close(w->fd);
	free(w);
}

#else

struct dirwatch *dirwatch_new(struct event_base *base, const char *root, size_t max, const struct dirwatch_calls *calls,
			      struct err *e)
{
	(void)base;
	(void)max;
	(void)calls;
	err_set(e, EXIT_UNAVAIL, "cannot watch %s: only implemented for Linux", root);
	return NULL;
}

size_t dirwatch_count(const struct dirwatch *w)
{
	(void)w;
	return 0;
}

void dirwatch_free(struct dirwatch *w)
{
	(void)w;
}

#endif
