/* qmp - a client of QEMU's machine protocol on a connected unix socket.
 *
 * QEMU sends JSON objects, one a line: a greeting ({"QMP":...}), replies ({"return":...,"id":n} or {"error":...}) in
 * the order of the commands, and between them events ({"event":"SHUTDOWN","data":{...}}). See docs/interop/qmp-spec
 * of QEMU.
 */
#ifndef HOSTAGENT_QMP_H
#define HOSTAGENT_QMP_H

#include <cjson/cJSON.h>
#include <event2/event.h>
#include <stddef.h>

#define QMP_LINE_MAX (256u << 10)
#define QMP_PENDING_MAX 64
#define QMP_CLOSED "it closed the connection" /* why a connection ended when QEMU closed it */

struct qmp;

struct qmp_calls {
	void (*ready)(void *arg);                                     /* greeted, capabilities agreed */
	void (*event)(void *arg, const char *name, const cJSON *data); /* data may be NULL */
	/* The connection is over; why is a clause for a message. The client is useless then, but still to be freed (not
	 * within this call). */
	void (*ended)(void *arg, const char *why);
	void *arg;
};

/* Takes the connected socket over. */
struct qmp *qmp_new(struct event_base *base, int fd, const struct qmp_calls *calls);
/* Sends a command; takes args (may be NULL) over. `reply` (may be NULL) gets either the value of "return" or an
 * error text; it is not called when the connection ends before. Returns -1 when too many commands wait or the
 * connection is over. */
int qmp_send(struct qmp *q, const char *command, cJSON *args,
	     void (*reply)(void *arg, const cJSON *ret, const char *error), void *arg);
void qmp_free(struct qmp *q);

/* From the text of the monitor command "info usernet": the host port that is forwarded to port 22 of the guest, 0 when
 * there is none. The lines look like
 *   TCP[HOST_FORWARD]  13       127.0.0.1 37217    192.168.5.15    22     0     0 */
int usernet_ssh_port(const char *text);

#endif
