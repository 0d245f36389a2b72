/* out_text - text of others inside texts of ours: quoting for YAML, shell and ini-like readers, and what may be
 * quoted. */
#ifndef LIMA_OUT_TEXT_H
#define LIMA_OUT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Whether it is one line of printable text: valid UTF-8 without control characters (blanks are fine, tabs are not). */
bool text_is_printable(const char *s);
/* Whether it has only printable ASCII, blanks included. */
bool text_is_ascii(const char *s);

/* Appends `s`, valid UTF-8, as a double-quoted YAML scalar on one line. Every reader of YAML 1.1 and 1.2 gives exactly
 * `s` back, and no reader of lines sees more than one. */
void yaml_quoted(struct buf *out, const char *s);
/* The same, but plain when that means the same to every reader: a letter, then letters, digits, '_', '-', '/', '+', and
 * at least one digit or '/' so that it is no word like "no" or "null". For the line parsers of small guests. */
void yaml_word(struct buf *out, const char *s);
/* Appends the lines of `text` (printable ASCII) as the content of a "|" scalar, each behind `indent` blanks. */
void yaml_lines(struct buf *out, const char *text, int indent);

/* Appends `s` as one word of a POSIX shell: 'text', a quote as '\''. */
void shell_quoted(struct buf *out, const char *s);

#endif
