/* life - what the commands on one machine's life share: finding it, starting and stopping it with the words of limactl.
 *
 * The work is done by the steps of tools/instance; the messages, and what is an error, are Lima's (spec/cli.md sections 8 and 13).
 */
#ifndef LIMACTL_LIFE_H
#define LIMACTL_LIFE_H

#include <stdbool.h>

#include "command.h"
#include "instance/instance.h"

#define START_TIMEOUT_S 600

/* Lima's word for a state: "Running" (also while it starts, stops, or is degraded), "Stopped", "Broken". */
const char *life_status(enum state s);
/* The state of an instance in one word, as far as locks and sockets tell it. */
enum state life_state(const struct instance *in);
/* Opens an instance that must exist; else "open DIR/lima.yaml: no such file or directory". instance_close afterwards. */
int life_open(const char *name, struct instance *in, struct err *e);
/* name_check_instance with Lima's words. */
int life_check_name(const char *name, struct err *e);
/* Whether the sockets of an instance of that name have room for their paths. */
int life_check_path(const char *name, struct err *e);
/* The command that opens a shell in it: "lima" for default. The caller frees it. */
char *life_shell_command(const struct instance *in);

struct start_options {
	int timeout_s;     /* 0: the default */
	bool foreground;   /* become the host agent */
	bool progress;     /* tell the steps of the guest's boot too */
	bool quiet_ready;  /* no READY line and no message of the template */
	const struct buf *text; /* the description of a new instance; NULL: it exists */
};
/* Brings an instance up and waits until it is ready. Takes its lock when it is not held, and releases it while it waits. */
int life_start(struct instance *in, const struct start_options *o, struct err *e);
/* Stops it; a running one only, unless forced. The lock must be held. */
int life_stop(struct instance *in, bool force, struct err *e);

/* What the host agent logs while we wait becomes our log, with "[hostagent] " in front. */
struct relay {
	int fd, watch; /* -1: nothing to relay */
	char *path;
	struct buf text;
};
/* From the log's beginning, or only what is new. */
void relay_open(struct relay *r, const struct instance *in, bool from_start);
void relay_read(void *relay);
void relay_close(struct relay *r);

/* The template's message for people, expanded; "" when there is none. The caller frees it. */
char *life_message(const struct instance *in);

/* --- questions (ask.c) --- */

/* Whether there is somebody to ask: --tty, and standard input is a terminal. */
bool can_ask(const struct ctl *c);
/* A question that is answered by yes or no; Enter means `fallback`. The end of the input means no. */
bool ask_yes(const char *question, bool fallback);
/* One of the choices (NULL-ended), by its number; Enter means the first. -1 when the input ends. */
int ask_choice(const char *question, const char *const *choices);

#endif
