/* events - the history of one run: JSON lines on standard output (DIR/ha.stdout.log) and for followers of ha.sock.
 *
 *   {"time":"<RFC 3339>","status":{...}}
 *
 * Fields of status, left out when false, 0 or empty (lima-hostagent(8) has the list): running degraded exiting errors
 * sshLocalPort phase step portForward. The last event of a run has exiting.
 */
#ifndef HOSTAGENT_EVENTS_H
#define HOSTAGENT_EVENTS_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* Lines kept for new followers; the oldest go first. Most of what a busy host agent grows by in its first minutes is this, about
 * 200 KiB of usual lines; then it stays as it is. */
#define EVENTS_KEEP 1024
#define EVENTS_KEEP_BYTES (1u << 20)

struct events {
	char *line[EVENTS_KEEP]; /* a ring */
	size_t first, n, bytes;
	/* Called with each new line (with its newline). */
	void (*follow)(void *arg, const char *line);
	void *arg;
};

/* The line of an event that happens now; takes `status` over. The caller frees it. */
char *events_text(cJSON *status);
/* Sends an event; takes `status` over. */
void events_emit(struct events *ev, cJSON *status);
/* The i-th kept line, 0 = the oldest; NULL behind the last. */
const char *events_line(const struct events *ev, size_t i);
void events_free(struct events *ev);

#endif
