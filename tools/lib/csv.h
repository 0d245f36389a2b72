/* csv - one record of comma separated values, as the list flags of limactl take it (RFC 4180, read as Go does). */
#ifndef LIMA_CSV_H
#define LIMA_CSV_H

#include "buf.h"
#include "err.h"

/* Splits at commas; a field in double quotes may have commas, and "" in it is one quote. Adds the fields to *out: none for an empty
 * text, an empty one for nothing between two commas. EXIT_USAGE with "parse error on line 1, column N: reason". */
int csv_record(const char *text, struct strv *out, struct err *e);

#endif
