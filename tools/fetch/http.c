/* http - see http.h. The multi interface is used for a single transfer, so that a signal ends it at once: poll also
 * waits for intr_fd. libcurl is not touched before the first request: what is in the cache never pays for it. */
#include "http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "fetch/intr.h"

#define BUFFER_SIZE (512L << 10)
#define POLL_MS 1000

struct transfer {
	const struct http_request *q;
	struct http_reply *r;
	struct err *e;
	bool in_body; /* head was called */
	bool location; /* the reply that is being read redirects */
	bool stopped;
};

static CURLM *multi;
static CURL *easy;

static int start(struct err *e)
{
	if (easy)
		return 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, EXIT_UNAVAIL, "libcurl cannot be initialised");
	multi = curl_multi_init();
	easy = curl_easy_init();
	if (!multi || !easy)
		return err_set(e, EXIT_UNAVAIL, "libcurl cannot be initialised: out of memory");
	return 0;
}

/* "bytes 100-199/1000" or "bytes 100-199/ *". */
static void read_range(const char *v, struct http_reply *r)
{
	unsigned long long first, last, total;
	char star;

	if (sscanf(v, "bytes %llu-%llu/%llu", &first, &last, &total) == 3) {
		if (first > last || last >= total)
			return;
		r->range_total = total;
	} else if (sscanf(v, "bytes %llu-%llu/%c", &first, &last, &star) != 3 || star != '*' || first > last) {
		return;
	}
	r->range_first = first;
	r->ranged = true;
}

static void read_length(const char *v, struct http_reply *r)
{
	char *end;
	unsigned long long n = strtoull(v, &end, 10);

	if (*v >= '0' && *v <= '9' && !*end && n <= INT64_MAX)
		r->length = (int64_t)n;
}

static void read_header(const char *name, const char *v, struct http_reply *r)
{
	const struct {
		const char *name;
		char *to;
	} texts[] = {
		{ "etag", r->etag },
		{ "last-modified", r->modified },
		{ "date", r->date },
		{ "content-type", r->type },
	};

	for (const char *p = v; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!strcasecmp(name, texts[i].name) && strlen(v) < HTTP_VALUE_MAX)
			memcpy(texts[i].to, v, strlen(v) + 1);
	if (!strcasecmp(name, "content-length"))
		read_length(v, r);
	if (!strcasecmp(name, "content-range"))
		read_range(v, r);
	if (!strcasecmp(name, "retry-after") && *v >= '0' && *v <= '9')
		r->retry_after = (unsigned)strtoul(v, NULL, 10);
}

static int enter_body(struct transfer *t)
{
	if (t->in_body)
		return 0;
	t->in_body = true;
	if (t->q->head(t->q->ctx, t->r, t->e) == 0)
		return 0;
	t->stopped = true;
	return -1;
}

static void read_line(struct transfer *t, char *line)
{
	char *v = strchr(line, ':');

	if (!strncmp(line, "HTTP/", 5)) {
		const char *space = strchr(line, ' ');

		*t->r = (struct http_reply){ .status = space ? strtol(space, NULL, 10) : 0, .length = -1 };
		t->location = false;
	} else if (v) {
		*v++ = '\0';
		read_header(line, v + strspn(v, " \t"), t->r);
		t->location = t->location || !strcasecmp(line, "location");
	}
}

/* Called for every line of every reply, those of redirects included: a status line begins anew. The empty line behind
 * the last reply's head ends it; what follows later are trailers. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	size_t n = size * count, len = n;
	bool more;
	char *line;

	if (t->in_body)
		return n;
	while (len && (data[len - 1] == '\n' || data[len - 1] == '\r' || data[len - 1] == ' ' || data[len - 1] == '\t'))
		len--;
	if (len) {
		line = xstrndup(data, len);
		read_line(t, line);
		free(line);
		return n;
	}
	more = t->r->status < 200 || (t->r->status / 100 == 3 && t->location);
	return more || enter_body(t) == 0 ? n : n + 1; /* any other number than n ends the transfer */
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	size_t n = size * count;

	if (enter_body(t) < 0)
		return n + 1;
	if (t->q->body(t->q->ctx, data, n, t->e) == 0)
		return n;
	t->stopped = true;
	return n + 1;
}

static struct curl_slist *header(struct curl_slist *list, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);

	list = curl_slist_append(list, line);
	free(line);
	return list;
}

static void set_protocols(const char *url)
{
	bool secure = !strncasecmp(url, "https:", 6);

#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, secure ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

static void set_options(struct transfer *t, char *message, struct curl_slist *headers)
{
	curl_easy_reset(easy);
	set_protocols(t->q->url);
	curl_easy_setopt(easy, CURLOPT_URL, t->q->url);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, HTTP_REDIRECTS);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, HTTP_CONNECT_S);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, HTTP_STALL_RATE);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)t->q->stall_s);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "lima-fetch/" LIMA_VERSION);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, message);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Do not wait for a name lookup that hangs when we give up on it. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* Runs the transfer to its end, or until a signal comes. */
static CURLcode run(struct err *e)
{
	struct curl_waitfd w = { .fd = intr_fd(), .events = CURL_WAIT_POLLIN };
	CURLcode code = CURLE_ABORTED_BY_CALLBACK;
	int running = 1, left;
	CURLMsg *m;

	curl_multi_add_handle(multi, easy);
	while (intr_check(e) == 0) {
		if (curl_multi_perform(multi, &running) != CURLM_OK || !running)
			break;
		curl_multi_poll(multi, &w, w.fd >= 0 ? 1 : 0, POLL_MS, NULL);
	}
	while ((m = curl_multi_info_read(multi, &left)))
		if (m->msg == CURLMSG_DONE)
			code = m->data.result;
	curl_multi_remove_handle(multi, easy);
	return code;
}

static enum http_end connect_phase(CURLcode code)
{
	curl_off_t connected = 0;

	/* A time-out before the connection stood is a host that cannot be reached; later it is a stall. */
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	return code == CURLE_OPERATION_TIMEDOUT && connected == 0 ? HTTP_UNREACHABLE : HTTP_BROKEN;
}

static enum http_end classify(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return HTTP_DONE;
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return HTTP_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return connect_phase(code);
	default:
		return HTTP_FAILED;
	}
}

static const char *why_unreachable(CURLcode code)
{
	long number = 0;

	if (code == CURLE_COULDNT_RESOLVE_HOST)
		return "its name cannot be resolved";
	if (code == CURLE_COULDNT_RESOLVE_PROXY)
		return "the name of the proxy cannot be resolved";
	if (code == CURLE_OPERATION_TIMEDOUT)
		return "no answer in 10 seconds";
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
	return number ? strerror((int)number) : "it cannot be connected";
}

static void explain(const struct transfer *t, CURLcode code, const char *message)
{
	enum http_end end = classify(code);

	if (t->e->code)
		return;
	if (end == HTTP_UNREACHABLE)
		err_set(t->e, EXIT_UNAVAIL, "cannot reach %s (%s)", t->q->host, why_unreachable(code));
	else if (code == CURLE_OPERATION_TIMEDOUT)
		err_set(t->e, EXIT_UNAVAIL, "%s: the server sent less than %ld bytes a second for %u seconds",
			t->q->shown,
			HTTP_STALL_RATE, t->q->stall_s);
	else
		err_set(t->e, EXIT_UNAVAIL, "%s: %s", t->q->shown, *message ? message : curl_easy_strerror(code));
}

enum http_end http_get(const struct http_request *q, struct http_reply *r, struct err *e)
{
	struct transfer t = { .q = q, .r = r, .e = e };
	char message[CURL_ERROR_SIZE] = "", range[32];
	struct curl_slist *headers = NULL;
	CURLcode code;

	*r = (struct http_reply){ .length = -1 };
	if (start(e) < 0)
		return HTTP_FAILED;
	if (q->if_range)
		headers = header(headers, "If-Range", q->if_range);
	if (q->if_none_match)
		headers = header(headers, "If-None-Match", q->if_none_match);
	if (q->if_modified_since)
		headers = header(headers, "If-Modified-Since", q->if_modified_since);
	set_options(&t, message, headers);
	snprintf(range, sizeof(range), "%llu-", (unsigned long long)q->from);
	if (q->from > 0)
		curl_easy_setopt(easy, CURLOPT_RANGE, range);
	code = run(e);
	if (code == CURLE_OK && enter_body(&t) < 0)
		code = CURLE_WRITE_ERROR;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (t.stopped)
		return HTTP_STOPPED;
	if (code != CURLE_OK)
		explain(&t, code, message);
	return classify(code);
}
