/* out_instance - the whole way from DIR/lima.yaml to the derived files. */
#ifndef LIMA_OUT_INSTANCE_H
#define LIMA_OUT_INSTANCE_H

#include "diag.h"
#include "err.h"

/* Reads DIR/lima.yaml and what belongs to it, makes missing keys, writes what changed. -1 with errors in `d` (the
 * document is wrong: nothing was written but perhaps keys), or with `e` set. */
int instance_render(const char *dir, struct diag *d, struct err *e);

#endif
