/* instance - the image of an instance directory: basedisk, kernel, kernel.cmdline, initrd. */
#ifndef LIMA_FETCH_INSTANCE_H
#define LIMA_FETCH_INSTANCE_H

#include "err.h"
#include "fetch/session.h"

/* Goes through the images of DIR/.make/image.conf (instance_files.h); the first one of which everything can be had
 * gives the files. basedisk comes last. Does nothing when there is a basedisk, diffdisk or disk. When no image can be
 * had *e has the reason of each, with the code of the last. */
int instance_fetch(struct session *se, const char *dir, struct err *e);

#endif
