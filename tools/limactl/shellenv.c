/* shellenv - see shellenv.h. */
#include "shellenv.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

const char *const shellenv_block[] = {
	"BASH*", "DISPLAY", "DYLD_*", "EUID",	"FPATH",  "GID",  "GROUP",    "HOME",	"HOSTNAME", "LD_*",	  "LOGNAME",
	"OLDPWD", "PATH",   "PWD",    "SHELL",	"SHLVL",  "SSH_*", "TERM",    "TERMINFO", "TMPDIR",  "UID",	  "USER",
	"XAUTHORITY", "XDG_*", "ZDOTDIR", "ZSH*", "_*",	  NULL,
};

static bool matches(const char *pattern, const char *name, size_t n)
{
	const char *star = NULL, *end = name + n, *back = NULL;

	while (name < end) {
		if (*pattern == '*') {
			star = ++pattern;
			back = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++back;
		} else {
			return false;
		}
	}
	pattern += strspn(pattern, "*");
	return *pattern == '\0';
}

static bool any_matches(const struct strv *patterns, const char *name, size_t n)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (matches(patterns->v[i], name, n))
			return true;
	return false;
}

static int check(const char *variable, const char *pattern, struct err *e)
{
	for (const char *p = pattern; *p; p++) {
		char character[5] = { 0 };
		size_t n = 1;

		if (isalnum((unsigned char)*p) || *p == '_' || *p == '*')
			continue;
		while (n < 4 && ((unsigned char)p[n] & 0xc0) == 0x80)
			n++;
		memcpy(character, p, n);
		return err_set(e, EXIT_NO, "Invalid %s pattern: pattern %s contains invalid character %s at position %zu", variable,
			       q(pattern), q(character), (size_t)(p - pattern));
	}
	return 0;
}

/* The entries of a comma separated list, without the blanks around them and without empty ones. */
static int parse(const char *variable, const char *list, struct strv *out, struct err *e)
{
	int r = 0;

	while (r == 0 && *list) {
		size_t n = strcspn(list, ","), start = strspn(list, " \t");
		size_t end = n;
		char *pattern;

		start = start < n ? start : n;
		while (end > start && strchr(" \t", list[end - 1]))
			end--;
		pattern = xstrndup(list + start, end - start);
		r = check(variable, pattern, e);
		if (r == 0 && *pattern)
			strv_add(out, pattern);
		free(pattern);
		list += n + (list[n] == ',');
	}
	return r;
}

static int block_list(const char *value, struct strv *out, struct err *e)
{
	bool own = !value || !*value || *value == '+';

	for (size_t i = 0; own && shellenv_block[i]; i++)
		strv_add(out, shellenv_block[i]);
	if (!value)
		return 0;
	return parse("LIMA_SHELLENV_BLOCK", value + (*value == '+'), out, e);
}

int shellenv_filter(char *const *environment, const char *block, const char *allow, struct strv *out, struct err *e)
{
	struct strv blocked = { 0 }, allowed = { 0 };
	int r = block_list(block, &blocked, e);

	if (r == 0)
		r = parse("LIMA_SHELLENV_ALLOW", allow ? allow : "", &allowed, e);
	for (char *const *kv = environment; r == 0 && *kv; kv++) {
		size_t n = strcspn(*kv, "=");

		if (any_matches(&allowed, *kv, n) || !any_matches(&blocked, *kv, n))
			strv_add(out, *kv);
		else
			log_debug("not handing on the variable %.*s", (int)n, *kv);
	}
	strv_free(&blocked);
	strv_free(&allowed);
	return r;
}
