/* kill - the end of a machine that needs nobody's help, for when the host agent is gone, stuck, or not wanted. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "lock.h"
#include "oswatch.h"

#define KILL_WAIT_MS 10000

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

/* What belongs to processes that are gone. */
static void remove_leftovers(const struct instance *in)
{
	DIR *d = opendir(in->dir);

	for (struct dirent *de; d && (de = readdir(d));)
		if (ends_in(de->d_name, ".pid") || ends_in(de->d_name, ".sock") || ends_in(de->d_name, ".tmp"))
			unlinkat(dirfd(d), de->d_name, 0);
	if (d)
		closedir(d);
}

/* QEMU, by the lock on its pid file; the number in the file counts when the kernel does not tell whose lock it is. 0: nobody. */
static pid_t holder(const char *path)
{
	pid_t pid = file_lock_holder(path);
	struct err ignored = { 0 };
	struct buf text = { 0 };

	if (pid < 0) {
		pid = file_read(path, 64, &text, &ignored) == 0 ? (pid_t)atol(buf_str(&text)) : 0;
		buf_free(&text);
	}
	return pid;
}

/* Kills the holder of QEMU's pid file and waits for its end. */
static int kill_qemu(const struct instance *in, struct err *e)
{
	char *path = instance_path(in, F_QEMU_PID);
	pid_t pid = holder(path);
	int watch = pid > 0 ? proc_watch(pid) : -1, r = 0;

	/* Looked at again with the process held, so that its number cannot have changed hands. */
	if (pid > 0 && holder(path) == pid) {
		say("Sending SIGKILL to the qemu driver process %ld", (long)pid);
		if (proc_signal(watch, pid, SIGKILL) < 0 && errno != ESRCH)
			r = err_sys(e, EXIT_NO, "cannot kill QEMU (process %ld)", (long)pid);
		else
			proc_await(watch, KILL_WAIT_MS);
	} else {
		say("The qemu driver process seems already stopped");
	}
	if (watch >= 0)
		close(watch);
	free(path);
	return r;
}

static int kill_agent(const struct instance *in, struct err *e)
{
	char *path = instance_path(in, F_HA_PID);
	pid_t pid = 0;
	int r = 0;

	if (!lock_held(path, &pid)) {
		say("The host agent process seems already stopped");
	} else if (pid <= 0) {
		r = err_set(e, EXIT_TRYAGAIN, "the process that holds %s is not known", path);
	} else {
		say("Sending SIGKILL to the host agent process %ld", (long)pid);
		if (kill(pid, SIGKILL) < 0 && errno != ESRCH)
			r = err_sys(e, EXIT_NO, "cannot kill the host agent (process %ld)", (long)pid);
		else if (!lock_await(path, KILL_WAIT_MS))
			r = err_set(e, EXIT_TRYAGAIN, "the host agent (process %ld) does not end", (long)pid);
	}
	free(path);
	return r;
}

int machine_kill(const struct instance *in, struct err *e)
{
	/* QEMU first: the host agent then ends by itself what else it started, if it still can. */
	if (kill_qemu(in, e) < 0 || kill_agent(in, e) < 0)
		return -1;
	disks_release(in);
	remove_leftovers(in);
	return 0;
}
