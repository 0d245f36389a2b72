/* locator - see locator.h. URLs are taken apart only as far as messages and decisions need it. */
#include "locator.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "name.h"

static int parse_url(struct locator *l, struct err *e)
{
	const char *authority = strstr(l->text, "://") + 3;
	size_t n = strcspn(authority, "/?#");
	const char *host = authority;

	for (const char *p = l->text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return err_set(e, EXIT_BADDATA,
				       "the location '%s' has a blank or control character; write %%20 for a blank",
				       l->text);
	for (size_t i = 0; i < n; i++)
		if (authority[i] == '@')
			host = authority + i + 1;
	n -= (size_t)(host - authority);
	if (n == 0 || *host == ':')
		return err_set(e, EXIT_BADDATA, "the location '%s' names no host", l->text);
	l->host = xstrndup(host, n);
	for (char *p = l->host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (host > authority) {
		free(l->shown);
		l->shown = xasprintf("%.*s...@%s", (int)(authority - l->text), l->text, host);
	}
	return 0;
}

static int expand_home(struct locator *l, const char *path, struct err *e)
{
	const char *home = getenv("HOME");

	if (path[1] && path[1] != '/')
		return err_set(e, EXIT_BADDATA, "the location '%s': only ~/ is understood, not another user's home",
			       l->text);
	if (!home || home[0] != '/')
		return err_set(e, EXIT_BADDATA, "the location '%s': HOME is not set to an absolute path", l->text);
	l->path = xasprintf("%s%s", home, path + 1);
	return 0;
}

static int parse_path(struct locator *l, const char *path, struct err *e)
{
	char cwd[PATH_MAX];

	if (*path == '~')
		return expand_home(l, path, e);
	if (*path == '/') {
		l->path = xstrdup(path);
		return 0;
	}
	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(e, EXIT_IOERR, "the location '%s': cannot find the current directory", l->text);
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	l->path = path_join(cwd, path);
	return 0;
}

static int parse(struct locator *l, struct err *e)
{
	const char *text = l->text;

	if (!strncasecmp(text, "http://", 7) || !strncasecmp(text, "https://", 8)) {
		l->kind = LOCATOR_URL;
		return parse_url(l, e);
	}
	if (!strncmp(text, "recipe:", 7)) {
		l->kind = LOCATOR_RECIPE;
		l->name = xstrdup(text + 7);
		if (name_check(l->name, "recipe name", e) == 0)
			return 0;
		e->code = EXIT_BADDATA;
		return -1;
	}
	l->kind = LOCATOR_FILE;
	if (!strncmp(text, "file://", 7)) {
		if (text[7] != '/')
			return err_set(e, EXIT_BADDATA, "the location '%s': an absolute path must follow file://",
				       text);
		return parse_path(l, text + 7, e);
	}
	if (strstr(text, "://"))
		return err_set(e, EXIT_BADDATA,
			       "the location '%s' has an unknown scheme; use http, https, file or recipe:NAME", text);
	return parse_path(l, text, e);
}

int locator_parse(const char *text, struct locator *l, struct err *e)
{
	*l = (struct locator){ .kind = LOCATOR_FILE };
	if (!*text)
		return err_set(e, EXIT_BADDATA, "the location is empty");
	if (strlen(text) > LOCATOR_MAX)
		return err_set(e, EXIT_BADDATA, "the location '%.60s...' is longer than %d bytes", text, LOCATOR_MAX);
	l->text = xstrdup(text);
	l->shown = xstrdup(text);
	if (parse(l, e) == 0)
		return 0;
	locator_free(l);
	return -1;
}

void locator_free(struct locator *l)
{
	free(l->text);
	free(l->shown);
	free(l->path);
	free(l->host);
	free(l->name);
	*l = (struct locator){ .kind = LOCATOR_FILE };
}
