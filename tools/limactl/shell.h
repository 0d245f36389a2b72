/* shell - what `shell` and `copy` share, and the copying of shell --sync. */
#ifndef LIMACTL_SHELL_H
#define LIMACTL_SHELL_H

#include <stdbool.h>

#include "command.h"
#include "instance/instance.h"
#include "kv.h"

/* Opens an instance to be talked to; errors say what to do. */
int shell_must_exist(const char *name, struct instance *in, struct err *e);
int shell_must_run(const struct instance *in, struct err *e);
/* Whether it is plainly stopped; anything else ssh may try. */
bool shell_stopped(const struct instance *in);
/* The words of $SSH; none when it is not set. */
int shell_ssh(struct strv *ssh, struct err *e);

/* --sync DIR (shell_sync.c): a directory of the host that is copied to the same path below the guest's home, and back. */
struct sync {
	char *host_dir;  /* absolute */
	char *guest_dir; /* NULL: no --sync */
	char *transport; /* for rsync -e */
	char *guest;     /* HOST:GUEST_DIR/ */
	const struct instance *in;
	const struct strv *ssh;
};
/* Checks, and copies DIR in. */
int sync_begin(const struct ctl *c, const struct instance *in, const struct strv *ssh, const struct kv *conf, struct sync *s,
	       struct err *e);
/* Runs the session; a failing one ends it all with its status, else the changes come back, at a terminal after a question. */
int sync_run(const struct ctl *c, const struct sync *s, const struct strv *session, struct err *e);
void sync_free(struct sync *s);

/* Words as rsync takes them apart in -e and RSYNC_RSH: '...' with '' for a quote. The caller frees it. */
char *rsync_command(const struct strv *words);
/* Starts argv with our standard streams and waits: its exit status, 255 when a signal ended it. -1 when it cannot be run. */
int run_words(const struct strv *argv, struct err *e);

#endif
