/* remote - see remote.h. */
#include "remote.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "instance_files.h"

void quote_word(struct buf *out, const char *word)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	if (*word && word[strspn(word, harmless)] == '\0') {
		buf_adds(out, word);
		return;
	}
	buf_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_adds(out, "'\"'\"'");
		else
			buf_addc(out, *word);
	}
	buf_addc(out, '\'');
}

void quote_words(struct buf *out, char *const *words, bool assignments)
{
	for (char *const *word = words; word && *word; word++) {
		const char *equal = assignments ? strchr(*word, '=') : NULL;

		if (word != words)
			buf_addc(out, ' ');
		if (equal) {
			buf_add(out, *word, (size_t)(equal + 1 - *word));
			quote_word(out, equal + 1);
		} else {
			assignments = false;
			quote_word(out, *word);
		}
	}
}

static bool inside(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (n && dir[n - 1] == '/')
		n--;
	return !strncmp(path, dir, n) && (path[n] == '/' || path[n] == '\0');
}

char *guest_path(const struct kv *conf, const char *path)
{
	uint64_t n = kv_num(conf, 0, "mounts");
	char *found = NULL;

	for (unsigned i = 0; !found && i < n; i++) {
		const char *location = kv_get(conf, "", "mounts.%u.location", i);
		char *real = realpath(location, NULL);
		const char *dir = real ? real : location;

		if (inside(path, dir))
			found = xasprintf("%s%s", kv_get(conf, location, "mounts.%u.mountPoint", i),
					  path + (strcmp(dir, "/") ? strlen(dir) : 0));
		free(real);
	}
	return found;
}

char *remote_script(const struct remote *rm, const struct kv *conf)
{
	struct buf script = { 0 }, command = { 0 };

	if (rm->cd && *rm->cd)
		buf_addf(&script, "%s; ", rm->cd);
	buf_adds(&script, "exec ");
	if (rm->env && rm->env->n) {
		buf_adds(&script, "env ");
		quote_words(&script, rm->env->v, false);
		buf_addc(&script, ' ');
	}
	quote_word(&script, rm->shell && *rm->shell ? rm->shell : kv_get(conf, "/bin/bash", "shell"));
	buf_adds(&script, " -l");
	buf_adds(&command, rm->command ? rm->command : "");
	if (command.len && rm->args && *rm->args)
		buf_addc(&command, ' ');
	quote_words(&command, rm->args, rm->assignments);
	if (command.len) {
		buf_adds(&script, " -c ");
		quote_word(&script, buf_str(&command));
	}
	buf_free(&command);
	return buf_detach(&script);
}

void ssh_words(const struct instance *in, const struct strv *program, struct strv *argv)
{
	if (!program || !program->n)
		strv_add(argv, "ssh");
	for (size_t i = 0; program && i < program->n; i++)
		strv_add(argv, program->v[i]);
	strv_add(argv, "-F");
	strv_addf(argv, "%s/%s", in->dir, F_SSH_CONFIG);
}

void ssh_session_words(const struct instance *in, bool terminal, const char *script, struct strv *argv)
{
	if (terminal)
		strv_add(argv, "-t");
	if (getenv("COLORTERM"))
		strv_add(argv, "-oSendEnv=COLORTERM");
	strv_add(argv, "-oLogLevel=ERROR");
	strv_add(argv, in->hostname);
	strv_add(argv, "--");
	strv_add(argv, script);
}

int exec_words(const struct strv *argv, struct err *e)
{
	execvp(argv->v[0], argv->v);
	return err_sys(e, EXIT_UNAVAIL, "cannot run %s (package openssh-client)", argv->v[0]);
}
