/* machine_events - what QEMU tells by itself, and what it means: how the machine is, and what is wrong with it. */
#ifndef HOSTAGENT_MACHINE_EVENTS_H
#define HOSTAGENT_MACHINE_EVENTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "buf.h"

struct agent;

/* An event of QMP; arg is the struct agent. */
void machine_on_event(void *arg, const char *name, const cJSON *data);
/* The answer to query-status. A change between running and standing still is told in an event. */
void machine_run_state(struct agent *a, const cJSON *ret, const char *error);
/* Asks for it. */
void machine_look(struct agent *a);
/* Whether the guest stands still: it was paused, or QEMU paused it. */
bool machine_paused(const struct agent *a);
/* Adds a text for everything that is wrong with the machine now, each with what to do about it. */
void machine_problems(const struct agent *a, struct strv *out);
/* Lets a paused machine go on; -1: QEMU cannot be asked. */
int machine_resume(struct agent *a);

#endif
