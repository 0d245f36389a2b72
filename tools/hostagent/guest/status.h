/* status - what the guest says about its own boot: the lines of /run/lima-boot-status.
 *
 * Fields are separated by one tabulator (written by boot/boot.sh and its modules; the file is new at each boot):
 *
 *   begin BOOT_ID native|cloud-init     the first line
 *   step NAME start                     a step begins
 *   step NAME STATUS                    it ended with this exit status
 *   tail NAME LINE                      behind the line of a step that failed: its last lines of output
 *   mount I TYPE                        the guest cannot mount mounts[I] by TYPE; we are to do it by sshfs
 *   ssh-ready                           sessions opened from now on are not cut off by the boot
 *   done CODE                           the last line; 0 = all succeeded
 *
 * The text comes from an untrusted guest, in pieces cut anywhere: unknown lines are ignored, long lines cut,
 * control characters replaced, and the memory for it is bounded.
 */
#ifndef HOSTAGENT_STATUS_H
#define HOSTAGENT_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define STATUS_LINE_MAX 8192
#define STATUS_STEPS_MAX 1024
#define STATUS_TAIL_MAX 20
#define STATUS_MOUNTS_MAX 256
#define STATUS_KEEP_MAX (1u << 20) /* bytes of names and tails */

struct boot_step {
	char *name;
	bool ended;
	int status;
	struct strv tail;
};

struct boot_status {
	char boot_id[40];
	char mode[16];
	struct boot_step *step;
	size_t n;
	bool ssh_ready, done;
	bool no_mount[STATUS_MOUNTS_MAX]; /* which mounts the guest could not do */
	int code;
	uint64_t offset; /* bytes fed so far */
	size_t kept;
	size_t line_len;
	char line[STATUS_LINE_MAX];
};

/* Takes bytes that stand at `offset` of the text. Offset 0 starts over; bytes that are known already are skipped.
 * Returns -1 when bytes are missing before them (nothing is taken then). */
int status_feed(struct boot_status *s, uint64_t offset, const char *data, size_t n);
void status_reset(struct boot_status *s);

/* The step that runs now, NULL when none does. */
const char *status_current(const struct boot_status *s);
/* Adds one message for each failed step: its name, exit status and last lines. When `done` has another code than 0 and
 * no step failed, one for that. */
void status_errors(const struct boot_status *s, struct strv *out);

#endif
