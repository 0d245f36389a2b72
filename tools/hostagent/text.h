/* text - bytes from a guest or a child made fit for logs, JSON and terminals. */
#ifndef HOSTAGENT_TEXT_H
#define HOSTAGENT_TEXT_H

#include <stddef.h>
#include <time.h>

#include "buf.h"

/* A copy of at most `max` bytes in which every control character and every byte that is not valid UTF-8 is a '?' (a
 * tabulator a blank). Cut at a character boundary. The caller frees it. */
char *text_clean(const char *s, size_t n, size_t max);

/* "2026-01-02T15:04:05.123456789+09:00" (RFC 3339, local zone; trailing zeros of the fraction dropped). */
#define TIME_TEXT 48
void text_time(const struct timespec *t, char out[TIME_TEXT]);

/* The last lines of a child's output, for error messages: a window of at most `max` bytes that begins at a line. */
struct tail {
	struct buf text;
	size_t max;
};
void tail_add(struct tail *t, const char *data, size_t n);
/* The window's lines joined by "; ", cleaned. The caller frees it. */
char *tail_oneline(const struct tail *t);
void tail_free(struct tail *t);

#endif
