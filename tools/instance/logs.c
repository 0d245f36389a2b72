/* logs, and the verbs that only hand over to another tool. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "lock.h"
#include "spawn.h"

/* How much of the end of a log is shown. */
#define TAIL_BYTES 16384

/* Bytes from a guest: what could steer the terminal is left out. */
static void print_clean(const char *p, size_t n)
{
	for (; n > 0; n--, p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f))
			putchar(c);
	}
}

static void print_tail(const struct instance *in, const char *file, const char *title)
{
	char *path = instance_path(in, file), text[TAIL_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	printf("==> %s (%s) <==\n", title, path);
	if (fd >= 0) {
		off_t end = lseek(fd, 0, SEEK_END);
		ssize_t n = pread(fd, text, sizeof(text), end > (off_t)sizeof(text) ? end - (off_t)sizeof(text) : 0);

		if (n > 0)
			print_clean(text, (size_t)n);
		close(fd);
	}
	putchar('\n');
	free(path);
}

/* The guest's own logs, when it can be asked. */
static void print_guest_logs(const struct instance *in)
{
	char *config = instance_path(in, F_SSH_CONFIG), *ha_pid = instance_path(in, F_HA_PID);
	char *argv[] = { "ssh", "-F", config, "-oConnectTimeout=5", in->hostname, "--",
			 "sudo tail -n 40 /var/log/cloud-init-output.log 2>/dev/null; sudo tail -n 40 /var/log/lima-boot.log", NULL };
	struct err ignored = { 0 };
	struct buf out = { 0 }, errout = { 0 };
	int status;

	if (lock_held(ha_pid, NULL) && spawn_run(argv, &out, &errout, &status, &ignored) == 0 && out.len) {
		puts("==> guest: cloud-init and boot scripts <==");
		print_clean(out.data, out.len);
	}
	buf_free(&out);
	buf_free(&errout);
	free(config);
	free(ha_pid);
}

int verb_logs(const struct request *rq, struct err *e)
{
	struct instance in;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0) {
		print_tail(&in, "serial.log", "console");
		print_tail(&in, F_HA_STDERR, "host agent");
		print_guest_logs(&in);
		fflush(stdout);
	}
	instance_close(&in);
	return r;
}

static int hand_over(const char *tool, const char *option, const char *arg, struct err *e)
{
	char *bin = dirs_bin(e), *path;

	if (!bin)
		return -1;
	path = path_join(bin, tool);
	execl(path, tool, option, arg, (char *)NULL);
	err_sys(e, EXIT_UNAVAIL, "cannot run %s", path);
	free(path);
	free(bin);
	return -1;
}

int verb_validate(const struct request *rq, struct err *e)
{
	return hand_over("lima-render", "--check", rq->template && *rq->template ? rq->template : "default", e);
}

int verb_prune(const struct request *rq, struct err *e)
{
	return hand_over("lima-fetch", "--prune", rq->force ? NULL : "--keep-referred", e);
}
