/* inotify - see inotify.h. */
#include "inotify.h"

#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "dirwatch.h"
#include "hostagent/agent.h"

#define WATCHES_MAX 8192 /* folders in each mount */
#define INOTIFY_PATH_MAX 4096 /* of a frame: the time, and a path that Linux can open */

static const char *conf(const struct agent *a, size_t i, const char *key)
{
	return kv_get(&a->conf, "", "mounts.%zu.%s", i, key);
}

/* What is behind `dir` in a path that is below it, NULL when it is not. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (strncmp(path, dir, n) != 0)
		return NULL;
	return n == 1 ? path + 1 : path[n] == '/' ? path + n + 1 : NULL;
}

/* The name of a file of the host in the guest: by the longest mount that holds it. The caller frees it. */
static char *guest_path(const struct agent *a, const char *path)
{
	const char *best = NULL, *point = NULL;

	for (size_t i = 0; i < a->inotify.n; i++) {
		const char *rest = a->inotify.w[i] ? below(path, conf(a, i, "location")) : NULL;

		if (rest && a->mounts.m[i].state == MOUNT_OK && (!best || strlen(rest) < strlen(best))) {
			best = rest;
			point = conf(a, i, "mountPoint");
		}
	}
	return best ? xasprintf("%s/%s", point, best) : NULL;
}

/* What cannot be told because nobody is there is forgotten: the guest then reads the file as it is. */
static int send_change(void *arg, const char *path, int64_t ns)
{
	struct agent *a = arg;
	char *name = a->ga.heard ? guest_path(a, path) : NULL;
	struct buf b = { 0 };
	uint8_t time[8];
	int r = 0;

	if (!name)
		return 0;
	wire_put64(time, (uint64_t)ns);
	buf_add(&b, time, sizeof(time));
	buf_adds(&b, name);
	if (b.len <= INOTIFY_PATH_MAX)
		r = ga_send(a, WIRE_INOTIFY, 0, b.data, (uint32_t)b.len);
	buf_free(&b);
	free(name);
	return r;
}

static void on_dropped(void *arg)
{
	static struct log_limit limit;

	(void)arg;
	log_limited(&limit, "mountInotify: files change faster than the guest can be told; some changes are not told");
}

static void on_changed(void *arg, const char *path)
{
	struct agent *a = arg;

	changes_add(a->inotify.changes, path);
}

static void on_incomplete(void *arg, const char *why)
{
	(void)arg;
	log_warn("mountInotify: not all of the mounted folders is watched: %s", why);
}

static void watch(struct agent *a, size_t i)
{
	struct dirwatch_calls calls = { on_changed, on_incomplete, a };
	struct err e = { 0 };

	if (!kv_bool(&a->conf, "mounts.%zu.writable", i))
		return; /* the guest cannot set times there */
	a->inotify.w[i] = dirwatch_new(a->base, conf(a, i, "location"), WATCHES_MAX, &calls, &e);
	if (!a->inotify.w[i])
		log_warn("mountInotify: %s", e.msg);
}

void inotify_start(struct agent *a)
{
	struct changes_calls calls = { send_change, on_dropped, a };

	if (a->inotify.changes || a->mounts.n == 0 || !kv_bool(&a->conf, "mountInotify"))
		return;
	a->inotify.changes = changes_new(a->base, &calls);
	a->inotify.n = a->mounts.n;
	a->inotify.w = xcalloc(a->inotify.n, sizeof(struct dirwatch *));
	for (size_t i = 0; i < a->inotify.n; i++)
		watch(a, i);
}

void inotify_stop(struct agent *a)
{
	for (size_t i = 0; i < a->inotify.n; i++)
		dirwatch_free(a->inotify.w[i]);
	free(a->inotify.w);
	changes_free(a->inotify.changes);
	a->inotify = (struct inotify){ 0 };
}
