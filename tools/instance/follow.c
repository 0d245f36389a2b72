/* follow - reads the host agent's events until the machine is ready, or it is known that it will not be. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "instance.h"
#include "instance_files.h"
#include "lock.h"

#define LINE_MAX_BYTES (1u << 20)
/* What follow_loop returns when the events ended without a verdict. */
#define STREAM_ENDED 2

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct follow {
	const struct instance *in;
	int64_t start;
	int port;
	char *phase;
};

static bool is_true(const cJSON *status, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(status, key));
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

static void tell_progress(struct follow *f, const cJSON *status)
{
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(status, "sshLocalPort");
	const char *phase = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(status, "phase"));

	if (cJSON_IsNumber(port) && port->valueint && !f->port) {
		f->port = port->valueint;
		say("SSH local port: %d", f->port);
	}
	if (phase && (!f->phase || strcmp(phase, f->phase)) && !is_true(status, "running") && !is_true(status, "exiting")) {
		free(f->phase);
		f->phase = xstrdup(phase);
		say("%5.1f s  %s", (double)(now_ms() - f->start) / 1000, phase);
	}
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

/* 1 = ready, 0 = go on, -1 = failed. */
static int handle_line(struct follow *f, const char *line, struct err *e)
{
	cJSON *event = cJSON_Parse(line);
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(event, "status");
	char *errors = NULL;
	int r = 0;

	if (!status)
		goto out;
	tell_progress(f, status);
	errors = join_errors(status);
	if (is_true(status, "exiting")) {
		r = tell_ended(f->in, errors, e);
	} else if (is_true(status, "running") && is_true(status, "degraded")) {
		r = err_set(e, EXIT_NO,
			    "the machine is up, but not as described: %s (it stays up for inspection: 'make INSTANCE=%s shell'; "
			    "log in the guest: /var/log/lima-boot.log)",
			    errors, f->in->name);
	} else if (is_true(status, "running")) {
		r = 1;
	}
out:
	free(errors);
	cJSON_Delete(event);
	return r;
}

/* Takes whole lines off the buffer. */
static int handle_lines(struct follow *f, struct buf *b, struct err *e)
{
	int r = 0;
	char *nl;

	while (r == 0 && b->len && (nl = memchr(b->data, '\n', b->len))) {
		*nl = '\0';
		r = handle_line(f, b->data, e);
		buf_eat(b, (size_t)(nl - b->data) + 1);
	}
	if (b->len > LINE_MAX_BYTES)
		return err_set(e, EXIT_INTERNAL, "the host agent sent an event of more than %u bytes", LINE_MAX_BYTES);
	return r;
}

static int follow_loop(struct follow *f, int fd, int timeout_s, struct err *e)
{
	struct buf b = { 0 };
	int r = 0;

	while (r == 0) {
		int64_t left = f->start + (int64_t)timeout_s * 1000 - now_ms();
		struct pollfd p = { fd, POLLIN, 0 };
		char chunk[8192];
		ssize_t n;

		if (left <= 0) {
			r = err_set(e, EXIT_TRYAGAIN,
				    "the machine was not ready within %d s (last: %s); it goes on booting: 'make INSTANCE=%s status', "
				    "console in %s/serial.log, or give more with TIMEOUT=",
				    timeout_s, f->phase ? f->phase : "QEMU started", f->in->name, f->in->dir);
			break;
		}
		if (poll(&p, 1, (int)(left < 3600000 ? left : 3600000)) <= 0)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = STREAM_ENDED;
			break;
		}
		buf_add(&b, chunk, (size_t)n);
		r = handle_lines(f, &b, e);
	}
	buf_free(&b);
	return r;
}

/* A stream may break while the host agent lives; a new one tells everything again. */
static int follow_streams(struct follow *f, int timeout_s, struct err *e)
{
	char *ha_pid = instance_path(f->in, F_HA_PID);
	int r = STREAM_ENDED;

	while (r == STREAM_ENDED) {
		int fd = agent_events(f->in, e);

		if (fd < 0) {
			r = -1;
			break;
		}
		r = follow_loop(f, fd, timeout_s, e);
		close(fd);
		if (r == STREAM_ENDED && !lock_held(ha_pid, NULL))
			r = err_set(e, EXIT_UNAVAIL, "the host agent ended unexpectedly; run the same command again (log: %s/%s)",
				    f->in->dir, F_HA_STDERR);
	}
	free(ha_pid);
	return r < 0 ? -1 : 0;
}

int step_follow(const struct instance *in, int timeout_s, struct err *e)
{
	struct follow f = { .in = in, .start = now_ms() };
	int r = follow_streams(&f, timeout_s, e);

	free(f.phase);
	if (r == 0)
		say("READY after %.1f s. Run 'make%s%s shell' to open a shell", (double)(now_ms() - f.start) / 1000,
		    strcmp(in->name, "default") ? " INSTANCE=" : "", strcmp(in->name, "default") ? in->name : "");
	return r;
}
