/* locator_github - github:ORG[/REPO[/PATH]][@REF] as the address of the raw file. Without REF it is the default branch, which the
 * server of raw files knows as HEAD. Source of the rules: spec/cli.md section 5. */
#include <stdlib.h>
#include <string.h>

#include "locator_priv.h"

#define RAW "https://raw.githubusercontent.com"
#define DEFAULT_FILE ".lima.yaml"

/* "" -> .lima.yaml, "x/" -> x/.lima.yaml, "x" -> x.yaml, "x.txt" stays. The caller frees it. */
static char *file_of(const char *path)
{
	size_t n = strlen(path);
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	if (n == 0 || path[n - 1] == '/')
		return xasprintf("%s" DEFAULT_FILE, path);
	return *base && strchr(base + 1, '.') ? xstrdup(path) : xasprintf("%s.yaml", path);
}

static bool climbs(const char *path)
{
	for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/')
		if (strcspn(p, "/") == 2 && !strncmp(p, "..", 2))
			return true;
	return false;
}

char *locator_github(const char *locator, struct err *e)
{
	const char *rest = locator + strlen("github:"), *at = strchr(rest, '@');
	char *path = xstrndup(rest, at ? (size_t)(at - rest) : strlen(rest)), *file, *url = NULL;
	const char *ref = at ? at + 1 : "HEAD", *repo, *inside;
	size_t org = strcspn(path, "/");

	if (org == 0) {
		err_set(e, EXIT_USAGE, "github: URL must contain at least an ORG, got `%s`", rest);
	} else if (climbs(path) || climbs(ref) || !*ref) {
		err_set(e, EXIT_USAGE, "%s: neither \"..\" nor an empty name after the \"@\" is allowed", locator);
	} else {
		repo = path[org] ? path + org + 1 : "";
		inside = repo + strcspn(repo, "/");
		file = file_of(*inside ? inside + 1 : "");
		if (inside == repo) /* a repository called like its owner */
			url = xasprintf(RAW "/%.*s/%.*s/%s/%s", (int)org, path, (int)org, path, ref, file);
		else
			url = xasprintf(RAW "/%.*s/%.*s/%s/%s", (int)org, path, (int)(inside - repo), repo, ref, file);
		free(file);
	}
	free(path);
	return url;
}
