/* remote - a command for the guest's login shell, as the one string that ssh hands over, and the ssh that does it.
 *
 * ssh gives the remote command to a shell, so everything is quoted for it here; lima-instance and limactl use the same text.
 * Source of the format: spec/cli.md section 8.5.
 */
#ifndef LIMA_REMOTE_H
#define LIMA_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "instance.h"
#include "kv.h"

/* Appends one word quoted for a POSIX shell: as it is when it has only [A-Za-z0-9_@%+=:,./-], else in single quotes. */
void quote_word(struct buf *out, const char *word);
/* Appends the words with blanks between them. With `assignments` the leading ones that have a '=' stay assignments: only what follows
 * the first '=' is quoted. */
void quote_words(struct buf *out, char *const *words, bool assignments);

/* The guest's name of a path of the host when a mount shows it there (`conf`: agent.conf); NULL otherwise. Symbolic links of the
 * mounts are resolved, `path` must be. The caller frees it. */
char *guest_path(const struct kv *conf, const char *path);

/* "CD; exec [env K=V...] SHELL -l [-c COMMAND]". */
struct remote {
	const char *cd;         /* a list of shell commands, quoted; NULL or "" = none */
	const char *shell;      /* NULL or "" = agent.conf's */
	const struct strv *env; /* "K=V" to set; NULL = none */
	const char *command;    /* a shell command line; NULL or "" = none */
	char *const *args;      /* words behind it, NULL-ended; NULL = none */
	bool assignments;       /* as quote_words takes them */
};
/* The caller frees it. */
char *remote_script(const struct remote *rm, const struct kv *conf);

/* Adds "ssh -F DIR/ssh.config". `program`: the words of another ssh to run; NULL = ssh. */
void ssh_words(const struct instance *in, const struct strv *program, struct strv *argv);
/* Adds the options of a session, the host and `script`. `terminal`: the guest's side gets one. */
void ssh_session_words(const struct instance *in, bool terminal, const char *script, struct strv *argv);
/* Becomes the program; returns -1 and *e when that fails. */
int exec_words(const struct strv *argv, struct err *e);

#endif
