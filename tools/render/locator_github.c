/* locator_github - github:ORG[/REPO[/PATH]][@REF] as the address of the raw file. Without REF it is the default branch, which the
 * server of raw files knows as HEAD, so that nothing has to ask GitHub's API for its name (and no token is needed).
 *
 * A .yaml file is looked into, because two kinds of small files stand for others: a symbolic link, whose raw file is the path that it
 * leads to, and in a repository called like its owner a line "github:ORG/...", which leads to another repository of that owner; the
 * REF of the first goes with it. Source of the rules: spec/cli.md section 5, spec/lima-yaml.md section 7.5. */
#include <stdlib.h>
#include <string.h>

#include "locator_priv.h"

#define RAW "https://raw.githubusercontent.com"
#define DEFAULT_FILE ".lima.yaml"
#define DEFAULT_REF "HEAD"
#define LINKS_MAX 8   /* one behind the other */
#define LINK_LEN 1024 /* bytes; a link is not longer */

/* "" -> .lima.yaml, "x/" -> x/.lima.yaml, "x" -> x.yaml, "x.txt" stays. The caller frees it. */
static char *file_of(const char *path)
{
	size_t n = strlen(path);
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	if (n == 0 || path[n - 1] == '/')
		return xasprintf("%s" DEFAULT_FILE, path);
	return *base && strchr(base + 1, '.') ? xstrdup(path) : xasprintf("%s.yaml", path);
}

struct github {
	char *org, *repo, *path;
	char *ref; /* NULL: the default branch */
};

static void github_free(struct github *g)
{
	free(g->org);
	free(g->repo);
	free(g->path);
	free(g->ref);
}

/* Whether a cleaned relative path leads out of where it starts. */
static bool climbs(const char *clean)
{
	return !strncmp(clean, "..", 2) && (!clean[2] || clean[2] == '/');
}

/* Takes a path inside of the repository over, cleaned. */
static int set_path(struct github *g, char *path)
{
	free(g->path);
	g->path = locator_clean(path);
	free(path);
	return climbs(g->path) || *g->path == '/' ? -1 : 0;
}

static int parse(const char *locator, struct github *g, struct err *e)
{
	const char *rest = locator + strlen("github:"), *at = strchr(rest, '@'), *repo, *inside;
	size_t len = at ? (size_t)(at - rest) : strlen(rest), org = strcspn(rest, "/@"), n;
	char *ref, *path;
	bool wrong;

	if (org == 0)
		return err_set(e, EXIT_USAGE, "github: URL must contain at least an ORG, got `%s`", rest);
	repo = rest + org + (rest[org] == '/');
	n = strcspn(repo, "/@");
	g->org = xstrndup(rest, org);
	g->repo = n ? xstrndup(repo, n) : xstrdup(g->org); /* a repository called like its owner */
	inside = repo[n] == '/' ? repo + n + 1 : rest + len;
	path = xstrndup(inside, (size_t)(rest + len - inside));
	wrong = set_path(g, file_of(path)) < 0 || !strcmp(g->org, "..") || !strcmp(g->repo, "..");
	free(path);
	if (at) {
		g->ref = xstrdup(at + 1);
		ref = locator_clean(g->ref);
		wrong |= !*g->ref || climbs(ref);
		free(ref);
	}
	if (wrong)
		return err_set(e, EXIT_USAGE, "%s: neither a path out of the repository nor an empty name after the \"@\" is allowed",
			       locator);
	return 0;
}

static char *raw_url(const struct github *g, const char *ref)
{
	return xasprintf(RAW "/%s/%s/%s/%s", g->org, g->repo, ref ? ref : DEFAULT_REF, g->path);
}

static int fetch(const struct github *g, const char *ref, const struct locator_ctx *ctx, struct buf *text, struct err *e)
{
	char *url = raw_url(g, ref);
	int r = locator_fetch(url, ctx, text, NULL, e);

	free(url);
	return r;
}

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && !strcmp(s + n - k, suffix);
}

static bool is_link(const struct buf *text)
{
	return text->len > 0 && text->len <= LINK_LEN && strlen(text->data) == text->len && !strpbrk(text->data, "\n :");
}

static int follow_link(struct github *g, const char *target, struct err *e)
{
	const char *slash = strrchr(g->path, '/');
	char *from = xstrdup(g->path);
	int r = -1;

	if (*target != '/')
		r = set_path(g, xasprintf("%.*s%s", slash ? (int)(slash + 1 - g->path) : 0, from, target));
	if (r < 0)
		err_set(e, EXIT_BADDATA, "%s of github:%s/%s is a symbolic link that leads out of the repository: %s", from, g->org,
			g->repo, target);
	free(from);
	return r;
}

/* The locator that the file of an owner's repository redirects to. NULL and *e when it may not. */
static char *redirect(const struct github *g, const struct buf *text, struct err *e)
{
	const char *start = buf_str(text);
	size_t n = strcspn(start, "\n"), org = strlen(g->org);
	char *line, *to = NULL;

	while (n && strchr(" \t\r", start[n - 1]))
		n--;
	line = xstrndup(start, n);
	if (strncmp(line, "github:", 7) != 0 || strncmp(line + 7, g->org, org) != 0 || line[7 + org] != '/')
		err_set(e, EXIT_BADDATA, "%s of github:%s redirects to %s, which is not below github:%s/", g->path, g->org, line, g->org);
	else if (strchr(line, '@'))
		err_set(e, EXIT_BADDATA, "%s of github:%s redirects to %s, which must have no \"@\"", g->path, g->org, line);
	else
		to = g->ref ? xasprintf("%s@%s", line, g->ref) : xstrdup(line);
	free(line);
	return to;
}

static bool is_redirect(const struct buf *text)
{
	return !strncmp(buf_str(text), "github:", 7);
}

/* The file as REF has it, or the redirection that the default branch of an owner's repository has for it. */
static int read_small(const struct github *g, const struct locator_ctx *ctx, struct buf *text, struct err *e)
{
	struct err ignored = { 0 };

	if (fetch(g, g->ref, ctx, text, e) == 0)
		return 0;
	/* What lima-fetch says of a file that is not there. */
	if (!g->ref || strcmp(g->org, g->repo) != 0 || !strstr(e->msg, "HTTP status 404"))
		return -1;
	text->len = 0;
	if (fetch(g, NULL, ctx, text, &ignored) < 0 || !is_redirect(text))
		return -1;
	*e = (struct err){ 0 };
	return 0;
}

/* The address, or the next locator, of what may be a link or a redirection. */
static char *look(struct github *g, const struct locator_ctx *ctx, struct err *e)
{
	for (int links = 0; links <= LINKS_MAX; links++) {
		struct buf text = { 0 };
		char *found = NULL;
		int r = 0;

		if (!ends_with(g->path, ".yaml") && !ends_with(g->path, ".yml"))
			return raw_url(g, g->ref);
		r = read_small(g, ctx, &text, e);
		if (r == 0 && !strcmp(g->org, g->repo) && is_redirect(&text))
			r = (found = redirect(g, &text, e)) ? 0 : -1;
		else if (r == 0 && is_link(&text))
			r = follow_link(g, text.data, e);
		else if (r == 0)
			found = raw_url(g, g->ref);
		buf_free(&text);
		if (r < 0 || found)
			return found;
	}
	err_set(e, EXIT_BADDATA, "github:%s/%s: more than %d symbolic links, one behind the other", g->org, g->repo, LINKS_MAX);
	return NULL;
}

char *locator_github(const char *locator, const struct locator_ctx *ctx, struct err *e)
{
	struct github g = { 0 };
	char *to = parse(locator, &g, e) == 0 ? look(&g, ctx, e) : NULL;

	github_free(&g);
	return to;
}
