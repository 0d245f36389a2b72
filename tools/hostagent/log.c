/* log - see log.h. A line is built whole and written at once, so that lines of several writers do not mix. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "logfile.h"
#include "oswatch.h"
#include "text.h"
#include "utf8.h"

#define LOG_LINE_MAX 8192
#define LIMIT_WINDOW_MS 10000
#define LIMIT_COUNT 20

static bool debug_on;

void log_debug_on(bool on)
{
	debug_on = on;
}

static void emit(const char *level, const char *fmt, va_list ap)
{
	char raw[LOG_LINE_MAX], when[TIME_TEXT];
	struct buf line = { 0 };
	struct timespec now;
	char *msg;

	vsnprintf(raw, sizeof(raw), fmt, ap);
	msg = text_clean(raw, strlen(raw), sizeof(raw));
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_nsec -= now.tv_nsec % 1000000;
	text_time(&now, when);
	buf_addf(&line, "{\"level\":\"%s\",\"msg\":", level);
	json_string(&line, msg);
	buf_addf(&line, ",\"time\":\"%s\"}\n", when);
	if (logfile_write(STDERR_FILENO, line.data, line.len) < 0) {
		/* There is nowhere left to say it. */
	}
	free(msg);
	buf_free(&line);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit("info", fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit("warning", fmt, ap);
	va_end(ap);
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit("error", fmt, ap);
	va_end(ap);
}

void log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit("fatal", fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!debug_on)
		return;
	va_start(ap, fmt);
	emit("debug", fmt, ap);
	va_end(ap);
}

void log_limited(struct log_limit *l, const char *fmt, ...)
{
	int64_t now = mono_ms();
	va_list ap;

	if (now - l->since > LIMIT_WINDOW_MS) {
		if (l->dropped)
			log_warn("%u similar messages were left out", l->dropped);
		*l = (struct log_limit){ .since = now };
	}
	if (++l->count > LIMIT_COUNT) {
		l->dropped++;
		return;
	}
	va_start(ap, fmt);
	emit("warning", fmt, ap);
	va_end(ap);
}
