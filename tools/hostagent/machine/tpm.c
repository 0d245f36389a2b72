/* tpm - see tpm.h. */
#include "tpm.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "hostagent/agent.h"
#include "hostagent/child.h"
#include "spawn.h"
#include "unixsock.h"

#define D_STATE "swtpm" /* relative: the name is a part of an option, where a comma would be a separator */
#define F_SOCK "swtpm.sock"
#define F_LOG "swtpm.log"
#define LOG_MAX (1u << 20)
#define LOG_TAIL 1024

static bool has_tpm(const struct agent *a)
{
	return kv_bool(&a->conf, "tpm");
}

char *tpm_said(const struct agent *a)
{
	struct tail t = { .max = LOG_TAIL };
	struct buf b = { 0 };
	struct err none = { 0 };
	char *text;

	if (has_tpm(a) && file_read(F_LOG, LOG_MAX, &b, &none) == 0)
		tail_add(&t, buf_str(&b), b.len);
	text = tail_oneline(&t);
	tail_free(&t);
	buf_free(&b);
	return text;
}

static void on_end(void *arg, int status)
{
	struct agent *a = arg;
	char *said;

	a->tpm.daemon = NULL;
	if (!a->m.child || a->state == STATE_STOPPING || a->m.guest_ended)
		return; /* it ends when QEMU does */
	said = tpm_said(a);
	free(a->tpm.problem);
	a->tpm.problem = xasprintf("the TPM is gone: swtpm ended with status %d%s%s; restart the machine to have it again", status,
				   *said ? ": " : "", said);
	log_error("%s", a->tpm.problem);
	free(said);
}

static int spawn_it(struct agent *a, char *program, int listen_fd, int log_fd, struct err *e)
{
	char *argv[] = { program, (char *)"socket", (char *)"--tpmstate", (char *)"dir=" D_STATE, (char *)"--ctrl",
			 (char *)"type=unixio,fd=3", (char *)"--tpm2", (char *)"--terminate", (char *)"--log", (char *)"level=1",
			 NULL };
	struct spawn s = { .argv = argv, .in = SPAWN_NULL, .out = log_fd, .err = log_fd, .pass = &listen_fd, .npass = 1,
			   .new_session = true };
	pid_t pid;

	if (spawn_start(&s, &pid, e) < 0)
		return -1;
	a->tpm.daemon = child_watch(a->base, pid, true, on_end, a);
	return 0;
}

int tpm_start(struct agent *a, struct err *e)
{
	int listen_fd, log_fd, r = -1;
	char *program;

	if (!has_tpm(a))
		return 0;
	program = program_find("swtpm");
	if (!program)
		return err_set(e, EXIT_UNAVAIL, "tpm: true needs the program swtpm, which was not found; install it (Debian: package "
			       "swtpm), or set tpm to false");
	unlink(D_STATE "/.lock"); /* of one that was killed */
	log_fd = open(F_LOG, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	listen_fd = unixsock_listen(F_SOCK, e);
	if (log_fd < 0)
		err_sys(e, EXIT_CANTCREATE, "cannot create %s/%s", a->dir, F_LOG);
	else if (listen_fd >= 0 && dir_make(D_STATE, 0700, e) == 0)
		r = spawn_it(a, program, listen_fd, log_fd, e);
	if (listen_fd >= 0)
		close(listen_fd);
	if (log_fd >= 0)
		close(log_fd);
	free(program);
	return r;
}

void tpm_free(struct agent *a)
{
	if (a->tpm.daemon) {
		if (!a->m.child) /* QEMU is gone */
			child_signal(a->tpm.daemon, SIGTERM, true);
		child_forget(a->tpm.daemon);
	}
	if (!a->m.child)
		unlink(F_SOCK);
	free(a->tpm.problem);
	a->tpm = (struct tpm){ 0 };
}
