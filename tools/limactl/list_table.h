/* list_table - the table of `limactl list`, with the columns that fit. */
#ifndef LIMACTL_LIST_TABLE_H
#define LIMACTL_LIST_TABLE_H

#include "inspect.h"

/* `width`: of the terminal; 0: all columns are shown. Source: spec/cli.md section 8.7. */
void list_table(const struct inspection *v, size_t n, int width, struct buf *out);

#endif
