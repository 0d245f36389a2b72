/* clone - a second instance from a first one, and another name for one. */
#ifndef LIMA_CLONE_H
#define LIMA_CLONE_H

#include "err.h"
#include "instance.h"

/* Copies a stopped instance under another name; both locks must be held, `to` must not exist. Blocks are shared where the file system
 * can. The copy appears whole or not at all. It has an identity of its own: what holds the name, the path or the host key is not
 * copied and is made again by the next step_render or step_build, which must follow. */
int instance_clone(const struct instance *from, const struct instance *to, struct err *e);
/* Gives a stopped instance another name, with the same rules. */
int instance_rename(const struct instance *from, const struct instance *to, struct err *e);

#endif
