/* ports - puts port forwarding (forward.h) into the host agent: its events, the guest's frames, and ssh. */
#ifndef HOSTAGENT_PORTS_H
#define HOSTAGENT_PORTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "kv.h"
#include "wire.h"

struct agent;
struct ssh_request;

struct ports {
	struct forward *fw;
	struct ssh_request *first; /* what ssh is still to be asked for, in order */
	size_t waiting;
	struct job *job; /* for the first one */
};

/* The SSH port is known: reads the rules. Anew for each boot of the guest. */
void ports_start(struct agent *a);
/* The rules have changed to those of `conf`. -1: they make no sense, and the old ones stay. */
int ports_reload(struct agent *a, const struct kv *conf, struct err *e);
/* Logging in works, so ssh can be asked. */
void ports_ssh_ready(struct agent *a);
/* A session with the guest agent begins or is over. */
void ports_guest_up(struct agent *a);
void ports_guest_gone(struct agent *a);
void ports_frame(struct agent *a, const struct wire_frame *f);
/* Closes all listeners. */
void ports_stop(struct agent *a);
/* For /v1/info; adds its members to `info`. */
void ports_json(const struct agent *a, cJSON *info);

#endif
