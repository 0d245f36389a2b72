/* uses: hostagent dns loop */
/* status: the guest's boot status, cut anywhere, damaged, hostile. */
#include "hostagent/guest/status.h"

#include "tap.h"

static const char good[] = "begin\t0c1d\tnative\n"
			   "step\tboot/00-users.sh\tstart\n"
			   "step\tboot/00-users.sh\t0\n"
			   "ssh-ready\n"
			   "step\tprovision.system/00000001\tstart\n"
			   "step\tprovision.system/00000001\t3\n"
			   "tail\tprovision.system/00000001\tE: no\tsuch package\n"
			   "tail\tprovision.system/00000001\tgiving up\n"
			   "step\tboot/99-end.sh\tstart\n"
			   "unknown\tline\n"
			   "done\t1\n";

/* Whatever the pieces, the result is the same. */
static void pieces(size_t size)
{
	struct boot_status s = { 0 };
	struct strv errors = { 0 };
	size_t n = sizeof(good) - 1;
	int r = 0;

	for (size_t at = 0; at < n; at += size)
		r |= status_feed(&s, at, good + at, n - at < size ? n - at : size);
	status_errors(&s, &errors);
	ok(r == 0 && s.done && s.code == 1 && s.ssh_ready && s.n == 3 && errors.n == 1, "pieces of %zu bytes", size);
	is_str(errors.n ? errors.v[0] : NULL,
	       "provision.system/00000001 failed with exit status 3; its last lines:\nE: no such package\ngiving up", "the error");
	is_str(s.boot_id, "0c1d", "boot id");
	is_str(s.mode, "native", "mode");
	strv_free(&errors);
	status_reset(&s);
}

static void offsets(void)
{
	struct boot_status s = { 0 };

	is_num(status_feed(&s, 5, "done\t0\n", 7), -1, "a gap at the start is told");
	is_num(status_feed(&s, 0, "step\ta\tstart\nst", 15), 0, "from 0");
	is_str(status_current(&s), "a", "step a runs");
	is_num(status_feed(&s, 10, "xxx", 3), 0, "known bytes are skipped");
	is_num(status_feed(&s, 12, "\nstep\ta\t0\n", 10), 0, "an overlap");
	ok(s.offset == 22 && !status_current(&s) && s.n == 1 && s.step[0].ended, "is joined at the right byte");
	is_num(status_feed(&s, 99, "done\t0\n", 7), -1, "a gap is told");
	ok(!s.done, "and nothing taken from behind it");
	is_num(status_feed(&s, 0, "ssh-ready\n", 10), 0, "offset 0");
	ok(s.n == 0 && s.ssh_ready, "starts over");
	status_reset(&s);
}

static void hostile(void)
{
	struct boot_status s = { 0 };
	struct strv errors = { 0 };
	uint64_t at = 0, mounts = 0;
	char *big = malloc(100000);
	char line[64];

	memset(big, 'A', 100000);
	status_feed(&s, at, big, 100000);
	at += 100000;
	ok(s.line_len < STATUS_LINE_MAX, "an endless line is cut");
	status_feed(&s, at, "\nstep\te\x1b[2Jvil\tstart\nstep\te\x1b[2Jvil\t700\n", 39);
	at += 39;
	is_str(s.n ? s.step[0].name : NULL, "e?[2Jvil", "control characters are replaced");
	is_num(s.n ? s.step[0].status : 0, 255, "an impossible exit status is a failure");
	for (int i = 0; i < 5000; i++) {
		int n = snprintf(line, sizeof(line), "step\ts%d\tstart\n", i);

		status_feed(&s, at, line, (size_t)n);
		at += (uint64_t)n;
	}
	is_num(s.n, STATUS_STEPS_MAX, "the number of steps is bounded");
	for (int i = 0; i < 500; i++) {
		status_feed(&s, at, "tail\ts1\t", 8);
		status_feed(&s, at + 8, big, 8000);
		status_feed(&s, at + 8008, "\n", 1);
		at += 8009;
	}
	ok(s.kept <= STATUS_KEEP_MAX, "the memory is bounded (%zu)", s.kept);
	ok(s.step[2].tail.n == STATUS_TAIL_MAX, "and the lines of a tail (%zu)", s.step[2].tail.n);
	status_feed(&s, at, "done\t-1\n", 8);
	ok(s.done && s.code == 255, "done is seen behind all that");
	status_reset(&s);
	status_feed(&s, 0, "done\nstep\ntail\tx\nbegin\n\t\t\t\n\0\n", 29);
	ok(!s.done && s.n == 0, "lines without their fields are ignored");
	status_feed(&s, 29, "done\t4\n", 7);
	status_errors(&s, &errors);
	is_str(errors.n == 1 ? errors.v[0] : NULL, "the boot scripts of the guest ended with status 4", "done alone is an error too");
	strv_free(&errors);
	status_reset(&s);
	status_feed(&s, 0, "mount\t2\t9p\nmount\t256\t9p\nmount\t-1\t9p\nmount\tx\t9p\nmount\t3\n", 54);
	ok(s.no_mount[2] && !s.no_mount[3], "a mount that the guest cannot do");
	for (size_t i = 0; i < STATUS_MOUNTS_MAX; i++)
		mounts += s.no_mount[i];
	is_num(mounts, 1, "and none for lines that make no sense");
	status_reset(&s);
	free(big);
}

int main(void)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 4096 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		pieces(sizes[i]);
	offsets();
	hostile();
	return done();
}
