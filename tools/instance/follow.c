/* follow - see follow.h; and how the verbs of make tell it. */
#include "follow.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "instance_files.h"
#include "lock.h"
#include "oswatch.h"

#define LINE_MAX_BYTES (1u << 20)
#define LOG_MAX_BYTES (16u << 20) /* of events; the host agent keeps it shorter */
#define POLL_MAX_MS 3600000
#define ENDING_MS 10000 /* for a host agent that has closed its socket to end */
/* What one stream of events came to, besides -1. */
#define GO_ON 0
#define DECIDED 1
#define STREAM_ENDED 2

static bool is_true(const cJSON *status, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(status, key));
}

static const char *text_of(const cJSON *status, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(status, key));
}

/* All texts of status.errors, joined by "; ". */
static char *join_errors(const cJSON *status)
{
	const cJSON *item, *list = cJSON_GetObjectItemCaseSensitive(status, "errors");
	struct buf out = { 0 };

	cJSON_ArrayForEach(item, list) {
		const char *text = cJSON_GetStringValue(item);

		if (text)
			buf_addf(&out, "%s%s", out.len ? "; " : "", text);
	}
	return buf_detach(&out);
}

/* Whether a text is another one than the last; it becomes the last one. */
static bool is_new(char **last, const char *text)
{
	if (!text || (*last && !strcmp(text, *last)))
		return false;
	free(*last);
	*last = xstrdup(text);
	return true;
}

static void tell_progress(struct follow *f, const cJSON *status, int64_t start)
{
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(status, "sshLocalPort");
	bool over = is_true(status, "running") || is_true(status, "exiting");

	if (cJSON_IsNumber(port) && port->valueint && !f->port) {
		f->port = port->valueint;
		if (f->on_port)
			f->on_port(f->arg, f->port);
	}
	if (!over && is_new(&f->phase, text_of(status, "phase")) && f->on_phase)
		f->on_phase(f->arg, f->phase, (double)(mono_ms() - start) / 1000);
	if (is_new(&f->step, text_of(status, "step")) && f->on_step)
		f->on_step(f->arg, f->step);
}

/* A machine that ended without an error was ended on purpose: by another command, or from inside. */
static int tell_ended(const struct instance *in, const char *errors, struct err *e)
{
	bool named = strcmp(in->name, "default") != 0;

	if (*errors)
		return err_set(e, EXIT_UNAVAIL, "the machine ended before it was ready: %s (log: %s/%s, console: %s/serial.log)",
			       errors, in->dir, F_HA_STDERR, in->dir);
	if (!instance_exists(in))
		return err_set(e, EXIT_NO, "the instance '%s' was deleted before it was ready", in->name);
	return err_set(e, EXIT_NO,
		       "the machine of '%s' was stopped, or powered off, before it was ready; 'make%s%s start' starts it", in->name, named ? " INSTANCE=" : "", named ? in->name : "");
}

static int handle_line(struct follow *f, const char *line, int64_t start)
{
	cJSON *event = cJSON_Parse(line);
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(event, "status");
	int r = GO_ON;

	if (status) {
		tell_progress(f, status, start);
		if (is_true(status, "exiting") || is_true(status, "running") || is_true(status, "paused")) {
			free(f->errors);
			f->errors = join_errors(status);
			f->end = is_true(status, "exiting")  ? FOLLOW_EXITED :
				 is_true(status, "paused")   ? FOLLOW_PAUSED :
				 is_true(status, "degraded") ? FOLLOW_DEGRADED :
							       FOLLOW_READY;
			r = DECIDED;
		}
	}
	cJSON_Delete(event);
	return r;
}

/* Takes whole lines off the buffer. */
static int handle_lines(struct follow *f, struct buf *b, int64_t start, struct err *e)
{
	int r = GO_ON;
	char *nl;

	while (r == GO_ON && b->len && (nl = memchr(b->data, '\n', b->len))) {
		*nl = '\0';
		r = handle_line(f, b->data, start);
		buf_eat(b, (size_t)(nl - b->data) + 1);
	}
	if (b->len > LINE_MAX_BYTES)
		return err_set(e, EXIT_INTERNAL, "the host agent sent an event of more than %u bytes", LINE_MAX_BYTES);
	return r;
}

static int read_events(struct follow *f, int fd, struct buf *b, int64_t start, struct err *e)
{
	char chunk[8192];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0 && errno == EINTR)
		return GO_ON;
	if (n <= 0)
		return STREAM_ENDED;
	buf_add(b, chunk, (size_t)n);
	return handle_lines(f, b, start, e);
}

static int follow_stream(struct follow *f, int fd, int64_t start, struct err *e)
{
	struct buf b = { 0 };
	int r = GO_ON;

	while (r == GO_ON) {
		int64_t left = start + (int64_t)f->timeout_s * 1000 - mono_ms();
		struct pollfd p[] = { { fd, POLLIN, 0 }, { f->watch, POLLIN, 0 } };

		if (left <= 0) {
			f->end = FOLLOW_LATE;
			r = DECIDED;
			break;
		}
		if (poll(p, 2, (int)(left < POLL_MAX_MS ? left : POLL_MAX_MS)) <= 0)
			continue;
		if (p[1].revents && f->on_watch)
			f->on_watch(f->arg);
		if (p[0].revents)
			r = read_events(f, fd, &b, start, e);
	}
	buf_free(&b);
	return r;
}

/* A host agent that has ended already left its last words in its log. False: it was not able to say any. */
static bool read_last_words(const struct instance *in, struct follow *f, int64_t start)
{
	char *path = instance_path(in, F_HA_STDOUT), *last;
	struct err ignored = { 0 };
	struct buf text = { 0 };
	int r = file_read(path, LOG_MAX_BYTES, &text, &ignored);

	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	last = strrchr(buf_str(&text), '\n');
	if (r == 0 && text.len)
		r = handle_line(f, last ? last + 1 : text.data, start);
	buf_free(&text);
	free(path);
	return r == DECIDED && f->end == FOLLOW_EXITED;
}

int follow_events(const struct instance *in, struct follow *f, struct err *e)
{
	char *ha_pid = instance_path(in, F_HA_PID), *ha_sock = instance_path(in, F_HA_SOCK);
	int64_t start = mono_ms();
	int r = STREAM_ENDED;

	/* A stream may break while the host agent lives; a new one tells everything again. */
	while (r == STREAM_ENDED) {
		int fd = agent_events(in, true, e);

		r = fd < 0 ? -1 : follow_stream(f, fd, start, e);
		if (fd >= 0)
			close(fd);
		if (r == DECIDED || (path_exists(ha_sock) ? lock_held(ha_pid, NULL) : !lock_await(ha_pid, ENDING_MS)))
			continue;
		if (read_last_words(in, f, start)) {
			*e = (struct err){ 0 };
			r = DECIDED;
		} else if (r == STREAM_ENDED) {
			r = err_set(e, EXIT_UNAVAIL, "the host agent ended unexpectedly; run the same command again (log: %s/%s)",
				    in->dir, F_HA_STDERR);
		}
	}
	f->seconds = (double)(mono_ms() - start) / 1000;
	if (!f->errors)
		f->errors = xstrdup("");
	free(ha_sock);
	free(ha_pid);
	return r < 0 ? -1 : 0;
}

void follow_free(struct follow *f)
{
	free(f->errors);
	free(f->phase);
	free(f->step);
	f->errors = f->phase = f->step = NULL;
}

/* --- for make --- */

static void say_port(void *arg, int port)
{
	(void)arg;
	say("SSH local port: %d", port);
}

static void say_phase(void *arg, const char *phase, double seconds)
{
	(void)arg;
	say("%5.1f s  %s", seconds, phase);
}

static int verdict(const struct instance *in, const struct follow *f, struct err *e)
{
	switch (f->end) {
	case FOLLOW_EXITED:
		return tell_ended(in, f->errors, e);
	case FOLLOW_PAUSED:
		return err_set(e, EXIT_UNAVAIL, "the machine stands still before it was ready: %s", f->errors);
	case FOLLOW_DEGRADED:
		return err_set(e, EXIT_NO,
			       "the machine is up, but not as described: %s (it stays up for inspection: 'make INSTANCE=%s shell'; "
			       "log in the guest: /var/log/lima-boot.log)",
			       f->errors, in->name);
	case FOLLOW_LATE:
		return err_set(e, EXIT_TRYAGAIN,
			       "the machine was not ready within %d s (last: %s); it goes on booting: 'make INSTANCE=%s status', "
			       "console in %s/serial.log, or give more with TIMEOUT=",
			       f->timeout_s, f->phase ? f->phase : "QEMU started", in->name, in->dir);
	default:
		say("READY after %.1f s. Run 'make%s%s shell' to open a shell", f->seconds,
		    strcmp(in->name, "default") ? " INSTANCE=" : "", strcmp(in->name, "default") ? in->name : "");
		live_message(in);
		return 0;
	}
}

int step_follow(const struct instance *in, int timeout_s, struct err *e)
{
	struct follow f = { .on_port = say_port, .on_phase = say_phase, .watch = -1, .timeout_s = timeout_s };
	int r = follow_events(in, &f, e);

	if (r == 0)
		r = verdict(in, &f, e);
	follow_free(&f);
	return r;
}
