/* qemu - finding QEMU and asking it what it can do.
 *
 * QEMU has no machine-readable way to say all of this without starting a machine, so the texts of its help options are
 * read, as the versions 4 to 10 print them. A program that hangs is killed after a while: the probe must end.
 */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "spawn.h"
#include "words.h"

/* For one question; QEMU answers in about 20 ms. */
#define ANSWER_MS 20000
#define ANSWER_MAX (1u << 20)
#define MIN_MAJOR 4
#define SANDBOX "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

static int missing(const struct probe_arch *arch, const char *program, bool from_variable, struct err *e)
{
	if (from_variable)
		return err_set(e, EXIT_UNAVAIL, "%s: no program '%s'; correct or unset the variable", arch->variable,
			       program);
	return err_set(e, EXIT_UNAVAIL, "%s is not in PATH; install QEMU (Debian, Ubuntu: apt install %s), or set %s",
		       program, arch->package, arch->variable);
}

int probe_find(const struct probe_arch *arch, struct probe_qemu *q, struct err *e)
{
	const char *env = getenv(arch->variable);
	struct strv words = { 0 };
	char *found;

	*q = (struct probe_qemu){ 0 };
	if (env && words_split(env, arch->variable, &words, e) < 0) {
		strv_free(&words);
		return -1;
	}
	for (size_t i = 1; i < words.n; i++)
		strv_add(&q->args, words.v[i]);
	found = program_find(words.n ? words.v[0] : arch->program);
	if (!found)
		missing(arch, words.n ? words.v[0] : arch->program, words.n > 0, e);
	/* Symbolic links stay: the firmware is looked for beside the name the user gave. */
	if (found && found[0] != '/') {
		char *cwd = getcwd(NULL, 0);

		q->program = path_join(cwd ? cwd : "/", found);
		free(cwd);
		free(found);
	} else {
		q->program = found;
	}
	strv_free(&words);
	return q->program ? 0 : -1;
}

void probe_qemu_free(struct probe_qemu *q)
{
	free(q->program);
	strv_free(&q->args);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Reads until the end or the deadline: 0 or -1. */
static int collect(int fd, struct buf *out)
{
	long long end = now_ms() + ANSWER_MS;
	char chunk[8192];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = end - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -1;
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0 || (n < 0 && errno != EINTR))
			return 0;
		if (n > 0 && out->len + (size_t)n <= ANSWER_MAX)
			buf_add(out, chunk, (size_t)n);
	}
}

/* Runs QEMU with these arguments (NULL-terminated) behind the user's own, `in` as its standard input. *status as of
 * spawn_wait. Both streams are collected together: some versions print lists on standard error. */
static int ask(const struct probe_qemu *q, int in, const char *const *args, struct buf *out, int *status, struct err *e)
{
	struct strv argv = { 0 };
	struct spawn s = { .in = in };
	int fds[2], r;
	pid_t pid;

	strv_add(&argv, q->program);
	for (size_t i = 0; i < q->args.n; i++)
		strv_add(&argv, q->args.v[i]);
	for (size_t i = 0; args[i]; i++)
		strv_add(&argv, args[i]);
	if (pipe2(fds, O_CLOEXEC) < 0) {
		strv_free(&argv);
		return err_sys(e, EXIT_UNAVAIL, "cannot make a pipe");
	}
	s.argv = argv.v;
	s.out = s.err = fds[1];
	r = spawn_start(&s, &pid, e);
	close(fds[1]);
	if (r == 0) {
		r = collect(fds[0], out);
		if (r < 0) {
			kill(pid, SIGKILL);
			err_set(e, EXIT_UNAVAIL, "%s %s does not answer within %d s; try it by hand", q->program,
				args[0], ANSWER_MS / 1000);
		}
		*status = spawn_wait(pid);
	}
	close(fds[0]);
	strv_free(&argv);
	return r;
}

#define ASK(q, out, status, e, ...) ask(q, SPAWN_NULL, (const char *const[]){ __VA_ARGS__, NULL }, out, status, e)

/* The first line, for messages. */
static int first_line(const struct buf *b)
{
	return (int)strcspn(buf_str(b), "\r\n");
}

static int ask_version(const struct probe_qemu *q, struct probe_facts *f, struct err *e)
{
	struct buf out = { 0 };
	const char *found;
	int status, r = ASK(q, &out, &status, e, "--version");

	if (r < 0)
		goto out;
	found = strstr(buf_str(&out), "QEMU emulator version ");
	if (status != 0 || !found ||
	    sscanf(found, "QEMU emulator version %u.%u.%u", &f->version[0], &f->version[1], &f->version[2]) != 3)
		r = err_set(e, EXIT_UNAVAIL, "%s does not tell QEMU's version (status %d, '%.*s'); is it QEMU?",
			    q->program, status, first_line(&out), buf_str(&out));
	else if (f->version[0] < MIN_MAJOR)
		r = err_set(e, EXIT_UNAVAIL, "%s is QEMU %u.%u.%u; version %d.0 or newer is needed", q->program,
			    f->version[0], f->version[1], f->version[2], MIN_MAJOR);
out:
	buf_free(&out);
	return r;
}

/* Whether some line of the text begins with this word (blanks before it do not count). */
static bool has_word(const struct buf *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = buf_str(text); *p; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *s = p + strspn(p, " \t");

		if (!strncmp(s, word, n) && strchr(" \t\r\n", s[n]))
			return true;
	}
	return false;
}

/* One run answers for the accelerators and for the sandbox: a QEMU without seccomp refuses the latter. */
static int ask_accel(const struct probe_qemu *q, struct probe_facts *f, struct err *e)
{
	struct buf out = { 0 };
	int status, r = ASK(q, &out, &status, e, "-sandbox", SANDBOX, "-M", "none", "-accel", "help");

	f->sandbox = r == 0 && status == 0;
	if (r == 0 && status != 0) {
		out.len = 0;
		r = ASK(q, &out, &status, e, "-M", "none", "-accel", "help");
	}
	if (r == 0 && status != 0)
		r = err_set(e, EXIT_UNAVAIL, "%s -accel help ends with status %d: %.*s", q->program, status,
			    first_line(&out), buf_str(&out));
	f->kvm_built_in = r == 0 && has_word(&out, "kvm");
	buf_free(&out);
	return r;
}

static int ask_machine(const struct probe_arch *arch, const struct probe_qemu *q, struct err *e)
{
	struct buf out = { 0 };
	int status, r = ASK(q, &out, &status, e, "-machine", "help");

	if (r == 0 && !has_word(&out, arch->machine))
		r = err_set(e, EXIT_UNAVAIL, "%s does not know the machine type %s; install a complete QEMU",
			    q->program, arch->machine);
	buf_free(&out);
	return r;
}

static int ask_netdev(const struct probe_qemu *q, struct probe_facts *f, struct err *e)
{
	struct buf out = { 0 };
	int status, r = ASK(q, &out, &status, e, "-M", "none", "-netdev", "help");

	f->netdev_stream = r == 0 && has_word(&out, "stream");
	buf_free(&out);
	return r;
}

/* A line of "-cpu help": "  NAME ...", or in older versions "x86 NAME ...", "PowerPC NAME ...", "s390 NAME ...". */
static void add_cpu(struct buf *cpus, const char *line, size_t n)
{
	static const char *const prefix[] = { "x86 ", "PowerPC ", "s390 " };
	size_t skip = 0, len;

	for (size_t i = 0; i < sizeof(prefix) / sizeof(*prefix); i++)
		if (n > strlen(prefix[i]) && !strncmp(line, prefix[i], strlen(prefix[i])))
			skip = strlen(prefix[i]);
	while (skip < n && line[skip] == ' ')
		skip++;
	len = strcspn(line + skip, " \t\r\n");
	if (!len || skip + len > n)
		return;
	if (cpus->len)
		buf_addc(cpus, ' ');
	buf_add(cpus, line + skip, len);
}

static int ask_cpus(const struct probe_arch *arch, const struct probe_qemu *q, struct probe_facts *f, struct err *e)
{
	struct buf out = { 0 };
	int status, r = ASK(q, &out, &status, e, "-machine", arch->machine, "-cpu", "help");
	const char *p = buf_str(&out);

	while (r == 0 && *p) {
		size_t n = strcspn(p, "\n");

		if (!strncmp(p, "Recognized", strlen("Recognized")))
			break;
		/* Not the heading "Available CPUs:". */
		if (n && p[n - 1] != ':')
			add_cpu(&f->cpus, p, n);
		p += n + (p[n] == '\n');
	}
	buf_free(&out);
	return r;
}

int probe_ask(const struct probe_arch *arch, const struct probe_qemu *q, struct probe_facts *f, struct err *e)
{
	*f = (struct probe_facts){ 0 };
	if (ask_version(q, f, e) < 0 || ask_accel(q, f, e) < 0 || ask_machine(arch, q, e) < 0)
		return -1;
	if (ask_netdev(q, f, e) < 0)
		return -1;
	return ask_cpus(arch, q, f, e);
}

/* The last line that says something, for messages. */
static const char *last_line(struct buf *b)
{
	char *nl;

	while (b->len && strchr("\r\n ", b->data[b->len - 1]))
		b->data[--b->len] = '\0';
	nl = b->len ? strrchr(b->data, '\n') : NULL;
	return nl ? nl + 1 : buf_str(b);
}

bool probe_starts_kvm(const struct probe_arch *arch, const struct probe_qemu *q, char *reason, size_t size)
{
	static const char quit[] = "quit\n";
	char *machine = xasprintf("%s,accel=kvm", arch->machine);
	const char *const args[] = { "-nodefaults", "-no-user-config", "-display", "none",
				     "-machine",    machine,	       "-cpu",	   "host",
				     "-S",	    "-monitor",	       "stdio",	   NULL };
	struct buf out = { 0 };
	struct err e = { 0 };
	int fds[2] = { -1, -1 }, status = 0, r = -1;

	if (pipe2(fds, O_CLOEXEC) == 0 && fd_write_all(fds[1], quit, strlen(quit)) == 0) {
		close(fds[1]);
		r = ask(q, fds[0], args, &out, &status, &e);
		close(fds[0]);
	}
	if (r < 0)
		snprintf(reason, size, "kvm runs guest code, but %s",
			 e.msg[0] ? e.msg : "QEMU cannot be asked about it");
	else if (status != 0)
		snprintf(reason, size, "kvm runs guest code, but QEMU fails with it (status %d): %.160s", status,
			 last_line(&out));
	free(machine);
	buf_free(&out);
	return r == 0 && status == 0;
}

void probe_facts_free(struct probe_facts *f)
{
	buf_free(&f->cpus);
}
