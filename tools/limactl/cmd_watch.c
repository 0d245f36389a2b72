/* watch - the events of instances as they happen, until it is interrupted. Source: spec/cli.md section 8.22.
 *
 * The logs of the host agents are read, not their sockets: an instance may start and stop any number of times meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "dirs.h"
#include "event_text.h"
#include "file.h"
#include "inspect.h"
#include "instance_files.h"
#include "oswatch.h"

#define LINE_MAX_BYTES (1u << 20)

/* A file that grows, and is begun anew at each start of the instance and when it has become long (hostagent/logfile.h); its
 * first bytes, with the time of its first line, tell that. */
#define HEAD_BYTES 96
struct tail {
	char *path, *old; /* the one before, when it has become long */
	ino_t inode;
	off_t at;
	char head[HEAD_BYTES];
	size_t nhead;
	struct buf text;
};

struct watched {
	char *name, *dir;
	bool following; /* its directory is watched */
	struct tail events, log;
	struct event_memory memory;
	struct watched *next;
};

struct watching {
	const struct ctl *c;
	int fd;
	char *home;
	struct watched *all;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static void notice(const char *fmt, const char *name)
{
	struct buf line = { 0 };

	event_time(NULL, &line);
	buf_addc(&line, ' ');
	buf_addf(&line, "%s%s\n", fmt, name);
	fputs(buf_str(&line), stderr);
	buf_free(&line);
}

/* --- lines --- */

static void on_event(struct watching *w, struct watched *i, const char *line)
{
	cJSON *event = cJSON_Parse(line);
	struct strv texts = { 0 };
	struct buf when = { 0 };

	if (!cJSON_IsObject(event)) {
		log_debug("%s: not an event: %s", i->events.path, line);
	} else if (flag_bool(w->c->flags, "json")) {
		printf("{\"instance\":\"%s\",\"event\":%s}\n", i->name, line);
	} else {
		event_time(event, &when);
		event_texts(&i->memory, event, &texts);
		for (size_t k = 0; k < texts.n; k++)
			printf("%s %s | %s\n", buf_str(&when), i->name, texts.v[k]);
	}
	buf_free(&when);
	strv_free(&texts);
	cJSON_Delete(event);
}

static void on_log(struct watching *w, struct watched *i, const char *line)
{
	cJSON *o = cJSON_Parse(line);
	const char *msg = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "msg"));
	const char *level = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "level"));
	int parsed = level ? log_level_parse(level) : LOG_INFO;
	char *text = xasprintf("[hostagent] %s", msg ? msg : line);

	(void)w;
	if (parsed < LOG_ERROR)
		parsed = parsed < 0 ? LOG_INFO : LOG_ERROR;
	log_fields((enum log_level)parsed, text, (const char *const[]){ "instance", i->name }, 1);
	free(text);
	cJSON_Delete(o);
}

/* --- files --- */

static void read_lines(struct watching *w, struct watched *i, struct tail *t, int fd,
		       void (*fn)(struct watching *, struct watched *, const char *))
{
	char chunk[16384], *nl;
	ssize_t n;

	while ((n = pread(fd, chunk, sizeof(chunk), t->at)) > 0) {
		t->at += n;
		buf_add(&t->text, chunk, (size_t)n);
		while (t->text.len && (nl = memchr(t->text.data, '\n', t->text.len))) {
			*nl = '\0';
			fn(w, i, t->text.data);
			buf_eat(&t->text, (size_t)(nl - t->text.data) + 1);
		}
		if (t->text.len > LINE_MAX_BYTES)
			buf_eat(&t->text, t->text.len);
	}
}

static bool begun_anew(const struct tail *t, int fd, const struct stat *st)
{
	char head[HEAD_BYTES];

	return st->st_ino != t->inode || st->st_size < t->at || pread(fd, head, t->nhead, 0) != (ssize_t)t->nhead ||
	       memcmp(head, t->head, t->nhead) != 0;
}

/* The first bytes of what was read. */
static void note_head(struct tail *t, int fd)
{
	size_t n = t->at < HEAD_BYTES ? (size_t)t->at : HEAD_BYTES;
	ssize_t got = n > t->nhead ? pread(fd, t->head, n, 0) : -1;

	if (got >= 0)
		t->nhead = (size_t)got;
}

/* What was not read yet of a file that has become the old one. When it is another one than ours, all of it is; not when it is
 * the one that is open as the present one, which has just become old too. */
static void read_old(struct watching *w, struct watched *i, struct tail *t, ino_t present,
		     void (*fn)(struct watching *, struct watched *, const char *))
{
	int fd = open(t->old, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino != present) {
		if (begun_anew(t, fd, &st)) {
			t->at = 0;
			buf_free(&t->text);
		}
		read_lines(w, i, t, fd, fn);
	}
	close(fd);
}

/* What is new in the file. `skip`: only note how far it is. */
static void read_tail(struct watching *w, struct watched *i, struct tail *t, bool skip,
		      void (*fn)(struct watching *, struct watched *, const char *))
{
	int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (begun_anew(t, fd, &st)) {
			if (!skip)
				read_old(w, i, t, st.st_ino, fn);
			t->inode = st.st_ino;
			t->at = 0;
			t->nhead = 0;
			buf_free(&t->text);
		}
		if (skip)
			t->at = st.st_size;
		else
			read_lines(w, i, t, fd, fn);
		note_head(t, fd);
	}
	close(fd);
}

/* --- instances --- */

static void add(struct watching *w, const char *name, bool is_new)
{
	bool skip = !is_new && !flag_bool(w->c->flags, "history");
	struct watched *i = xcalloc(1, sizeof(*i)), **end = &w->all;

	i->name = xstrdup(name);
	i->dir = path_join(w->home, name);
	i->events.path = path_join(i->dir, F_HA_STDOUT);
	i->events.old = path_join(i->dir, F_HA_STDOUT_OLD);
	i->log.path = path_join(i->dir, F_HA_STDERR);
	i->log.old = path_join(i->dir, F_HA_STDERR_OLD);
	while (*end)
		end = &(*end)->next;
	*end = i;
	i->following = files_watch_dir(w->fd, i->dir) == 0;
	if (is_new)
		notice("New instance detected: ", name);
	if (skip)
		read_tail(w, i, &i->events, true, NULL);
	if (!is_new)
		read_tail(w, i, &i->log, true, NULL);
}

static bool known(const struct watching *w, const char *name)
{
	for (const struct watched *i = w->all; i; i = i->next)
		if (!strcmp(i->name, name))
			return true;
	return false;
}

static void drop_gone(struct watching *w)
{
	for (struct watched **at = &w->all, *i; (i = *at);) {
		if (path_exists(i->dir)) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		free(i->name);
		free(i->dir);
		free(i->events.path);
		free(i->log.path);
		free(i->events.old);
		free(i->log.old);
		buf_free(&i->events.text);
		buf_free(&i->log.text);
		event_memory_free(&i->memory);
		free(i);
	}
}

/* Those that have come since. */
static void find(struct watching *w, bool is_new)
{
	struct err ignored = { 0 };
	struct strv names = { 0 };

	if (inspect_names(&names, &ignored) == 0)
		for (size_t i = 0; i < names.n; i++)
			if (!known(w, names.v[i]))
				add(w, names.v[i], is_new);
	strv_free(&names);
}

static int begin(struct watching *w, struct err *e)
{
	const struct strv *args = &w->c->args;
	struct inspection i;

	for (size_t k = 0; k < args->n; k++) {
		if (inspect_existing(args->v[k], &i, e) < 0)
			return -1;
		inspect_free(&i);
		if (!known(w, args->v[k]))
			add(w, args->v[k], false);
	}
	if (!args->n)
		find(w, false);
	if (!w->all)
		notice("No instances found", "");
	notice("Watching for events...", "");
	return 0;
}

static void look(struct watching *w)
{
	bool verbose = flag_bool(w->c->flags, "verbose");

	if (!w->c->args.n) {
		drop_gone(w);
		find(w, true);
	}
	for (struct watched *i = w->all; i; i = i->next) {
		if (!i->following)
			i->following = files_watch_dir(w->fd, i->dir) == 0;
		read_tail(w, i, &i->events, false, on_event);
		if (verbose)
			read_tail(w, i, &i->log, false, on_log);
	}
	fflush(stdout);
}

/* --- the command --- */

static int follow(struct watching *w, struct err *e)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	sigset_t block, old;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, &old);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!interrupted && !ferror(stdout)) {
		look(w);
		if (ppoll(&p, 1, NULL, &old) > 0)
			file_watch_rearm(w->fd);
		else if (errno != EINTR)
			return err_sys(e, EXIT_UNAVAIL, "cannot wait for events");
	}
	return 0;
}

static int run(struct ctl *c, struct err *e)
{
	struct watching w = { .c = c, .fd = files_watch() };
	int r = -1;

	if (w.fd < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot watch directories");
	if (!flag_bool(c->flags, "verbose"))
		log_setup("warn", flag_string(c->flags, "log-format"), false, e);
	w.home = dirs_home(e);
	if (w.home && dir_make(w.home, 0700, e) == 0) {
		if (files_watch_dir(w.fd, w.home) < 0)
			r = err_sys(e, EXIT_UNAVAIL, "cannot watch %s", w.home);
		else if (begin(&w, e) == 0)
			r = follow(&w, e);
	}
	close(w.fd);
	return r;
}

static const struct flag_spec flags[] = {
	{ .name = "json", .help = "print the events as JSON, one a line" },
	{ .name = "history", .help = "begin with the past events of the present run" },
	{ .name = "verbose", .help = "print the log of the host agents too" },
	{ 0 },
};
static const struct flag_spec *const tables[] = { flags, NULL };

const struct command cmd_watch = {
	.name = "watch",
	.group = GROUP_ADVANCED,
	.use = "[flags] [INSTANCE]...",
	.summary = "Tell what happens to instances, as it happens",
	.text = "Without arguments all instances are watched, those that are made later too.",
	.max_args = ARGS_ANY,
	.flags = tables,
	.complete = COMPLETE_INSTANCE,
	.run = run,
};
