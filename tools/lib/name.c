/* name - see name.h. */
#include "name.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "buf.h"

int name_check(const char *name, const char *what, struct err *e)
{
	size_t n = strlen(name);

	if (n == 0)
		return err_set(e, EXIT_USAGE, "the %s must not be empty", what);
	if (n > NAME_MAX_LEN)
		return err_set(e, EXIT_USAGE, "the %s '%.20s...' has %zu characters; at most %d are allowed", what, name, n,
			       NAME_MAX_LEN);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];
		bool separator = c == '.' || c == '_' || c == '-';
		bool inside = i > 0 && i + 1 < n && isalnum((unsigned char)name[i - 1]);

		if ((c < 0x80 && isalnum(c)) || (separator && inside))
			continue;
		return err_set(e, EXIT_USAGE,
			       "the %s '%s' is not valid: only letters, digits, and single '.', '_' or '-' between them", what,
			       name);
	}
	return 0;
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcasecmp(s + n - m, suffix);
}

int name_check_instance(const char *name, struct err *e)
{
	if (name_check(name, "instance name", e) < 0)
		return -1;
	if (ends_with(name, ".yml") || ends_with(name, ".yaml"))
		return err_set(e, EXIT_USAGE, "the instance name '%s' looks like a file; names must not end in .yml or .yaml",
			       name);
	return 0;
}

int name_check_socket_path(const char *dir, struct err *e)
{
	size_t n = strlen(dir) + strlen("/ssh.sock.1234567890123456");

	if (n >= SOCKET_PATH_MAX)
		return err_set(e, EXIT_USAGE,
			       "the path %s is too long: its socket would have %zu characters and must have fewer than %d; "
			       "use a shorter instance name or LIMA_HOME",
			       dir, n, SOCKET_PATH_MAX);
	return 0;
}

char *name_hostname(const char *name)
{
	char *host = xasprintf("lima-%s", name);

	for (char *p = host; *p; p++)
		if (*p == '.' || *p == '_')
			*p = '-';
	return host;
}
