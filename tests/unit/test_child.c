/* uses: hostagent dns loop */
/* child and job: ends of processes with and without pidfds, output, input, time limits. */
#include "hostagent/child.h"

#include <signal.h>
#include <unistd.h>

#include "hostagent/job.h"
#include "spawn.h"
#include "tap.h"

static struct event_base *base;
static int last_status;
static unsigned ended;

static void on_end(void *arg, int status)
{
	(void)arg;
	last_status = status;
	if (++ended == 1)
		event_base_loopbreak(base);
}

static void sh(const char *script, int want, const char *name)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	struct spawn s = { .argv = argv, .in = SPAWN_NULL, .out = SPAWN_NULL, .err = SPAWN_NULL, .new_group = true };
	struct err e = { 0 };
	struct child *c;
	pid_t pid;

	ended = 0;
	if (spawn_start(&s, &pid, &e) < 0)
		exit(1);
	c = child_watch(base, pid, true, on_end, NULL);
	if (want == 128 + SIGTERM)
		child_signal(c, SIGTERM, true);
	event_base_dispatch(base);
	ok(ended == 1 && last_status == want, "%s: status %d%s", name, last_status, child_no_pidfd ? " (by SIGCHLD)" : "");
}

static char out[256], err[256];
static size_t out_len;
static bool timed_out;

static void on_job(void *arg, const struct job_result *r)
{
	(void)arg;
	last_status = r->status;
	snprintf(out, sizeof(out), "%s", r->out);
	snprintf(err, sizeof(err), "%s", r->err);
	out_len = r->out_len;
	timed_out = r->timed_out;
	event_base_loopbreak(base);
}

static void run(const char *script, struct job_spec spec)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	struct err e = { 0 };

	spec.argv = argv;
	spec.done = on_job;
	if (!job_start(base, &spec, &e))
		exit(1);
	event_base_dispatch(base);
}

static void jobs(void)
{
	char *none[] = { (char *)"/nonexistent/program", NULL };
	struct job_spec spec = { .argv = none };
	struct err e = { 0 };
	char *big = malloc(200001);

	run("echo out; echo one >&2; echo two >&2; exit 7", (struct job_spec){ .out_max = 100 });
	is_num(last_status, 7, "exit status");
	is_str(out, "out\n", "output");
	is_str(err, "one; two", "last lines of errors");
	memset(big, 'b', 200000);
	big[200000] = '\0';
	run("wc -c", (struct job_spec){ .input = big, .input_len = 200000, .out_max = 100 });
	is_num(atol(out), 200000, "input larger than a pipe");
	run("exit 0", (struct job_spec){ .input = big, .input_len = 200000 });
	is_num(last_status, 0, "input that nobody reads");
	run("head -c 300000 /dev/zero; exit 4", (struct job_spec){ .out_max = 1000 });
	ok(last_status == 4 && out_len == 1000, "output is bounded (%zu)", out_len);
	run("sleep 100 & sleep 100", (struct job_spec){ .timeout_s = 1 });
	ok(timed_out && last_status == 128 + SIGKILL, "a time limit (status %d)", last_status);
	run("sleep 3 & echo x", (struct job_spec){ .out_max = 100 });
	is_str(out, "x\n", "a grandchild that keeps the pipe does not delay the end");
	ok(!job_start(base, &spec, &e) && e.code == EXIT_UNAVAIL && strstr(e.msg, "/nonexistent/program"), "no program: %s", e.msg);
	free(big);
}

int main(void)
{
	base = event_base_new();
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		child_no_pidfd = i == 1;
		sh("exit 0", 0, "success");
		sh("exit 3", 3, "failure");
		sh("kill -9 $$", 128 + SIGKILL, "death by signal");
		sh("sleep 100", 128 + SIGTERM, "signalled by us");
		jobs();
	}
	ok(!child_watch(base, 1, false, on_end, NULL), "a stranger cannot be watched without pidfds");
	child_no_pidfd = false;
	ok(!child_watch(base, 4194304 + 5, false, on_end, NULL), "nor one that does not exist");
	event_base_free(base);
	return done();
}
