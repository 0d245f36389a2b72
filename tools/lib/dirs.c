/* dirs - see dirs.h. */
#include "dirs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "buf.h"
#include "file.h"
#include "name.h"

static int check_home(const char *path, struct err *e)
{
	if (path[0] != '/')
		return err_set(e, EXIT_USAGE, "LIMA_HOME: '%s' is not an absolute path", path);
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\' || (p[0] == '$' && p[1] == '{'))
			return err_set(e, EXIT_USAGE,
				       "LIMA_HOME: '%s' has a control character, '\"', '\\' or '${' in it, which ssh cannot take; "
				       "choose another path",
				       path);
	return 0;
}

char *dirs_home(struct err *e)
{
	const char *env = getenv("LIMA_HOME"), *home = getenv("HOME");
	char *path, *real, *probe;

	if (env && *env) {
		path = xstrdup(env);
	} else if (home && *home) {
		path = path_join(home, ".lima");
	} else {
		err_set(e, EXIT_USAGE, "neither LIMA_HOME nor HOME is set; set one of them");
		return NULL;
	}
	real = realpath(path, NULL);
	if (real) {
		free(path);
		path = real;
	}
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	probe = path_join(path, "x");
	if (check_home(path, e) < 0 || name_check_socket_path(probe, e) < 0) {
		free(path);
		path = NULL;
	}
	free(probe);
	return path;
}

char *dirs_instance(const char *name, struct err *e)
{
	char *home, *dir;

	if (name_check_instance(name, e) < 0 || !(home = dirs_home(e)))
		return NULL;
	dir = path_join(home, name);
	free(home);
	if (name_check_socket_path(dir, e) < 0) {
		free(dir);
		return NULL;
	}
	return dir;
}

char *dirs_cache(struct err *e)
{
	const char *home = getenv("HOME");
#ifdef __APPLE__
	const char *below = "Library/Caches/lima";
#else
	const char *xdg = getenv("XDG_CACHE_HOME"), *below = ".cache/lima";

	if (xdg && xdg[0] == '/')
		return path_join(xdg, "lima");
#endif
	if (!home || home[0] != '/') {
		err_set(e, EXIT_USAGE, "HOME is not set to an absolute path; set it, or XDG_CACHE_HOME");
		return NULL;
	}
	return path_join(home, below);
}

char *dirs_bin(struct err *e)
{
	char path[PATH_MAX];
	char *real, *slash;
#ifdef __APPLE__
	uint32_t n = sizeof(path);

	if (_NSGetExecutablePath(path, &n) != 0) {
#else
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0)
		path[n] = '\0';
	if (n <= 0) {
#endif
		err_set(e, EXIT_INTERNAL, "cannot find the path of this program");
		return NULL;
	}
	real = realpath(path, NULL);
	if (!real)
		real = xstrdup(path);
	slash = strrchr(real, '/');
	if (slash)
		*slash = '\0';
	return real;
}

char *dirs_share(struct err *e)
{
	const char *env = getenv("LIMA_SHARE");
	char *bin, *share, *real;

	if (env && *env)
		return xstrdup(env);
	bin = dirs_bin(e);
	if (!bin)
		return NULL;
	share = xasprintf("%s/../share/lima", bin);
	free(bin);
	real = realpath(share, NULL);
	if (!real)
		err_sys(e, EXIT_UNAVAIL, "cannot find the installed files in %s; set LIMA_SHARE", share);
	free(share);
	return real;
}
