/* buf - growing byte strings and lists of strings, and allocation that does not fail.
 *
 * A `struct buf` is always NUL-terminated once something was added; `buf_str` gives "" before that, so it
 * is never NULL. A zeroed struct is an empty buffer. buf_free returns it to that state.
 */
#ifndef LIMA_BUF_H
#define LIMA_BUF_H

#include <stddef.h>
#include <sys/types.h>

/* Like malloc, realloc, strdup; when there is no memory they print one line and exit (EXIT_UNAVAIL). */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
/* A formatted string; the caller frees it. */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct buf {
	char *data;
	size_t len; /* bytes used, without the terminator */
	size_t cap;
};

void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text; "" for an empty buffer. Valid until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the memory to the caller (never NULL) and leaves an empty buffer. */
char *buf_detach(struct buf *b);
/* Drops the first n bytes (n <= len). */
void buf_eat(struct buf *b, size_t n);
void buf_free(struct buf *b);

/* A list of strings that it owns; v[n] is NULL, so that `v` works as an argv. Zeroed = empty. */
struct strv {
	char **v;
	size_t n;
};

void strv_add(struct strv *s, const char *text);
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_free(struct strv *s);

#endif
