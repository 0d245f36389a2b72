/* beneath - files of ours in a folder that a guest can write to at the same time. It may put links, pipes and devices in
 * the way, and swap them while we look; nothing outside the folder is read, made or changed because of that. */
#ifndef HOSTAGENT_BENEATH_H
#define HOSTAGENT_BENEATH_H

#include <stddef.h>

#include "err.h"

/* Replaces the file `rest` (a relative path) below `root`, mode 0600; makes the folders that are missing. */
int beneath_write(const char *root, const char *rest, const void *data, size_t n, struct err *e);
/* Removes it. That it is not there is no error. */
int beneath_unlink(const char *root, const char *rest, struct err *e);

#endif
