/* follow - the events of a host agent until its machine is ready, or it is known that it will not be. */
#ifndef LIMA_FOLLOW_H
#define LIMA_FOLLOW_H

#include "buf.h"
#include "err.h"
#include "instance.h"

enum follow_end {
	FOLLOW_READY,
	FOLLOW_DEGRADED, /* it is up, but not as described */
	FOLLOW_EXITED,   /* the machine ended */
	FOLLOW_PAUSED,   /* it stands still */
	FOLLOW_LATE,     /* the time is up */
};

struct follow {
	/* What is told on the way; each may be NULL. A phase or a step of the guest's boot is told once. */
	void (*on_port)(void *arg, int port);
	void (*on_phase)(void *arg, const char *phase, double seconds);
	void (*on_step)(void *arg, const char *step);
	/* Called when `watch` is readable; no watch: -1. */
	void (*on_watch)(void *arg);
	int watch;
	void *arg;
	int timeout_s;

	/* The answer. follow_free afterwards. */
	enum follow_end end;
	char *errors;   /* why it is degraded or has ended, joined by "; "; never NULL after follow_events */
	char *phase;    /* the last one; NULL = none */
	double seconds; /* how long it took */
	int port;
	char *step;
};

/* -1 only when the host agent cannot be asked, or ended without a word. */
int follow_events(const struct instance *in, struct follow *f, struct err *e);
void follow_free(struct follow *f);

#endif
