/* cache - answers of the probe that stay true until QEMU, its arguments, /dev/kvm or the boot changes. */
#ifndef LIMA_PROBE_CACHE_H
#define LIMA_PROBE_CACHE_H

#include <stdbool.h>

#include "buf.h"
#include "probe.h"

/* Where an answer is kept, and what must be the same for it to hold. */
struct cache_slot {
	char *path; /* NULL: there is no place for a cache (no HOME) */
	char *key;
};

/* Looks at the program's file, the boot id and /dev/kvm. cache_free afterwards. */
void cache_slot(const struct probe_arch *arch, const char *accel, const struct probe_qemu *q, struct cache_slot *s);
/* Appends the kept answer to `out`; false when there is none that holds. */
bool cache_get(const struct cache_slot *s, struct buf *out);
/* Keeps an answer, atomically. A cache that cannot be written is no error: the next run asks again. */
void cache_put(const struct cache_slot *s, const struct buf *answer);
void cache_free(struct cache_slot *s);

#endif
