/* get - see get.h. */
#include "get.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "fetch/download.h"
#include "fetch/recipe.h"
#include "fetch/stamp.h"

void got_free(struct got *g)
{
	source_free(&g->data);
	source_free(&g->kernel);
	source_free(&g->initrd);
	source_free(&g->cmdline);
}

int source_open(const struct entry *en, const char *name, const char *location, struct source *s, struct err *e)
{
	bool missing;
	int fd = entry_open_file(en, name, &missing, e);

	if (fd < 0)
		return missing ? 0 : -1;
	*s = (struct source){ .path = entry_path(en, name), .fd = fd, .cached = true, .location = xstrdup(location) };
	return 0;
}

static int check_digest(int fd, const char *name, const struct digest *want, struct err *e)
{
	struct digest has = { .alg = want->alg };
	struct sha *s = sha_new(want->alg);
	char expected[SHA_TEXT_SIZE], got[SHA_TEXT_SIZE];

	if (sha_add_fd(s, fd, UINT64_MAX, name, e) < 0) {
		sha_drop(s);
		return -1;
	}
	sha_end(s, has.hex);
	if (!strcmp(has.hex, want->hex))
		return 0;
	digest_format(want, expected);
	digest_format(&has, got);
	return err_set(e, EXIT_BADDATA, "%s: the digest is %s instead of %s", name, got, expected);
}

/* Local files are used where they are; O_NONBLOCK because opening a fifo would wait. */
static int get_file(const struct locator *l, const struct digest *want, struct got *g, struct err *e)
{
	int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(e, errno == ENOENT ? EXIT_NO : EXIT_IOERR, "cannot open %s", l->path);
	g->data = (struct source){ .path = xstrdup(l->path), .fd = fd, .location = xstrdup(l->text) };
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EXIT_BADDATA, "%s is not a regular file", l->path);
	return want ? check_digest(fd, l->path, want, e) : 0;
}

static int not_cached(const struct locator *l, const char *why, struct err *e)
{
	return err_set(e, EXIT_UNAVAIL, "%s: %s, and --offline forbids to fetch it; run once without --offline",
		       l->shown, why);
}

/* Fetches what the cache does not have, or not so. */
static int fetch(struct session *se, const struct locator *l, const struct entry *en, const struct digest *want,
		 struct stamp *s, enum verdict verdict, struct err *e)
{
	static const char *const states[] = {
		[VERDICT_GOOD] = "",
		[VERDICT_MISSING] = "it is not in the cache",
		[VERDICT_OTHER] = "the copy in the cache has another digest",
		[VERDICT_DAMAGED] = "the copy in the cache is damaged",
	};

	if (se->offline)
		return not_cached(l, states[verdict], e);
	if (session_dead(se, l->host))
		return err_set(e, EXIT_UNAVAIL, "%s: cannot reach %s", l->shown, l->host);
	if (verdict != VERDICT_MISSING)
		warn_msg("%s: %s; fetching it again", l->shown, states[verdict]);
	if (verdict == VERDICT_DAMAGED)
		entry_unlink(en, E_DATA);
	if (!want && !strncasecmp(l->text, "http:", 5) && !se->quiet)
		warn_msg("%s: no digest and plain http: nothing protects it against changes on the way", l->shown);
	return download(se, l, en, want, s, NULL, e);
}

/* A copy without a digest to go by: the server is asked whether it has a newer one, but the copy will do. */
static int refresh(struct session *se, const struct locator *l, const struct entry *en, struct stamp *s, struct err *e)
{
	struct err why = { 0 };
	bool unchanged;

	if (se->offline || session_dead(se, l->host) || download(se, l, en, NULL, s, &unchanged, &why) == 0)
		return 0;
	if (why.code != EXIT_UNAVAIL) {
		*e = why;
		return -1;
	}
	if (!se->quiet)
		warn_msg("%s; using the copy in the cache", why.msg);
	return 0;
}

static int get_cached_url(struct session *se, const struct locator *l, const struct entry *en,
			  const struct digest *want,
			  struct err *e)
{
	enum verdict verdict;
	struct digest has;
	struct stamp s;
	int fd, r;

	stamp_load(en, &s);
	r = stamp_verify(en, &s, STAMP_DATA, want, &fd, &has, &verdict, e);
	if (r == 0 && fd >= 0)
		close(fd);
	if (r == 0 && verdict != VERDICT_GOOD)
		r = fetch(se, l, en, want, &s, verdict, e);
	else if (r == 0 && want)
		entry_sweep(en, true); /* nobody will go on with a newer version that was begun */
	else if (r == 0)
		r = refresh(se, l, en, &s, e);
	stamp_free(&s);
	return r;
}

static int get_url(struct session *se, const struct locator *l, const struct digest *want, struct got *g, struct err *e)
{
	struct entry en;
	int r;

	if (entry_open(l->text, l->shown, se->quiet, &en, e) < 0)
		return -1;
	r = get_cached_url(se, l, &en, want, e);
	if (r == 0)
		r = source_open(&en, E_DATA, l->text, &g->data, e);
	if (r < 0)
		rmdir(en.dir); /* only succeeds when nothing is in it */
	entry_close(&en);
	return r;
}

int get_location(struct session *se, const char *location, const struct digest *want, struct got *g, struct err *e)
{
	struct locator l;
	int r;

	*g = (struct got){ 0 };
	if (locator_parse(location, &l, e) < 0)
		return -1;
	r = l.kind == LOCATOR_URL    ? get_url(se, &l, want, g, e)
	    : l.kind == LOCATOR_FILE ? get_file(&l, want, g, e)
				     : get_recipe(se, &l, want, g, e);
	locator_free(&l);
	if (r < 0)
		got_free(g);
	return r;
}
