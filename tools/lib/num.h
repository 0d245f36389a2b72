/* num - strict, bounded numbers and sizes (lima.yaml section "Sizes" of the man page lima.yaml.5). */
#ifndef LIMA_NUM_H
#define LIMA_NUM_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* A decimal number min..max without sign, blanks or other decoration. `what` names it in the message. */
int num_parse(const char *text, uint64_t min, uint64_t max, const char *what, uint64_t *ret, struct err *e);

/* A size: NUMBER[ ][SUFFIX], suffix (any case) b, k, m, g, t, p, each optionally with b or ib; all are powers
 * of 1024. The number may have a fraction and an exponent; the result is truncated to whole bytes.
 * Refused: negative, NaN, infinite, 2^63 bytes and more. */
int size_parse(const char *text, const char *what, uint64_t *ret, struct err *e);

/* "4GiB", "3.877GiB", "0B": divided by 1024 while >= 1024, printed with %.4g. `out` has at least 32 bytes. */
void size_format(uint64_t bytes, char *out, size_t n);

#endif
