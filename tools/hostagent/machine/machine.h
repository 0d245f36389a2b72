/* machine - the QEMU process of the instance: found or started, listened to, ended.
 *
 * We bind qmp.sock and ga.sock and hand the listening sockets to QEMU as descriptors 3 and 4, so connecting needs no
 * waiting. A QEMU outlives a killed host agent; the next one finds it on qmp.sock and takes it over.
 */
#ifndef HOSTAGENT_MACHINE_H
#define HOSTAGENT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "hostagent/log.h"
#include "hostagent/text.h"

struct agent;

struct machine {
	struct child *child;
	pid_t pid;
	bool adopted;
	bool up;             /* QMP was agreed and, unless a user-v2 network has it, the SSH port is known */
	bool end_wanted;     /* we told it to end */
	bool guest_ended;    /* the guest powered itself off */
	bool kvm;
	char run_state[32];  /* as query-status calls it: running, paused, io-error, ... */
	char shutdown_reason[48];
	char disk_reason[128]; /* why a disk failed last */
	unsigned disk_errors;
	int64_t started_ms;  /* mono_ms */
	char *fail;          /* why we gave it up; NULL = we did not */
	struct qmp *qmp;
	struct event *timer; /* waiting for QMP, or before connecting again */
	unsigned queries;    /* replies that are still missing before it is up */
	struct event *ev_err;
	struct tail err;
	char err_line[1024];
	size_t err_len;
	struct log_limit err_limit;
};

/* Takes over the QEMU of this instance when one runs, else starts one. Errors: EXIT_TRYAGAIN when a QEMU runs that
 * cannot be reached or the disk is in use, EXIT_UNAVAIL, EXIT_BADDATA. */
int machine_start(struct agent *a, struct err *e);
/* ACPI power button; a machine without QMP gets SIGTERM, which makes QEMU end. */
void machine_powerdown(struct agent *a);
/* Ends QEMU without asking the guest; its disk caches are flushed. */
void machine_quit(struct agent *a);
void machine_kill(struct agent *a);
void machine_free(struct agent *a);

#endif
