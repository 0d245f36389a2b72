/* version - comparing the versions that lima.yaml names. */
#ifndef LIMA_VERSION_H
#define LIMA_VERSION_H

#include <stdbool.h>

/* Reads "X.Y.Z"; a leading 'v', what follows a '-' and a trailing ".m" are not looked at. */
bool version_parse(const char *text, unsigned v[3]);
/* Whether a < b; what is no version is newer than everything. */
bool version_less(const char *a, const char *b);

#endif
