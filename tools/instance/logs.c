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

/* The last `max` bytes of a file, as far as there are any; how many. */
static size_t read_end(const struct instance *in, const char *file, char *text, size_t max)
{
	char *path = instance_path(in, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t n = end > 0 ? pread(fd, text, max, end > (off_t)max ? end - (off_t)max : 0) : 0;

	if (fd >= 0)
		close(fd);
	free(path);
	return n > 0 ? (size_t)n : 0;
}

/* `old`: the file before this one, when it was begun anew a moment ago; NULL: there is none. */
static void print_tail(const struct instance *in, const char *file, const char *old, const char *title)
{
	char *path = instance_path(in, file), text[TAIL_BYTES], before[TAIL_BYTES];
	size_t n = read_end(in, file, text, sizeof(text));

	printf("==> %s (%s) <==\n", title, path);
	if (old && n < sizeof(text)) {
		size_t more = read_end(in, old, before, sizeof(text) - n);

		print_clean(before, more);
	}
	print_clean(text, n);
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
		print_tail(&in, "serial.log", NULL, "console");
		print_tail(&in, F_HA_STDERR, F_HA_STDERR_OLD, "host agent");
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
