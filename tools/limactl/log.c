/* log - see log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "utf8.h"

#define FIELDS_MAX 16

/* The names of levels: in the field, on a terminal, and its colour there. */
static const struct {
	const char *name, *shout;
	int colour;
} levels[] = {
	[LOG_PANIC] = { "panic", "PANI", 31 }, [LOG_FATAL] = { "fatal", "FATA", 31 }, [LOG_ERROR] = { "error", "ERRO", 31 },
	[LOG_WARN] = { "warning", "WARN", 33 }, [LOG_INFO] = { "info", "INFO", 36 },  [LOG_DEBUG] = { "debug", "DEBU", 37 },
	[LOG_TRACE] = { "trace", "TRAC", 37 },
};

static enum log_level max_level = LOG_INFO;
static bool as_json;
static struct timespec start;

int log_level_parse(const char *word)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (!strcasecmp(word, levels[i].name) || (i == LOG_WARN && !strcasecmp(word, "warn")))
			return (int)i;
	return -1;
}

int log_setup(const char *level, const char *format, bool debug, struct err *e)
{
	int wanted = *level ? log_level_parse(level) : (int)(debug ? LOG_DEBUG : LOG_INFO);

	if (!start.tv_sec)
		clock_gettime(CLOCK_MONOTONIC, &start);
	if (wanted < 0)
		return err_set(e, EXIT_NO, "not a valid logrus Level: %s", qq(level));
	if (*format && strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
		return err_set(e, EXIT_NO, "unsupported log-format: %s", q(format));
	max_level = (enum log_level)wanted;
	as_json = !strcmp(format, "json");
	return 0;
}

enum log_level log_level(void)
{
	return max_level;
}

/* RFC 3339 with the offset of the local zone; 40 bytes. */
static void now(char *out)
{
	time_t t = time(NULL);
	struct tm tm;
	size_t n;

	localtime_r(&t, &tm);
	n = strftime(out, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	if (tm.tm_gmtoff == 0)
		snprintf(out + n, 40 - n, "Z");
	else
		snprintf(out + n, 40 - n, "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+', labs(tm.tm_gmtoff) / 3600,
			 labs(tm.tm_gmtoff) / 60 % 60);
}

/* A value: bare when nobody can misread it. */
static void add_value(struct buf *out, const char *s)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+";

	if (s[strspn(s, harmless)])
		quote_add(out, s);
	else
		buf_adds(out, s);
}

static void write_text(struct buf *out, enum log_level level, const char *msg, const char *const *field, size_t n)
{
	char time[40];

	now(time);
	buf_addf(out, "time=\"%s\" level=%s", time, levels[level].name);
	if (*msg) {
		buf_adds(out, " msg=");
		add_value(out, msg);
	}
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, " %s=", field[2 * i]);
		add_value(out, field[2 * i + 1]);
	}
}

static void write_terminal(struct buf *out, enum log_level level, const char *msg, const char *const *field, size_t n)
{
	size_t len = strlen(msg);
	int colour = levels[level].colour;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (len && msg[len - 1] == '\n')
		len--;
	buf_addf(out, "\033[%dm%s\033[0m[%04ld] %-44.*s ", colour, levels[level].shout, (long)(t.tv_sec - start.tv_sec), (int)len,
		 msg);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, " \033[%dm%s\033[0m=", colour, field[2 * i]);
		add_value(out, field[2 * i + 1]);
	}
}

/* A JSON text as Go writes it: what HTML could misread is escaped. */
static void add_json(struct buf *out, const char *s)
{
	struct buf plain = { 0 };

	json_string(&plain, s);
	for (const char *p = buf_str(&plain); *p; p++) {
		if (strchr("<>&", *p))
			buf_addf(out, "\\u%04x", *p);
		else
			buf_addc(out, *p);
	}
	buf_free(&plain);
}

static void write_json(struct buf *out, enum log_level level, const char *msg, const char *const *field, size_t n)
{
	const char *all[2 * (FIELDS_MAX + 3)];
	char time[40];
	size_t at = 0;

	now(time);
	if (n)
		memcpy(all, field, 2 * n * sizeof(*field));
	all[2 * n] = "level";
	all[2 * n + 1] = levels[level].name;
	all[2 * n + 2] = "msg";
	all[2 * n + 3] = msg;
	all[2 * n + 4] = "time";
	all[2 * n + 5] = time;
	/* Each time the smallest key that is left. */
	for (const char *last = ""; at < n + 3; at++) {
		size_t least = n + 3;

		for (size_t i = 0; i < n + 3; i++)
			if (strcmp(all[2 * i], last) > 0 && (least == n + 3 || strcmp(all[2 * i], all[2 * least]) < 0))
				least = i;
		if (least == n + 3)
			break;
		last = all[2 * least];
		buf_adds(out, at ? "," : "{");
		add_json(out, last);
		buf_addc(out, ':');
		add_json(out, all[2 * least + 1]);
	}
	buf_addc(out, '}');
}

void log_fields(enum log_level level, const char *msg, const char *const *field, size_t n)
{
	const char *sorted[2 * FIELDS_MAX] = { NULL };
	struct buf line = { 0 };

	if (level > max_level)
		return;
	if (n > FIELDS_MAX)
		n = FIELDS_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		for (; k > 0 && strcmp(sorted[2 * k - 2], field[2 * i]) > 0; k--)
			memcpy(&sorted[2 * k], &sorted[2 * k - 2], 2 * sizeof(*sorted));
		sorted[2 * k] = field[2 * i];
		sorted[2 * k + 1] = field[2 * i + 1];
	}
	if (as_json)
		write_json(&line, level, msg, sorted, n);
	else if (isatty(STDERR_FILENO))
		write_terminal(&line, level, msg, sorted, n);
	else
		write_text(&line, level, msg, sorted, n);
	buf_addc(&line, '\n');
	/* In one piece: other processes write there too. */
	if (fd_write_all(STDERR_FILENO, line.data, line.len) < 0) {
		/* nobody is left to be told */
	}
	buf_free(&line);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;
	int n;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text.cap = (size_t)n + 1;
	text.data = xmalloc(text.cap);
	va_start(ap, fmt);
	text.len = (size_t)vsnprintf(text.data, text.cap, fmt, ap);
	va_end(ap);
	log_fields(level, text.data, NULL, 0);
	buf_free(&text);
}

void log_with(enum log_level level, const char *msg, ...)
{
	const char *field[2 * FIELDS_MAX] = { NULL };
	size_t n = 0;
	va_list ap;

	va_start(ap, msg);
	for (const char *key; n < FIELDS_MAX && (key = va_arg(ap, const char *)); n++) {
		field[2 * n] = key;
		field[2 * n + 1] = va_arg(ap, const char *);
	}
	va_end(ap);
	log_fields(level, msg, field, n);
}
