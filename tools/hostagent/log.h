/* log - the host agent's log: one JSON object a line on standard error (DIR/ha.stderr.log):
 *
 *   {"level":"info","msg":"...","time":"2026-01-02T15:04:05.123+09:00"}
 *
 * Levels: debug (only with --debug), info, warning, error, fatal.
 */
#ifndef HOSTAGENT_LOG_H
#define HOSTAGENT_LOG_H

#include <stdbool.h>
#include <stdint.h>

void log_debug_on(bool on);
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For messages that a guest or another program can cause at will: at most 20 in 10 s of each limiter; what was
 * dropped is counted in the next one that passes. A zeroed struct is ready. */
struct log_limit {
	int64_t since; /* mono_ms at the start of the window */
	unsigned count, dropped;
};
void log_limited(struct log_limit *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
