/* session - what one run of lima-fetch was told, and what it has learnt. */
#ifndef LIMA_FETCH_SESSION_H
#define LIMA_FETCH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

#define FETCH_SIZE_MAX (64ull << 30) /* bytes of one download, and of what it unpacks to */
#define FETCH_STALL_S 30u
#define FETCH_RETRIES 4u
#define FETCH_BACKOFF_MAX_S 30u

struct session {
	bool offline, quiet;
	bool alternative;   /* another location will be tried when this one's host cannot be reached */
	uint64_t max_size;  /* FETCH_SIZE_MAX */
	unsigned stall_s;   /* FETCH_STALL_S */
	unsigned retries;   /* FETCH_RETRIES */
	const char *arch;   /* for recipes */
	struct strv dead;     /* hosts that could not be reached, and for each */
	struct strv dead_why; /* "cannot reach HOST (REASON)" */
};

/* Whether that host (HOST or HOST:PORT) was found to be out of reach. */
bool session_dead(const struct session *se, const char *host);

#endif
