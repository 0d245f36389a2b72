/* changes - see changes.h. One table of files, by the hash of their paths; those that wait form a queue. */
#include "changes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"

#define SLOTS (2 * CHANGES_FILES) /* a power of two */
#define GRAIN_NS 10000000
#define SECOND_NS 1000000000

struct file {
	char *path;
	int64_t sent; /* the time that was told last; -1: none yet */
	bool waits;
};

struct changes {
	struct event *timer;
	struct changes_calls calls;
	struct file slot[SLOTS];
	size_t used;
	uint16_t queue[CHANGES_FILES]; /* a ring of slots */
	size_t first, waiting;
};

static void on_timer(evutil_socket_t unused, short what, void *arg);

static void arm(struct changes *c)
{
	struct timeval t = { .tv_usec = CHANGES_DELAY_MS * 1000 };

	if (!evtimer_pending(c->timer, NULL))
		evtimer_add(c->timer, &t);
}

static size_t hash(const char *s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (size_t)(h ^ h >> 32) % SLOTS;
}

/* The slot of a path, or the free one where it belongs. */
static struct file *find(struct changes *c, const char *path)
{
	size_t i = hash(path);

	while (c->slot[i].path && strcmp(c->slot[i].path, path) != 0)
		i = (i + 1) % SLOTS;
	return &c->slot[i];
}

/* The table is full: only those that wait are kept. */
static void forget(struct changes *c)
{
	struct file *kept = xcalloc(CHANGES_FILES, sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; i < c->waiting; i++)
		kept[n++] = c->slot[c->queue[(c->first + i) % CHANGES_FILES]];
	for (size_t i = 0; i < SLOTS; i++)
		if (!c->slot[i].waits)
			free(c->slot[i].path);
	memset(c->slot, 0, sizeof(c->slot));
	for (size_t i = 0; i < n; i++) {
		struct file *f = find(c, kept[i].path);

		*f = kept[i];
		c->queue[i] = (uint16_t)(f - c->slot);
	}
	c->first = 0;
	c->used = n;
	free(kept);
}

void changes_add(struct changes *c, const char *path)
{
	struct file *f = find(c, path);

	if (!f->path && c->used == CHANGES_FILES) {
		if (c->waiting == CHANGES_FILES) {
			c->calls.dropped(c->calls.arg);
			return;
		}
		forget(c);
		f = find(c, path);
	}
	if (!f->path) {
		*f = (struct file){ .path = xstrdup(path), .sent = -1 };
		c->used++;
	}
	if (!f->waits) {
		f->waits = true;
		c->queue[(c->first + c->waiting++) % CHANGES_FILES] = (uint16_t)(f - c->slot);
	}
	arm(c);
}

bool changes_same_time(int64_t sent, int64_t now)
{
	int64_t moved = now > sent ? now - sent : sent - now;

	return sent >= 0 && (moved < GRAIN_NS || now == sent - sent % SECOND_NS);
}

/* Whether the file is done with. */
static bool tell(struct changes *c, struct file *f)
{
	struct stat st;
	int64_t ns;

	if (lstat(f->path, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return true;
	ns = (int64_t)st.st_mtim.tv_sec * SECOND_NS + st.st_mtim.tv_nsec;
	if (ns < 0 || changes_same_time(f->sent, ns))
		return true;
	if (c->calls.send(c->calls.arg, f->path, ns) < 0)
		return false;
	f->sent = ns;
	return true;
}

static void on_timer(evutil_socket_t unused, short what, void *arg)
{
	struct changes *c = arg;

	(void)unused;
	(void)what;
	for (int i = 0; i < CHANGES_BURST && c->waiting; i++) {
		struct file *f = &c->slot[c->queue[c->first]];

		if (!tell(c, f))
			break;
		f->waits = false;
		c->first = (c->first + 1) % CHANGES_FILES;
		c->waiting--;
	}
	if (c->waiting)
		arm(c);
}

struct changes *changes_new(struct event_base *base, const struct changes_calls *calls)
{
	struct changes *c = xcalloc(1, sizeof(*c));

	c->calls = *calls;
	c->timer = evtimer_new(base, on_timer, c);
	return c;
}

void changes_free(struct changes *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(c->slot[i].path);
	event_free(c->timer);
	free(c);
}
