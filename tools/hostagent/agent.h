/* agent - the state of one host agent, shared by its modules, and what they tell each other.
 *
 * One thread, one event loop. agent.c drives it: lock, configuration, machine, end; stop.c ends it all in order. Beside them
 * are what all use: processes as events (child, job), ssh, sockets, the log. The rest by subject:
 *
 *   machine/   QEMU and what belongs to it: found or started, QMP, disks, display, TPM, console logs
 *   guest/     how far the guest is, and the channel to its agent; probes, copyToHost
 *   forward/   ports and sockets of the guest on the host
 *   mounts/    folders of the host in the guest, and news of changes in them
 *   dns/       names for the guest
 *   api/       ha.sock, events, pictures, snapshots
 */
#ifndef HOSTAGENT_AGENT_H
#define HOSTAGENT_AGENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "hostagent/api/events.h"
#include "hostagent/api/screenshot.h"
#include "hostagent/forward/ports.h"
#include "hostagent/guest/boot.h"
#include "hostagent/guest/ga.h"
#include "hostagent/guest/probes.h"
#include "hostagent/guest/tasks.h"
#include "hostagent/machine/begin.h"
#include "hostagent/machine/console.h"
#include "hostagent/machine/machine.h"
#include "hostagent/machine/pulse.h"
#include "hostagent/machine/tpm.h"
#include "hostagent/machine/vnc.h"
#include "hostagent/mounts/inotify.h"
#include "hostagent/mounts/mounts.h"
#include "hostagent/network/usernet.h"
#include "kv.h"
#include "lock.h"
#include "stop.h"

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
	struct usernet usernet;
	struct screenshots screenshots;
	cJSON *pending; /* keys of agent.conf that wait for a restart; NULL: none are known */
	struct httpd *httpd;
	struct begin begin;
	struct dns_guest *dns; /* NULL: not wanted */
	struct event *signals[4], *clock;
	int clock_fd;
	int exit_code;
};

/* Runs the instance in `dir` to its end; the exit status of the program. */
int agent_run(const char *dir, const struct agent_options *opt);

/* The machine answers on QMP. */
void agent_machine_up(struct agent *a);
/* a->ssh_port is known: for a machine on a user-v2 network, later than the above, and again when it has changed. */
void agent_ssh_up(struct agent *a);
/* QEMU has ended (or could not be used: then it was killed). `why` is a sentence for users, `status` an exit status
 * as of child_watch. `ok`: the end was wanted, by us or by the guest. */
void agent_machine_ended(struct agent *a, bool ok, int status, const char *why);
/* Adds every text of what is wrong now: what the boot left, and what the machine has. */
void agent_problems(const struct agent *a, struct strv *out);
/* An event with the level fields (running, degraded, sshLocalPort, phase) filled in. */
cJSON *agent_status(const struct agent *a);
const char *agent_state_name(const struct agent *a);

#endif
