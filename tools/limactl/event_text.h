/* event_text - an event of a host agent in words, for `limactl watch`. Source: spec/cli.md sections 8.22 and 9.5. */
#ifndef LIMACTL_EVENT_TEXT_H
#define LIMACTL_EVENT_TEXT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "buf.h"

/* What was told of an instance so far: events repeat what is still true. Zeroed at the start. */
struct event_memory {
	bool running, degraded;
	int ssh_port;
	char *part[3]; /* the last portForward, cloudInitProgress, vsock */
};
void event_memory_free(struct event_memory *m);

/* Adds what is new in an event ({"time":...,"status":{...}}), one text for each thing. */
void event_texts(struct event_memory *m, const cJSON *event, struct strv *texts);
/* Adds its time in the local zone, "2026-11-21 09:57:24"; the present when the event tells none. */
void event_time(const cJSON *event, struct buf *out);

#endif
