/* job - a program run beside the loop: its input is given, its output collected within bounds, its time limited. */
#ifndef HOSTAGENT_JOB_H
#define HOSTAGENT_JOB_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

#define JOB_ERR_MAX 4096 /* the last bytes kept of standard error */

struct job;

struct job_result {
	int status;      /* as child_watch */
	bool timed_out;  /* it was killed because its time was over */
	const char *out; /* its standard output; valid during the call */
	size_t out_len;
	const char *err; /* its last lines on standard error, on one line */
};

struct job_spec {
	char *const *argv;
	const char *input; /* for standard input; NULL: /dev/null */
	size_t input_len;
	size_t out_max;    /* bytes of standard output kept, more is read and dropped; 0: output goes to /dev/null */
	int io_fd;         /* > 0: this is its standard input and output instead; the caller closes it afterwards */
	int timeout_s;     /* 0: no limit */
	bool die_with_us;
	void (*done)(void *arg, const struct job_result *r);
	void *arg;
};

/* Starts it. `done` is called once, unless the job is cancelled before. NULL and *e when it cannot be started. */
struct job *job_start(struct event_base *base, const struct job_spec *spec, struct err *e);
pid_t job_pid(const struct job *j);
/* Kills it (the whole process group, SIGKILL) and never calls `done`. NULL is fine. */
void job_cancel(struct job *j);
/* Asks it to end (SIGTERM); `done` comes as usual. */
void job_terminate(struct job *j);

#endif
