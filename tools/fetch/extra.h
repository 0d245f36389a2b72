/* extra - the other files of an instance: the first of a list in image.conf that can be had. */
#ifndef LIMA_FETCH_EXTRA_H
#define LIMA_FETCH_EXTRA_H

#include <stdbool.h>

#include "err.h"
#include "fetch/session.h"

/* Goes through LIST.0.location, LIST.1.location, ... of DIR/.make/image.conf (instance_files.h; LIST is nerdctl or
 * firmware) and puts the first one that can be had at `output`. When none can, *e has the reason of each. */
int extra_fetch(struct session *se, const char *dir, const char *list, const char *output, bool decompress, struct err *e);

#endif
