/* boot - how far the guest is: from what the guest agent says, or, while it says nothing, from what ssh finds.
 *
 * The phases, in the order in which they are usually reached:
 *   booting    QEMU runs and its SSH port is known
 *   agent      the guest agent has greeted
 *   sshd       something listens on the SSH port of the guest
 *   ssh-ready  sessions opened from now on are not cut off by the boot
 *   ssh        we have logged in (which also started the shared connection, ssh.sock)
 *   boot-done  all boot scripts have ended
 *   running    mounts and probes are done too; with errors: degraded
 */
#ifndef HOSTAGENT_BOOT_H
#define HOSTAGENT_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "status.h"

struct agent;

enum boot_phase {
	PHASE_BOOTING,
	PHASE_AGENT,
	PHASE_SSHD,
	PHASE_SSH_READY,
	PHASE_SSH,
	PHASE_BOOT_DONE,
	PHASE_RUNNING,
	PHASE_COUNT,
};

struct boot {
	bool active;
	int64_t at[PHASE_COUNT]; /* mono_ms when it was reached; 0 = not yet */
	char boot_id[40], version[40];
	struct boot_status status;
	char *step;              /* the last one told in an event */
	unsigned events;         /* told because of the guest */
	struct strv errors;      /* why it is degraded */
	bool proving;            /* mounts and probes have been started */
	bool agent_missing;      /* waited for the guest agent, in vain */
	struct job *login, *poll, *mux_exit;
	struct event *login_timer, *poll_timer, *agent_timer;
	unsigned login_tries, bare_logins;
	char *login_error;
};

/* Starts to wait for the guest: a machine came up or was taken over. */
void boot_start(struct agent *a);
/* The guest rebooted: forget and wait again. */
void boot_on_reset(struct agent *a);
/* The guest went back to a snapshot: it goes on, but the other ends of its connections are not where it left them. */
void boot_on_loadvm(struct agent *a);
void boot_on_hello(struct agent *a, const char *boot_id, const char *version);
/* A guest agent that speaks another protocol, which is to be done without. `protocol` is what it says, cleaned. */
void boot_on_foreign_agent(struct agent *a, const char *protocol);
/* -1: bytes before these are missing. */
int boot_on_status(struct agent *a, uint64_t offset, const char *text, size_t n);
void boot_on_sshd(struct agent *a);
/* The port for SSH is known now. */
void boot_on_port(struct agent *a);
/* There will be no way to log in, for this reason: the boot ends without. */
void boot_no_login(struct agent *a, const char *why);
/* Adds a reason for being degraded (copied, lines cleaned already). */
void boot_error(struct agent *a, const char *text);
/* Looks again whether the next phase is reached; to be called when mounts or probes are done. */
void boot_advance(struct agent *a);
/* Ends all waiting. The facts stay. */
void boot_stop(struct agent *a);
void boot_free(struct agent *a);

const char *boot_phase_name(enum boot_phase p);
/* The furthest phase reached. */
enum boot_phase boot_phase(const struct boot *b);

#endif
