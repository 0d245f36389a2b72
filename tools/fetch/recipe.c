/* recipe - see recipe.h. */
#include "recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "fetch/intr.h"
#include "fetch/stamp.h"
#include "file.h"
#include "image_header.h"
#include "progress.h"
#include "spawn.h"

#define KEY_MAX 256
#define KEY_CHARS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._:+-"
#define LINE_MAX_LEN 1000u

static char *script(struct err *e)
{
	char *share = dirs_share(e), *path;

	if (!share)
		return NULL;
	path = path_join(share, "boot/recipes/build");
	free(share);
	return path;
}

/* The last line that says something. */
static char *last_line(const struct buf *text)
{
	const char *s = buf_str(text);
	size_t end = text->len, from;

	while (end > 0 && strchr(" \t\r\n", s[end - 1]))
		end--;
	for (from = end; from > 0 && s[from - 1] != '\n';)
		from--;
	return end > from ? xstrndup(s + from, end - from) : xstrdup("it gave no reason");
}

static int check_key(const char *key, const char *name, struct err *e)
{
	size_t n = strlen(key);

	if (n && n <= KEY_MAX && strspn(key, KEY_CHARS) == n)
		return 0;
	return err_set(e, EXIT_INTERNAL, "recipe:%s: its build script gave no valid key", name);
}

char *recipe_url(const char *name, const char *arch, struct err *e)
{
	char *path = script(e), *url = NULL, *why;
	char *argv[] = { path, (char *)"key", (char *)name, (char *)arch, NULL };
	struct buf out = { 0 }, text = { 0 };
	int status;

	if (!path)
		return NULL;
	if (spawn_run(argv, &out, &text, &status, e) < 0) {
		err_wrap(e, "recipe:%s", name);
	} else if (status != 0) {
		why = last_line(&text);
		err_set(e, EXIT_UNAVAIL, "recipe:%s for %s cannot be built: %s", name, arch, why);
		free(why);
	} else {
		if (out.len && out.data[out.len - 1] == '\n')
			out.data[--out.len] = '\0';
		if (check_key(buf_str(&out), name, e) == 0)
			url = xasprintf("recipe:%s?arch=%s&key=%s", name, arch, buf_str(&out));
	}
	buf_free(&out);
	buf_free(&text);
	free(path);
	return url;
}

/* Hands whole lines to the progress display; *last is the latest that was not empty. */
static void feed(struct buf *line, const char *data, size_t n, struct progress *p, struct buf *last)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] != '\n' && data[i] != '\r') {
			if (line->len < LINE_MAX_LEN)
				buf_addc(line, data[i]);
			continue;
		}
		if (line->len) {
			progress_note(p, buf_str(line));
			buf_free(last);
			*last = *line;
			*line = (struct buf){ 0 };
		}
	}
}

/* A signal to us: the script may clean up; a second one does not wait for that. */
static bool pass_on(int fd, pid_t pid, unsigned *signals)
{
	char drained[16];

	while (read(fd, drained, sizeof(drained)) > 0)
		;
	kill(pid, (*signals)++ ? SIGKILL : SIGTERM);
	return *signals < 2;
}

/* Reads the script's stderr until it ends, also after a signal, so that nothing goes on writing behind our back. */
static void follow(int fd, pid_t pid, struct progress *p, struct buf *last)
{
	struct pollfd fds[2] = { { fd, POLLIN, 0 }, { intr_fd(), POLLIN, 0 } };
	struct buf line = { 0 };
	unsigned signals = 0;
	char chunk[4096];

	for (;;) {
		ssize_t n;

		if (poll(fds, 2, -1) < 0) {
			if (errno != EINTR)
				break;
			continue;
		}
		if (fds[1].revents && !pass_on(fds[1].fd, pid, &signals))
			break;
		if (!fds[0].revents)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		if (n > 0)
			feed(&line, chunk, (size_t)n, p, last);
	}
	feed(&line, "\n", 1, p, last);
	buf_free(&line);
}

static int run_make(const struct locator *l, const char *arch, const char *out, struct progress *p, struct err *e)
{
	char *path = script(e);
	char *argv[] = { path, (char *)"make", l->name, (char *)arch, (char *)out, NULL };
	struct spawn s = { .argv = argv, .in = SPAWN_NULL };
	struct buf last = { 0 };
	int fds[2], status;
	pid_t pid;
	int r;

	if (!path)
		return -1;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(path);
		return err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
	}
	s.out = s.err = fds[1];
	r = spawn_start(&s, &pid, e);
	close(fds[1]);
	if (r == 0) {
		follow(fds[0], pid, p, &last);
		status = spawn_wait(pid);
		if (intr_check(e) < 0)
			r = -1;
		else if (status != 0)
			r = err_set(e, EXIT_UNAVAIL, "%s: cannot be built: %s", l->shown,
				    last.len ? last.data : "its build script gave no reason");
	}
	close(fds[0]);
	buf_free(&last);
	free(path);
	return r;
}

/* Opens, checks, hashes and makes durable one file of a build. Unless `must`, it may be missing. */
static int take_file(const char *dir, enum stamp_part part, bool must, struct stamp *s, struct digest *d, struct err *e)
{
	char *path = path_join(dir, stamp_name(part));
	struct image_info ignored;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), r = -1;

	if (fd < 0) {
		if (errno == ENOENT && !must)
			r = 0;
		else
			err_sys(e, EXIT_INTERNAL, "the recipe's build script left no %s", path);
	} else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(e, EXIT_INTERNAL, "%s is not a regular file", path);
	} else if (part != STAMP_DATA || image_check_fd(fd, path, &ignored, e) == 0) {
		if (fchmod(fd, 0444) < 0 || fsync(fd) < 0)
			err_sys(e, EXIT_IOERR, "cannot write %s", path);
		else if (sha_file(d->alg, path, d->hex, e) == 0)
			r = stamp_set(s, part, fd, d, e);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return r;
}

static int move(const struct entry *en, const char *dir, enum stamp_part part, struct err *e)
{
	char *from = path_join(dir, stamp_name(part));
	int r = renameat(AT_FDCWD, from, en->fd, stamp_name(part));

	if (r < 0 && errno == ENOENT && part != STAMP_DATA)
		r = 0;
	if (r < 0)
		err_sys(e, EXIT_CANTCREATE, "cannot move %s into the cache", from);
	free(from);
	return r;
}

static void http_date(char *out, size_t n)
{
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, n, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* Moves what was built in place. data is last: an entry without it is taken as empty. */
static int publish(const struct entry *en, const char *dir, struct digest *has, struct err *e)
{
	static const enum stamp_part order[STAMP_PARTS] = { STAMP_KERNEL, STAMP_INITRD, STAMP_CMDLINE, STAMP_DATA };
	struct stamp s = { 0 };
	char date[64];

	for (int i = 0; i < STAMP_PARTS; i++)
		if (take_file(dir, order[i], order[i] == STAMP_DATA, &s, has, e) < 0)
			return -1;
	http_date(date, sizeof(date));
	for (int i = 0; i < STAMP_PARTS; i++)
		entry_unlink(en, stamp_name(order[STAMP_PARTS - 1 - i]));
	if (entry_write(en, E_URL, en->url, e) < 0 || entry_write(en, E_TIME, date, e) < 0 ||
	    entry_write(en, E_TYPE, "application/octet-stream", e) < 0 || stamp_save(en, &s, e) < 0 ||
	    digest_publish(en, has, e) < 0)
		return -1;
	for (int i = 0; i < STAMP_PARTS; i++)
		if (move(en, dir, order[i], e) < 0)
			return -1;
	return dir_sync(en->dir, e);
}

static int build(struct session *se, const struct locator *l, const struct entry *en, struct err *e)
{
	char *name = xasprintf("%s%ld", E_BUILD, (long)getpid());
	char *dir = entry_path(en, name), *what = xasprintf("building %s for %s", l->shown, se->arch);
	struct digest has = { .alg = SHA_256 };
	struct progress *p = progress_start(what, se->quiet);
	struct err ignored = { 0 };
	int r = dir_make(dir, 0700, e);

	if (r == 0)
		r = run_make(l, se->arch, dir, p, e);
	if (r == 0)
		r = publish(en, dir, &has, e);
	progress_end(p, r == 0);
	dir_remove(dir, &ignored);
	free(dir);
	free(name);
	free(what);
	return r;
}

/* GOOD when data is there and nothing of the entry is damaged. */
static int judge(const struct entry *en, const struct digest *want, enum verdict *verdict, struct err *e)
{
	struct digest has;
	struct stamp s;
	int r = 0;

	stamp_load(en, &s);
	*verdict = VERDICT_GOOD;
	for (int i = 0; r == 0 && *verdict == VERDICT_GOOD && i < STAMP_PARTS; i++) {
		int fd;

		r = stamp_verify(en, &s, (enum stamp_part)i, i == STAMP_DATA ? want : NULL, &fd, &has, verdict, e);
		if (r == 0 && fd >= 0)
			close(fd);
		if (*verdict == VERDICT_MISSING && i != STAMP_DATA)
			*verdict = s.item[i].inode ? VERDICT_DAMAGED : VERDICT_GOOD;
	}
	stamp_free(&s);
	return r;
}

static int ensure(struct session *se, const struct locator *l, const struct entry *en, const struct digest *want,
		  struct err *e)
{
	enum verdict verdict;

	if (judge(en, want, &verdict, e) < 0)
		return -1;
	if (verdict == VERDICT_MISSING || verdict == VERDICT_DAMAGED) {
		if (se->offline)
			return err_set(e, EXIT_UNAVAIL,
				       "%s: it is not built, and --offline forbids it; run once without --offline",
				       l->shown);
		if (verdict == VERDICT_DAMAGED)
			warn_msg("%s: the copy in the cache is damaged; building it again", l->shown);
		if (build(se, l, en, e) < 0 || judge(en, want, &verdict, e) < 0)
			return -1;
	}
	if (verdict == VERDICT_GOOD)
		return 0;
	return err_set(e, EXIT_BADDATA, "%s: the image that it builds does not have the digest that is asked for",
		       l->shown);
}

static int open_parts(const struct entry *en, const char *location, struct got *g, struct err *e)
{
	struct source *to[STAMP_PARTS] = {
		[STAMP_DATA] = &g->data,
		[STAMP_KERNEL] = &g->kernel,
		[STAMP_INITRD] = &g->initrd,
		[STAMP_CMDLINE] = &g->cmdline,
	};

	for (int i = 0; i < STAMP_PARTS; i++)
		if (source_open(en, stamp_name((enum stamp_part)i), location, to[i], e) < 0)
			return -1;
	return 0;
}

int get_recipe(struct session *se, const struct locator *l, const struct digest *want, struct got *g, struct err *e)
{
	char *url = recipe_url(l->name, se->arch, e);
	struct entry en;
	int r;

	if (!url)
		return -1;
	r = entry_open(url, l->shown, se->quiet, &en, e);
	free(url);
	if (r < 0)
		return -1;
	r = ensure(se, l, &en, want, e);
	if (r == 0)
		r = open_parts(&en, l->text, g, e);
	if (r < 0)
		rmdir(en.dir);
	entry_close(&en);
	return r;
}
