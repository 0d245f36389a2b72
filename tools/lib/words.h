/* words - a command line from a variable ($SSH, $QEMU_SYSTEM_*) taken apart as a shell would. */
#ifndef LIMA_WORDS_H
#define LIMA_WORDS_H

#include "buf.h"
#include "err.h"

/* Splits `text` at blanks, honouring '...', "..." and backslash as POSIX sh does; nothing is expanded: "$x" and "*"
 * are plain text. Appends the words to `out`. A quote that is not closed, or a backslash at the end, is an error
 * (EXIT_USAGE) that names `what`. */
int words_split(const char *text, const char *what, struct strv *out, struct err *e);

#endif
