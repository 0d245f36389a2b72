/* shell_sync - shell --sync: a directory of the host goes to the guest, the command works on the copy, and what it changed comes
 * back. For machines that must not see the host's files while they run. Source: spec/cli.md section 8.5. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "instance/remote.h"
#include "life.h"
#include "shell.h"
#include "spawn.h"

#define DEPTH_MIN 3 /* components of the path: nobody wants "/" or a home to be replaced */

char *rsync_command(const struct strv *words)
{
	struct buf out = { 0 };

	for (size_t i = 0; i < words->n; i++) {
		buf_adds(&out, i ? " '" : "'");
		for (const char *p = words->v[i]; *p; p++)
			buf_addf(&out, *p == '\'' ? "'%c" : "%c", *p);
		buf_addc(&out, '\'');
	}
	return buf_detach(&out);
}

int run_words(const struct strv *argv, struct err *e)
{
	struct spawn s = { .argv = argv->v, .in = SPAWN_INHERIT, .out = SPAWN_INHERIT, .err = SPAWN_INHERIT };
	pid_t pid;
	int status;

	if (spawn_start(&s, &pid, e) < 0)
		return -1;
	status = spawn_wait(pid);
	return status > 128 && status != 255 ? 255 : status;
}

/* --- rsync --- */

/* rsync with these options between the two; `from`, `to` end in '/'. Its output in *out when not NULL. */
static int rsync(const struct sync *s, const char *const *options, const char *from, const char *to, struct buf *out, struct err *e)
{
	struct strv argv = { 0 };
	int status = 0, r;

	strv_add(&argv, "rsync");
	strv_add(&argv, "-a");
	for (; *options; options++)
		strv_add(&argv, *options);
	strv_add(&argv, "-e");
	strv_add(&argv, s->transport);
	strv_add(&argv, "--");
	strv_add(&argv, from);
	strv_add(&argv, to);
	r = spawn_run(argv.v, out, NULL, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, EXIT_NO, "failed to copy from %s to %s: rsync ended with status %d", q(from), q(to), status);
	strv_free(&argv);
	return r;
}

/* A command in the guest that has nothing to say. */
static int in_guest(const struct sync *s, const char *command, const char *dir, struct err *e)
{
	struct strv argv = { 0 };
	struct buf text = { 0 };
	int status = 0, r;

	buf_addf(&text, "%s ", command);
	quote_word(&text, dir);
	ssh_words(s->in, s->ssh, &argv);
	ssh_session_words(s->in, false, buf_str(&text), &argv);
	r = spawn_run(argv.v, NULL, NULL, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, EXIT_NO, "`%s` failed in the guest with status %d", buf_str(&text), status);
	buf_free(&text);
	strv_free(&argv);
	return r;
}

/* --- in --- */

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1] && path[1] != '/';
	return n;
}

static int check(const struct ctl *c, const struct kv *conf, const char *dir, struct err *e)
{
	char *program;

	if (kv_num(conf, 0, "mounts") > 0)
		return err_set(e, EXIT_NO, "cannot use `--sync` when the instance has host mounts configured, start the instance with "
			       "`--mount-none` to disable mounts");
	if (flag_given(c->flags, "workdir"))
		return err_set(e, EXIT_NO, "cannot use `--sync` with `--workdir`");
	if (depth(dir) < DEPTH_MIN)
		return err_set(e, EXIT_NO, "the directory %s of `--sync` must be at least %d levels below /", q(dir), DEPTH_MIN);
	program = program_find("rsync");
	if (!program)
		return err_set(e, EXIT_NO, "`--sync` needs rsync on the host (package rsync)");
	free(program);
	return 0;
}

int sync_begin(const struct ctl *c, const struct instance *in, const struct strv *ssh, const struct kv *conf, struct sync *s,
	       struct err *e)
{
	const char *given = flag_string(c->flags, "sync");
	char *dir = realpath(given, NULL);
	struct strv words = { 0 };
	char *from;
	int r;

	*s = (struct sync){ .in = in, .ssh = ssh };
	if (!dir)
		return err_sys(e, EXIT_NO, "cannot open the directory %s of `--sync`", q(given));
	if (check(c, conf, dir, e) < 0) {
		free(dir);
		return -1;
	}
	s->host_dir = dir;
	s->guest_dir = xasprintf("%s%s", kv_get(conf, "/home/lima", "home"), dir);
	ssh_words(in, ssh, &words);
	s->transport = rsync_command(&words);
	strv_free(&words);
	s->guest = xasprintf("%s:%s/", in->hostname, s->guest_dir);
	from = xasprintf("%s/", dir);
	r = in_guest(s, "mkdir -p", s->guest_dir, e);
	if (r == 0)
		r = rsync(s, (const char *const[]){ "-q", "--delete", NULL }, from, s->guest, NULL, e);
	free(from);
	return r;
}

/* --- back --- */

/* Owner and group stay the host's: the numbers of the guest mean nothing here. */
static int bring_back(const struct sync *s, const char *to, struct err *e)
{
	return rsync(s, (const char *const[]){ "-q", "--delete", "--no-owner", "--no-group", NULL }, s->guest, to, NULL, e);
}

/* Whether anything differs. */
static int changed(const struct sync *s, const char *to, struct err *e)
{
	struct buf out = { 0 };
	int r = rsync(s, (const char *const[]){ "-n", "-i", "--delete", "--no-owner", "--no-group", "--omit-dir-times", NULL }, s->guest,
		      to, &out, e);

	if (r == 0)
		r = out.len > 0;
	buf_free(&out);
	return r;
}

static void page(const char *dir_old, const char *dir_new)
{
	const char *pager = getenv("PAGER");
	char *argv[] = { "sh", "-c", "diff -ru -- \"$1\" \"$2\" | $0", NULL, (char *)dir_old, (char *)dir_new, NULL };
	struct spawn s = { .argv = argv, .in = SPAWN_INHERIT, .out = SPAWN_INHERIT, .err = SPAWN_INHERIT };
	struct err e = { 0 };
	pid_t pid;

	/* PAGER is a command line by its nature; what it reads is not part of it. */
	argv[3] = (char *)(pager && *pager ? pager : "less -R");
	if (spawn_start(&s, &pid, &e) < 0)
		log_error("%s", e.msg);
	else
		spawn_wait(pid);
}

/* Shows the differences, between the host's directory and a copy of the guest's. */
static int view(const struct sync *s, struct err *e)
{
	char *tmp = xasprintf("%s/lima-sync-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"), *to;
	struct err ignored = { 0 };
	int r;

	if (!mkdtemp(tmp)) {
		r = err_sys(e, EXIT_NO, "cannot create %s", tmp);
		free(tmp);
		return r;
	}
	to = xasprintf("%s/", tmp);
	r = bring_back(s, to, e);
	if (r == 0)
		page(s->host_dir, tmp);
	dir_remove(tmp, &ignored);
	free(to);
	free(tmp);
	return r;
}

/* 1: bring the changes back, 0: do not. */
static int decide(const struct sync *s, const char *to, struct err *e)
{
	static const char *const choices[] = { "Yes", "No", "View the changed contents", NULL };
	int r = changed(s, to, e);

	if (r == 0)
		log_info("No changes detected");
	while (r > 0) {
		int choice = ask_choice("Accept the changes?", choices);

		if (choice != 2)
			return choice == 0;
		if (view(s, e) < 0)
			return -1;
	}
	return r;
}

int sync_run(const struct ctl *c, const struct sync *s, const struct strv *session, struct err *e)
{
	int status = run_words(session, e), accept = 1;
	char *to;

	if (status != 0)
		return status;
	to = xasprintf("%s/", s->host_dir);
	if (c->tty)
		accept = decide(s, to, e);
	if (accept < 0 || (accept && bring_back(s, to, e) < 0) || in_guest(s, "rm -rf", s->guest_dir, e) < 0)
		status = -1;
	free(to);
	return status;
}

void sync_free(struct sync *s)
{
	free(s->host_dir);
	free(s->guest_dir);
	free(s->transport);
	free(s->guest);
	*s = (struct sync){ 0 };
}
