/* utf8 - characters of UTF-8 texts (RFC 3629), and texts as JSON strings (RFC 8259). */
#ifndef LIMA_UTF8_H
#define LIMA_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* The length of the character at s, of at most n > 0 bytes, and the character: the shortest form only, no surrogates, nothing
 * beyond U+10FFFF. 0 when it is malformed. */
size_t utf8_next(const char *s, size_t n, uint32_t *ret);
bool utf8_valid(const char *s, size_t n);

/* Appends s as a JSON string with its quotes, in printable characters; a byte that is malformed becomes U+FFFD. */
void json_string(struct buf *out, const char *s);
/* The same for those who let fewer characters stand as they are: the others are written by their number. */
void json_string_of(struct buf *out, const char *s, bool (*as_is)(uint32_t c));

#endif
