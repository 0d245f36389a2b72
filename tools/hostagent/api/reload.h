/* reload - an agent.conf that changed while the machine runs: what of it holds already, and what waits for a restart. */
#ifndef HOSTAGENT_RELOAD_H
#define HOSTAGENT_RELOAD_H

#include "err.h"

struct agent;

/* Reads agent.conf again and compares it with the one that the machine was started with (or taken over with). Returns
 * {"applied":[KEY...],"restart":[KEY...]}; the caller frees it. The second list is also kept, for /v1/info. NULL: it cannot be
 * read. */
char *reload(struct agent *a, struct err *e);

#endif
