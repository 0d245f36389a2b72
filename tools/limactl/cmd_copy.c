/* copy - files between the host and instances, by scp or rsync over the connections of the host agents. Source: spec/cli.md section 8.6.
 *
 * The program gets the ssh.config of the instance; with several instances a file with all of theirs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "instance/remote.h"
#include "instance_files.h"
#include "life.h"
#include "shell.h"
#include "spawn.h"

#define SSH_CONFIG_MAX 65536

static const struct flag_spec flags[] = {
	{ .name = "backend", .type = FLAG_STRING, .value = "auto", .help = "scp, rsync, or auto: rsync where both sides have it",
	  .words = "auto rsync scp", .complete = COMPLETE_WORDS },
	{ .name = "recursive", .letter = 'r', .help = "copy directories" },
	{ .name = "verbose", .letter = 'v', .help = "tell more" },
	{ 0 },
};

/* One argument, taken apart at its first colon. */
struct place {
	const char *text; /* as given */
	const char *path; /* behind the colon */
	size_t at;        /* index of its instance; only when `remote` */
	bool remote;
};

struct copy {
	struct place *place;
	size_t n, remotes;
	struct instance *in; /* each instance once */
	size_t instances;
	struct strv ssh;  /* the words of $SSH */
	char *config;     /* ssh.config for all */
	bool own_config;  /* it is a temporary file of ours */
	bool recursive, verbose;
};

/* --- arguments --- */

static int find_instance(struct copy *cp, const char *name, size_t *at, struct err *e)
{
	for (*at = 0; *at < cp->instances; ++*at)
		if (!strcmp(cp->in[*at].name, name))
			return 0;
	cp->in = xrealloc(cp->in, (cp->instances + 1) * sizeof(*cp->in));
	if (shell_must_exist(name, &cp->in[cp->instances], e) < 0)
		return -1;
	cp->instances++;
	return shell_must_run(&cp->in[*at], e);
}

static int read_places(struct copy *cp, const struct strv *args, struct err *e)
{
	cp->place = xcalloc(args->n, sizeof(*cp->place));
	for (cp->n = 0; cp->n < args->n; cp->n++) {
		struct place *p = &cp->place[cp->n];
		const char *colon = strchr(args->v[cp->n], ':');
		char *name;
		int r;

		p->text = p->path = args->v[cp->n];
		if (!colon)
			continue;
		p->remote = true;
		p->path = colon + 1;
		cp->remotes++;
		name = xstrndup(p->text, (size_t)(colon - p->text));
		r = find_instance(cp, name, &p->at, e);
		free(name);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* --- the configuration for ssh --- */

static int join_configs(struct copy *cp, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	struct buf text = { 0 };
	int r = 0, fd;

	for (size_t i = 0; r == 0 && i < cp->instances; i++) {
		char *path = instance_path(&cp->in[i], F_SSH_CONFIG);

		r = file_read(path, SSH_CONFIG_MAX, &text, e);
		free(path);
	}
	if (r == 0) {
		cp->config = xasprintf("%s/lima-ssh-XXXXXX", tmp && *tmp ? tmp : "/tmp");
		fd = mkstemp(cp->config);
		cp->own_config = fd >= 0;
		if (fd < 0 || fd_write_all(fd, buf_str(&text), text.len) < 0)
			r = err_sys(e, EXIT_NO, "cannot write %s", cp->config);
		if (fd >= 0)
			close(fd);
	}
	buf_free(&text);
	return r;
}

static int make_config(struct copy *cp, struct err *e)
{
	if (cp->instances > 1)
		return join_configs(cp, e);
	cp->config = cp->instances ? instance_path(&cp->in[0], F_SSH_CONFIG) : xstrdup("/dev/null");
	return 0;
}

static void copy_free(struct copy *cp)
{
	for (size_t i = 0; i < cp->instances; i++)
		instance_close(&cp->in[i]);
	if (cp->own_config)
		unlink(cp->config);
	free(cp->config);
	free(cp->in);
	free(cp->place);
	strv_free(&cp->ssh);
}

/* --- which program --- */

static bool guest_has_rsync(const struct copy *cp, const struct instance *in)
{
	struct buf out = { 0 }, said = { 0 };
	struct strv argv = { 0 };
	struct err ignored = { 0 };
	int status = 1;
	bool has;

	ssh_words(in, &cp->ssh, &argv);
	ssh_session_words(in, false, "command -v rsync", &argv);
	has = spawn_run(argv.v, &out, &said, &status, &ignored) == 0 && status == 0;
	strv_free(&argv);
	buf_free(&out);
	buf_free(&said);
	return has;
}

static bool guests_have_rsync(const struct copy *cp)
{
	for (size_t i = 0; i < cp->instances; i++)
		if (!guest_has_rsync(cp, &cp->in[i])) {
			log_debug("the instance %s has no rsync", q(cp->in[i].name));
			return false;
		}
	return true;
}

/* 1: rsync, 0: scp. */
static int use_rsync(const struct copy *cp, const char *backend, struct err *e)
{
	char *program;
	bool host;

	if (!strcmp(backend, "scp"))
		return 0;
	if (strcmp(backend, "rsync") != 0 && strcmp(backend, "auto") != 0)
		return err_set(e, EXIT_NO, "invalid backend %s, must be one of: scp, rsync, auto", q(backend));
	program = program_find("rsync");
	host = program != NULL;
	free(program);
	if (!strcmp(backend, "auto"))
		return cp->remotes <= 1 && host && guests_have_rsync(cp);
	if (!host)
		return err_set(e, EXIT_NO, "rsync not found on the host (package rsync)");
	if (cp->remotes > 1)
		return err_set(e, EXIT_NO, "rsync cannot copy from one instance to another; use `--backend=scp`");
	return guests_have_rsync(cp) ? 1 : err_set(e, EXIT_NO, "rsync not available on guest(s)");
}

/* --- scp --- */

/* scp runs the program that -S names with no words of ours; $SSH with more words than one cannot be used. */
static void scp_words(const struct copy *cp, struct strv *argv)
{
	strv_add(argv, "scp");
	strv_add(argv, "-F");
	strv_add(argv, cp->config);
	if (cp->ssh.n == 1) {
		strv_add(argv, "-S");
		strv_add(argv, cp->ssh.v[0]);
	} else if (cp->ssh.n > 1) {
		log_warn("scp cannot use the command line of SSH; it runs its own ssh");
	}
	strv_add(argv, cp->verbose ? "-v" : "-q");
	if (cp->recursive)
		strv_add(argv, "-r");
	strv_add(argv, "-3");
	strv_add(argv, "--");
	for (size_t i = 0; i < cp->n; i++) {
		const struct place *p = &cp->place[i];

		if (p->remote)
			strv_addf(argv, "%s:%s", cp->in[p->at].hostname, p->path);
		else
			strv_add(argv, p->text);
	}
}

/* --- rsync --- */

static bool ends_in_slash(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[n - 1] == '/';
}

static char *without_slash(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return xstrndup(path, n);
}

/* Slashes that make rsync -r give what scp -r gives: a path without one gets one, a local path with one loses it; a remote path with
 * one takes it from all others. */
static char *adjusted(const struct copy *cp, const struct place *p)
{
	for (size_t i = 0; i < cp->n; i++) {
		const struct place *other = &cp->place[i];

		if (other->remote && ends_in_slash(other->path))
			return other == p ? xstrdup(p->path) : without_slash(p->path);
	}
	return ends_in_slash(p->path) ? without_slash(p->path) : *p->path ? xasprintf("%s/", p->path) : xstrdup("");
}

static void rsync_words(const struct copy *cp, struct strv *argv)
{
	struct strv transport = { 0 };
	char *command;

	for (size_t i = 0; i < cp->ssh.n; i++)
		strv_add(&transport, cp->ssh.v[i]);
	if (!cp->ssh.n)
		strv_add(&transport, "ssh");
	strv_add(&transport, "-F");
	strv_add(&transport, cp->config);
	command = rsync_command(&transport);
	strv_add(argv, "rsync");
	strv_add(argv, "-a");
	if (cp->verbose) {
		strv_add(argv, "-v");
		strv_add(argv, "--progress");
	} else {
		strv_add(argv, "-q");
	}
	if (cp->recursive)
		strv_add(argv, "-r");
	strv_add(argv, "-e");
	strv_add(argv, command);
	strv_add(argv, "--");
	for (size_t i = 0; i < cp->n; i++) {
		const struct place *p = &cp->place[i];
		char *path = cp->recursive ? adjusted(cp, p) : xstrdup(p->path);

		if (p->remote)
			strv_addf(argv, "%s:%s", cp->in[p->at].hostname, path);
		else
			strv_add(argv, path);
		free(path);
	}
	free(command);
	strv_free(&transport);
}

static int run(struct ctl *c, struct err *e)
{
	struct copy cp = { .recursive = flag_bool(c->flags, "recursive"), .verbose = flag_bool(c->flags, "verbose") || c->debug };
	struct strv argv = { 0 };
	int r = shell_ssh(&cp.ssh, e), rsync = 0;

	if (r == 0)
		r = read_places(&cp, &c->args, e);
	if (r == 0)
		r = rsync = use_rsync(&cp, flag_string(c->flags, "backend"), e);
	if (r >= 0)
		r = make_config(&cp, e);
	if (r == 0) {
		(rsync ? rsync_words : scp_words)(&cp, &argv);
		log_debug("copying with %s", argv.v[0]);
		r = run_words(&argv, e);
	}
	strv_free(&argv);
	copy_free(&cp);
	return r;
}

const struct command cmd_copy = {
	.name = "copy",
	.aliases = "cp",
	.group = GROUP_ADVANCED,
	.use = "SOURCE... TARGET",
	.summary = "Copy files between the host and instances",
	.text = "A path in an instance is INST:PATH; a relative one starts from the home of the guest's user.\n"
		"\n"
		"Example:\n"
		"  limactl copy default:/etc/os-release .\n"
		"  limactl copy -r src default:\n",
	.min_args = 2,
	.max_args = ARGS_ANY,
	.flags = (const struct flag_spec *const[]){ flags, NULL },
	.complete = COMPLETE_INSTANCE,
	.run = run,
};
