/* agent - the state of one host agent, shared by its modules, and what they tell each other.
 *
 * One thread, one event loop. agent.c drives it: lock, configuration, machine, end. machine.c owns QEMU, ga.c the
 * channel to the guest agent, boot.c decides how far the guest is, probes.c and mounts.c do their part of that,
 * stop.c ends it all in order, http.c answers on ha.sock.
 */
#ifndef HOSTAGENT_AGENT_H
#define HOSTAGENT_AGENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot.h"
#include "console.h"
#include "err.h"
#include "events.h"
#include "ga.h"
#include "inotify.h"
#include "kv.h"
#include "lock.h"
#include "machine.h"
#include "mounts.h"
#include "ports.h"
#include "probes.h"
#include "pulse.h"
#include "screenshot.h"
#include "stop.h"
#include "tasks.h"
#include "tpm.h"
#include "vnc.h"

/* Time limits in seconds, changed by options. */
struct agent_options {
	int notify_fd;      /* -1: none */
	int qmp_timeout_s;  /* until QEMU answers on qmp.sock */
	const char *auto_started; /* the unit of the service manager that started us; NULL: none */
	int stop_timeout_s; /* until a guest that was asked to power off has done so */
};

enum agent_state { STATE_STARTING, STATE_RUNNING, STATE_STOPPING };

struct agent {
	struct event_base *base;
	struct agent_options opt;
	char *dir;    /* absolute path of the instance; it is also the working directory */
	mode_t umask; /* that the user gave us; ours is 077 */
	struct kv conf;
	struct lock lock;
	bool plain;
	enum agent_state state;
	int ssh_port; /* 0: not known yet */
	struct events events;
	struct machine m;
	struct ga ga;
	struct boot boot;
	struct probes probes;
	struct mounts mounts;
	struct inotify inotify;
	struct ports ports;
	struct tasks tasks;
	struct stop stop;
	struct console console;
	struct pulse pulse;
	struct vnc vnc;
	struct tpm tpm;
	struct screenshots screenshots;
	cJSON *pending; /* keys of agent.conf that wait for a restart; NULL: none are known */
	struct http *http;
	struct dns_guest *dns; /* NULL: not wanted */
	struct event *signals[4], *clock;
	int clock_fd;
	int exit_code;
};

/* Runs the instance in `dir` to its end; the exit status of the program. */
int agent_run(const char *dir, const struct agent_options *opt);

/* The machine answers on QMP and its SSH port is known. */
void agent_machine_up(struct agent *a);
/* QEMU has ended (or could not be used: then it was killed). `why` is a sentence for users, `status` an exit status
 * as of child_watch. `ok`: the end was wanted, by us or by the guest. */
void agent_machine_ended(struct agent *a, bool ok, int status, const char *why);
/* Adds every text of what is wrong now: what the boot left, and what the machine has. */
void agent_problems(const struct agent *a, struct strv *out);
/* An event with the level fields (running, degraded, sshLocalPort, phase) filled in. */
cJSON *agent_status(const struct agent *a);
const char *agent_state_name(const struct agent *a);

#endif
