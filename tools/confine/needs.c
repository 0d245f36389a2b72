/* needs - the files that a program is loaded from. Asked of ldd, which knows the dynamic linker of this system, and not worked
 * out here. */
#include <stdlib.h>
#include <string.h>

#include "confine.h"
#include "spawn.h"

/* A line is "NAME => /PATH (ADDRESS)" or "/PATH (ADDRESS)"; others tell of what is no file. */
static void take_line(const char *line, struct strv *files)
{
	const char *arrow = strstr(line, "=> ");
	const char *path = arrow ? arrow + 3 : line + strspn(line, " \t");
	const char *end = strstr(path, " (");
	char *copy;

	if (*path != '/')
		return;
	copy = xstrndup(path, end ? (size_t)(end - path) : strlen(path));
	strv_add(files, copy);
	free(copy);
}

int confine_needs(const char *program, struct strv *files, struct err *e)
{
	struct buf out = { 0 }, said = { 0 };
	char *path = program_find(program), *copy, *save;
	char *argv[] = { (char *)"ldd", path, NULL };
	int status, r;

	if (!path)
		return err_set(e, EXIT_UNAVAIL, "%s was not found", program);
	r = spawn_run(argv, &out, &said, &status, e);
	if (r == 0) /* its status says no more than that a program is static */
		strv_add(files, path);
	copy = xstrdup(buf_str(&out));
	for (char *line = strtok_r(copy, "\n", &save); r == 0 && line; line = strtok_r(NULL, "\n", &save))
		take_line(line, files);
	free(copy);
	free(path);
	buf_free(&out);
	buf_free(&said);
	return r;
}
