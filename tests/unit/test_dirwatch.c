/* uses: hostagent dns loop */
/* dirwatch and changes: files that change below a folder, told once, few at a time, and never again because of the answer. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "hostagent/mounts/changes.h"
#include "hostagent/mounts/dirwatch.h"
#include "tap.h"

static struct event_base *base;
static char dir[64];
static struct strv seen;
static int incompletes, drops, refuse;

static char *in_dir(const char *name)
{
	return path_join(dir, name);
}

static void write_file(const char *name)
{
	char *path = in_dir(name);
	FILE *f = fopen(path, "a");

	if (!f || fputs("x", f) < 0 || fclose(f) != 0)
		printf("Bail out! cannot write %s\n", path);
	free(path);
}

static void make_dir(const char *name)
{
	char *path = in_dir(name);

	mkdir(path, 0755);
	free(path);
}

static void move(const char *from, const char *to)
{
	char *a = in_dir(from), *b = in_dir(to);

	if (rename(a, b) < 0)
		printf("Bail out! cannot rename\n");
	free(a);
	free(b);
}

static bool told(const char *name)
{
	char *path = in_dir(name);
	bool found = false;

	for (size_t i = 0; i < seen.n; i++)
		found = found || !strcmp(seen.v[i], path);
	free(path);
	return found;
}

static void on_changed(void *arg, const char *path)
{
	(void)arg;
	strv_add(&seen, path);
}

static void on_incomplete(void *arg, const char *why)
{
	(void)arg;
	incompletes += *why != '\0';
}

/* Runs the loop until nothing has happened for a while. */
static void settle(void)
{
	struct timeval t = { .tv_usec = 4 * CHANGES_DELAY_MS * 1000 };
	size_t before;

	do {
		before = seen.n;
		event_base_loopexit(base, &t);
		event_base_dispatch(base);
	} while (seen.n != before);
}

static const struct dirwatch_calls watch_calls = { on_changed, on_incomplete, NULL };

static void follows_folders(void)
{
	struct err e = { 0 };
	struct dirwatch *w;

	make_dir("old");
	make_dir("old/deep");
	write_file("old/deep/before");
	w = dirwatch_new(base, dir, 100, &watch_calls, &e);
	ok(w != NULL, "a folder is watched %s", e.msg);
	settle();
	is_num(dirwatch_count(w), 3, "with those below it");
	is_num(seen.n, 0, "what was there before is no news");
	write_file("old/deep/before");
	settle();
	ok(told("old/deep/before"), "a change deep below is told");
	make_dir("new");
	make_dir("new/er");
	write_file("new/er/file");
	settle();
	ok(told("new/er/file"), "a file in a folder that has just been made is told");
	is_num(dirwatch_count(w), 5, "and the new folders are watched");
	strv_free(&seen);
	move("new", "old/moved");
	settle();
	write_file("old/moved/er/file");
	settle();
	ok(told("old/moved/er/file"), "a folder that was moved is known by its new name");
	ok(!told("new/er/file"), "and by that only");
	is_num(dirwatch_count(w), 5, "none is watched twice");
	dirwatch_free(w);
	strv_free(&seen);
}

static void is_bounded(void)
{
	struct err e = { 0 };
	struct dirwatch *w;
	char name[32];

	incompletes = 0;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		make_dir(name);
	}
	w = dirwatch_new(base, dir, 10, &watch_calls, &e);
	settle();
	is_num(dirwatch_count(w), 10, "no more folders than allowed are watched");
	make_dir("another");
	settle();
	is_num(incompletes, 1, "and that is told once");
	dirwatch_free(w);
	ok(!dirwatch_new(base, "/nonexistent/x", 10, &watch_calls, &e) && e.code == EXIT_UNAVAIL, "what is not there cannot be watched");
	strv_free(&seen);
}

static void churn(void)
{
	struct err e = { 0 };
	struct dirwatch *w = dirwatch_new(base, dir, 1000, &watch_calls, &e);
	size_t before;

	settle();
	before = dirwatch_count(w);
	for (int i = 0; i < 300; i++) {
		char *path = in_dir("coming and going");

		make_dir("coming and going");
		event_base_loop(base, EVLOOP_NONBLOCK);
		rmdir(path);
		event_base_loop(base, EVLOOP_NONBLOCK);
		free(path);
	}
	settle();
	is_num(dirwatch_count(w), before, "folders that come and go leave nothing");
	dirwatch_free(w);
	strv_free(&seen);
}

/* --- changes --- */

static int on_send(void *arg, const char *path, int64_t ns)
{
	(void)arg;
	if (refuse)
		return -1;
	ok(ns > 0, "the time is told");
	strv_add(&seen, path);
	return 0;
}

static int quiet_send(void *arg, const char *path, int64_t ns)
{
	(void)arg;
	(void)ns;
	strv_add(&seen, path);
	return 0;
}

static void on_dropped(void *arg)
{
	(void)arg;
	drops++;
}

static void set_time(const char *path, time_t s, long ns)
{
	struct timespec t[2] = { { s, ns }, { s, ns } };

	utimensat(AT_FDCWD, path, t, 0);
}

static void coalesces(void)
{
	const struct changes_calls calls = { on_send, on_dropped, NULL };
	struct changes *c = changes_new(base, &calls);
	char *f = in_dir("f"), *gone = in_dir("gone"), *fifo = in_dir("fifo");

	write_file("f");
	mkfifo(fifo, 0600);
	for (int i = 0; i < 50; i++)
		changes_add(c, f);
	changes_add(c, gone);
	changes_add(c, fifo);
	settle();
	ok(seen.n == 1 && told("f"), "fifty changes are one, what is gone or no file is none");
	changes_add(c, f);
	settle();
	is_num(seen.n, 1, "a file whose time has not moved is no news");
	set_time(f, 2000000000, 700000000);
	changes_add(c, f);
	settle();
	is_num(seen.n, 2, "one whose time has moved is");
	set_time(f, 2000000000, 0); /* as an answer by SFTP leaves it */
	changes_add(c, f);
	settle();
	is_num(seen.n, 2, "the answer of the guest is not");
	refuse = 1;
	set_time(f, 2000000005, 0);
	changes_add(c, f);
	settle();
	refuse = 0;
	settle();
	is_num(seen.n, 3, "what could not be sent is sent later");
	changes_free(c);
	strv_free(&seen);
	free(f);
	free(gone);
	free(fifo);
}

static void flood(void)
{
	const struct changes_calls calls = { quiet_send, on_dropped, NULL };
	struct changes *c = changes_new(base, &calls);
	char name[32], *path;

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "flood%d", i);
		write_file(name);
		path = in_dir(name);
		changes_add(c, path);
		free(path);
	}
	event_base_loop(base, EVLOOP_ONCE);
	is_num(seen.n, CHANGES_BURST, "so many at once and no more");
	settle();
	is_num(seen.n, 200, "the others follow");
	drops = 0;
	for (int i = 0; i < 3 * CHANGES_FILES; i++) {
		snprintf(name, sizeof(name), "/nowhere/%d", i);
		changes_add(c, name);
	}
	is_num(drops, 2 * CHANGES_FILES, "what waits is bounded");
	changes_free(c);
	strv_free(&seen);
}

static void grain(void)
{
	ok(changes_same_time(5700000000, 5700000000) && changes_same_time(5700000000, 5705000000), "the same, and nearly");
	ok(changes_same_time(5700000000, 5000000000), "cut to a second");
	ok(!changes_same_time(5700000000, 6000000000) && !changes_same_time(5700000000, 4000000000), "rounded up, or another second: not");
	ok(!changes_same_time(-1, 0), "nothing was sent yet");
}

int main(void)
{
	struct err e = { 0 };

	snprintf(dir, sizeof(dir), "/tmp/test-dirwatch.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	base = event_base_new();
	follows_folders();
	is_bounded();
	churn();
	coalesces();
	flood();
	grain();
	event_base_free(base);
	dir_remove(dir, &e);
	return done();
}
