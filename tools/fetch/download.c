/* download - see download.h. http.c makes one request; this file decides about the next. */
#include "download.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fetch/http.h"
#include "fetch/intr.h"
#include "fetch/part.h"
#include "num.h"
#include "progress.h"

/* A try that brought this much does not count as a failed one: a long download may break often. */
#define PROGRESS_MIN (1u << 20)
/* A host that cannot be reached is asked again only when nothing else can be tried, and not often. */
#define UNREACHABLE_RETRIES 2u
/* How often bytes that do not fit are thrown away to begin anew. */
#define RESTARTS_MAX 2u

struct job {
	struct session *se;
	const struct locator *l;
	struct part part;
	struct progress *progress;
	struct http_reply reply;
	bool again; /* the reply does not fit the bytes we have: begin anew */
};

static int too_large(const struct job *j, struct err *e)
{
	char limit[32];

	size_format(j->se->max_size, limit, sizeof(limit));
	return err_set(e, EXIT_BADDATA, "%s: larger than the limit of %s; --max-size raises it", j->l->shown, limit);
}

/* The head of a reply to a request for the rest: does it continue exactly what we have? */
static bool continues(const struct job *j, const struct http_reply *r)
{
	const struct part *p = &j->part;
	const char *now = p->etag ? r->etag : r->modified;

	return r->ranged && r->range_first == p->have && p->validator && (!*now || !strcmp(now, p->validator)) &&
	       (!p->length || !r->range_total || r->range_total == p->length);
}

static void show(struct job *j)
{
	char *what = xasprintf("fetching %s", j->l->shown);

	if (!j->progress)
		j->progress = progress_start(what, j->se->quiet);
	free(what);
}

static int on_head(void *ctx, const struct http_reply *r, struct err *e)
{
	struct job *j = ctx;
	uint64_t length = r->length > 0 ? (uint64_t)r->length : 0;

	if (r->status == 206 && continues(j, r)) {
		if (!j->part.length)
			j->part.length = r->range_total;
		j->part.resumed = true;
		show(j);
		progress_bytes(j->progress, j->part.have, j->part.length);
		return j->part.length > j->se->max_size ? too_large(j, e) : 0;
	}
	if (r->status == 206)
		j->again = true;
	if (r->status != 200)
		return r->status == 304 ? 0 : -1; /* nobody wants the body of an error */
	if (length > j->se->max_size)
		return too_large(j, e);
	show(j);
	if (part_restart(&j->part, r->etag, r->modified, r->date, length, e) < 0)
		return -1;
	progress_bytes(j->progress, 0, length);
	return 0;
}

static int on_body(void *ctx, const void *data, size_t n, struct err *e)
{
	struct job *j = ctx;

	if (j->part.have + n > j->se->max_size)
		return too_large(j, e);
	if (part_add(&j->part, data, n, e) < 0)
		return -1;
	progress_bytes(j->progress, j->part.have, j->part.length);
	return 0;
}

static enum http_end request(struct job *j, const struct stamp *s, const char *time, bool conditional, struct err *e)
{
	bool resume = j->part.have > 0 && j->part.validator;
	struct http_request q = {
		.url = j->l->text,
		.shown = j->l->shown,
		.host = j->l->host,
		.from = resume ? j->part.have : 0,
		.if_range = resume ? j->part.validator : NULL,
		.if_none_match = conditional ? s->etag : NULL,
		.if_modified_since = conditional && !s->etag && *time ? time : NULL,
		.stall_s = j->se->stall_s,
		.ctx = j,
		.head = on_head,
		.body = on_body,
	};

	j->again = false;
	return http_get(&q, &j->reply, e);
}

static bool transient(long status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static const char *advice(long status)
{
	return status == 404 || status == 410 ? "; check the URL"
	       : status == 401 || status == 403 || status == 407 ? "; it wants credentials or refuses this client"
	       : transient(status) ? "; try again later"
				   : "";
}

/* What a request came to. */
enum step { STEP_DONE, STEP_UNCHANGED, STEP_RETRY, STEP_RESTART, STEP_UNREACHABLE, STEP_FAIL };

static enum step judge_reply(struct job *j, struct err *e)
{
	long status = j->reply.status;

	if (j->again || status == 416) {
		err_set(e, EXIT_UNAVAIL, "%s: the server cannot continue the download", j->l->shown);
		return STEP_RESTART;
	}
	if (status == 304)
		return STEP_UNCHANGED;
	if (status == 200 || status == 206) {
		if (!j->part.length || j->part.have == j->part.length)
			return STEP_DONE;
		err_set(e, EXIT_UNAVAIL, "%s: the server sent %llu of %llu bytes", j->l->shown,
			(unsigned long long)j->part.have,
			(unsigned long long)j->part.length);
		return j->part.have > j->part.length ? STEP_RESTART : STEP_RETRY;
	}
	err_set(e, EXIT_UNAVAIL, "%s: the server answered with HTTP status %ld%s", j->l->shown, status, advice(status));
	return transient(status) ? STEP_RETRY : STEP_FAIL;
}

static enum step judge(struct job *j, enum http_end end, struct err *e)
{
	switch (end) {
	case HTTP_DONE:
		return judge_reply(j, e);
	case HTTP_STOPPED:
		return e->code ? STEP_FAIL : judge_reply(j, e);
	case HTTP_UNREACHABLE:
		return STEP_UNREACHABLE;
	case HTTP_BROKEN:
		return STEP_RETRY;
	default:
		return STEP_FAIL;
	}
}

/* 1, 2, 4, ... seconds, or what the server asks for; ended early by a signal. */
static int back_off(const struct job *j, unsigned failed, unsigned limit, struct err *why)
{
	struct pollfd p = { .fd = intr_fd(), .events = POLLIN };
	unsigned s = failed < 5 ? 1u << (failed - 1) : FETCH_BACKOFF_MAX_S;
	struct timespec now;
	int jitter_ms;

	if (s < j->reply.retry_after)
		s = j->reply.retry_after;
	if (s > FETCH_BACKOFF_MAX_S)
		s = FETCH_BACKOFF_MAX_S;
	progress_clear(j->progress);
	if (!j->se->quiet)
		warn_msg("%s; trying again in %us (%u of %u)", why->msg, s, failed, limit);
	clock_gettime(CLOCK_MONOTONIC, &now);
	jitter_ms = (int)(now.tv_nsec / 1000 % 250); /* many that failed together need not come back together */
	poll(&p, 1, (int)s * 1000 + jitter_ms);
	return intr_check(why);
}

bool session_dead(const struct session *se, const char *host)
{
	for (size_t i = 0; i < se->dead.n; i++)
		if (!strcmp(se->dead.v[i], host))
			return true;
	return false;
}

static void give_up_host(struct job *j, struct err *why)
{
	struct err reason = *why;

	strv_add(&j->se->dead, j->l->host);
	strv_add(&j->se->dead_why, reason.msg);
	err_set(why, reason.code, "%s: %s; check the network and the proxy variables", j->l->shown, reason.msg);
}

struct tries {
	unsigned failed, unreachable, restarts;
	bool conditional;
};

/* Whether another request is worth it after one that ended with `step`; waits before it. *why says what happened. */
static bool worth_another(struct job *j, struct tries *t, enum step step, struct err *why)
{
	if (step == STEP_RESTART)
		return ++t->restarts <= RESTARTS_MAX && part_restart(&j->part, "", "", "", 0, why) == 0;
	if (step == STEP_UNREACHABLE) {
		unsigned limit = j->se->retries < UNREACHABLE_RETRIES ? j->se->retries : UNREACHABLE_RETRIES;

		if (!j->se->alternative && !t->conditional && ++t->unreachable <= limit)
			return back_off(j, t->unreachable, limit, why) == 0;
		give_up_host(j, why);
		return false;
	}
	if (step != STEP_RETRY || t->conditional || ++t->failed > j->se->retries)
		return false;
	return back_off(j, t->failed, j->se->retries, why) == 0;
}

/* Requests until the part is complete, the server says that nothing changed, or it is hopeless. When `conditional`
 * there is a copy that can be used: then one try must do. */
static int transfer(struct job *j, const struct stamp *s, const char *time, bool conditional, bool *unchanged,
		    struct err *e)
{
	struct tries t = { .conditional = conditional };

	for (;;) {
		uint64_t before = j->part.have;
		struct err why = { 0 };
		enum step step = judge(j, request(j, s, time, conditional && before == 0, &why), &why);

		*unchanged = step == STEP_UNCHANGED;
		if (step == STEP_DONE || (step == STEP_UNCHANGED && conditional && before == 0))
			return 0;
		if (step == STEP_UNCHANGED)
			err_set(&why, EXIT_UNAVAIL, "%s: the server answered 304 to a plain request", j->l->shown);
		if (j->part.have >= before + PROGRESS_MIN)
			t.failed = 0;
		if (!worth_another(j, &t, step, &why)) {
			*e = why;
			return -1;
		}
	}
}

static int wrong_digest(const struct locator *l, const struct digest *want, const struct digest *has, struct err *e)
{
	char expected[SHA_TEXT_SIZE], got[SHA_TEXT_SIZE];

	digest_format(want, expected);
	digest_format(has, got);
	return err_set(e, EXIT_BADDATA,
		       "%s: the digest is %s instead of %s: the file was changed or damaged; "
		       "if you trust it, correct the digest",
		       l->shown, got, expected);
}

/* The small files are written in the order in which a crash between them does least harm: the stamp names the new data
 * by inode, so it says nothing about the old one; the old ALG.digest still fits the old data. */
static int publish(struct job *j, const struct entry *en, struct stamp *s, const struct digest *has, struct err *e)
{
	const struct http_reply *r = &j->reply;
	const char *validator = j->part.validator ? j->part.validator : "";
	/* Without a reply: an earlier run had received everything. */
	char *etag = xstrdup(r->etag[0] || !j->part.etag ? r->etag : validator);
	char *modified = xstrdup(r->modified[0] || j->part.etag ? r->modified : validator);
	int ret = -1;

	free(s->etag);
	s->etag = *etag ? etag : NULL;
	memset(s->item, 0, sizeof(s->item));
	if (entry_write(en, E_URL, en->url, e) == 0 && stamp_set(s, STAMP_DATA, j->part.fd, has, e) == 0 &&
	    stamp_save(en, s, e) == 0 && part_publish(&j->part, e) == 0 && digest_publish(en, has, e) == 0 &&
	    entry_write(en, E_TIME, modified, e) == 0 && entry_write(en, E_TYPE, r->type, e) == 0)
		ret = 0;
	if (!*etag)
		free(etag);
	free(modified);
	return ret;
}

/* Gets the whole file into the part and publishes it when its digest is right. Bytes that were added to those of an
 * earlier reply may be of different ages: then it begins once more before it blames the server. */
static int fill(struct job *j, const struct entry *en, const struct digest *want, struct stamp *s, const char *time,
		bool conditional, bool *unchanged, struct err *e)
{
	for (unsigned round = 0;; round++) {
		bool complete = j->part.resumed && j->part.length && j->part.have == j->part.length;
		struct digest has;

		if (!complete && transfer(j, s, time, conditional, unchanged, e) < 0)
			return -1;
		if (*unchanged)
			return 0;
		if (part_finish(&j->part, &has, e) < 0)
			return -1;
		if (!want || (want->alg == has.alg && !strcmp(want->hex, has.hex)))
			return publish(j, en, s, &has, e);
		if (!j->part.resumed || round == RESTARTS_MAX) {
			part_discard(&j->part);
			return wrong_digest(j->l, want, &has, e);
		}
		if (part_restart(&j->part, "", "", "", 0, e) < 0)
			return -1;
	}
}

int download(struct session *se, const struct locator *l, const struct entry *en, const struct digest *want,
	     struct stamp *s, bool *unchanged, struct err *e)
{
	struct job j = { .se = se, .l = l };
	bool conditional = unchanged != NULL, same = false;
	struct buf time = { 0 };
	int r;

	if (part_open(en, want ? want->alg : SHA_256, want != NULL, &j.part, e) < 0)
		return -1;
	entry_read(en, E_TIME, &time);
	if (!conditional)
		show(&j);
	r = fill(&j, en, want, s, buf_str(&time), conditional, &same, e);
	progress_end(j.progress, r == 0);
	if ((r < 0 && (j.part.have == 0 || !j.part.validator)) || same)
		part_discard(&j.part);
	if (unchanged)
		*unchanged = same;
	part_close(&j.part);
	buf_free(&time);
	return r;
}
