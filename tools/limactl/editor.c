/* editor - the user's editor on a text. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "log.h"
#include "spawn.h"
#include "template.h"

#define F_REJECTED "lima.REJECTED.yaml"

/* The first of these that is there. It is a program, not a command line. */
static char *find_editor(void)
{
	const char *const names[] = { getenv("VISUAL"), getenv("EDITOR"), "editor", "vim", "vi", "emacs" };
	char *found = NULL;

	for (size_t i = 0; !found && i < sizeof(names) / sizeof(*names); i++)
		if (names[i] && *names[i])
			found = program_find(names[i]);
	return found;
}

static int run_editor(const char *path, struct err *e)
{
	char *editor = find_editor(), *argv[] = { editor, (char *)path, NULL };
	struct spawn s = { .argv = argv, .in = SPAWN_INHERIT, .out = SPAWN_INHERIT, .err = SPAWN_INHERIT };
	pid_t pid;
	int status, r;

	if (!editor)
		return err_set(e, EXIT_NO, "could not detect a text editor binary, try setting $EDITOR");
	r = spawn_start(&s, &pid, e);
	if (r == 0) {
		status = spawn_wait(pid);
		if (status != 0)
			r = err_set(e, EXIT_NO, "could not execute the editor %s: exit status %d", q(editor), status);
	}
	free(editor);
	return r;
}

/* Takes the result in place of the text; of an unchanged header nothing is left. */
static int take_back(const char *path, const char *header, struct buf *text, struct err *e)
{
	size_t n = strlen(header);

	buf_free(text);
	if (file_read(path, TREE_TEXT_MAX, text, e) < 0)
		return -1;
	if (text->len >= n && !memcmp(buf_str(text), header, n))
		buf_eat(text, n);
	if (buf_str(text)[strspn(buf_str(text), " \t\r\n")] == '\0')
		buf_free(text);
	return 0;
}

int editor_edit(const char *header, struct buf *text, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/lima-editor-XXXXXX.yaml", tmp && *tmp ? tmp : "/tmp");
	int fd = mkostemps(path, 5, O_CLOEXEC), r = 0;

	if (fd < 0 || fd_write_all(fd, header, strlen(header)) < 0 || fd_write_all(fd, buf_str(text), text->len) < 0)
		r = err_sys(e, EXIT_NO, "cannot write %s", path);
	if (r == 0)
		r = run_editor(path, e);
	if (r == 0)
		r = take_back(path, header, text, e);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	free(path);
	return r;
}

int editor_reject(const struct buf *text, struct err *e)
{
	struct err why = { 0 };

	if (file_write(F_REJECTED, buf_str(text), text->len, 0644, &why) < 0)
		return err_wrap(e, "the YAML is invalid, and could not be saved (%s)", why.msg);
	return err_wrap(e, "the YAML is invalid, saved the buffer as %s", q(F_REJECTED));
}
