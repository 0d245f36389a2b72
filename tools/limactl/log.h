/* log - messages on standard error in the three forms that limactl is known for (logrus): text, text for a terminal, JSON.
 *
 *   time="2026-11-21T08:57:24Z" level=warning msg="some text" key=value
 *
 * Source: spec/cli.md section 2.
 */
#ifndef LIMACTL_LOG_H
#define LIMACTL_LOG_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

enum log_level { LOG_PANIC, LOG_FATAL, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

/* Sets the level ("" = info) and the format ("text" or "json"); EXIT_NO for words that are none. */
int log_setup(const char *level, const char *format, bool debug, struct err *e);
enum log_level log_level(void);
/* The level that a word of the "level" field means ("warning", "INFO"); -1 for none. */
int log_level_parse(const char *word);

void log_msg(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* With fields: key, value, key, value, ..., NULL behind the message. */
void log_with(enum log_level level, const char *msg, ...) __attribute__((sentinel));
/* The same, from a list of 2 * n texts. */
void log_fields(enum log_level level, const char *msg, const char *const *field, size_t n);
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_msg(LOG_ERROR, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_DEBUG, __VA_ARGS__)

/* s in the quotes of Go's %#q, as almost every name in a message is: `s`, or "s" with escapes when it has a backquote or
 * a control character. qq is Go's %q: always "s". Eight results of the two may be in use at once (quote.c). */
const char *q(const char *s);
const char *qq(const char *s);
void quote_add(struct buf *out, const char *s); /* appends qq(s) */

#endif
