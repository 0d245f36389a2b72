/* screenshot - see screenshot.h. QEMU writes a file in the instance's directory; it is opened, removed and sent from
 * there, so neither side has to hold it in memory. A file that a killed host agent leaves has a name that the next build
 * sweeps away. */
#include "screenshot.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api.h"
#include "bmp.h"
#include "hostagent/agent.h"
#include "hostagent/machine/qmp.h"
#include "loop/httpd.h"

#define PATIENCE_S 10

struct shot_format {
	const char *name, *type;
	const char *qemu; /* the word for QEMU; NULL: its own way, a pixmap */
};

static const struct shot_format formats[] = {
	{ "png", "image/png", "png" },
	{ "bmp", "image/bmp", NULL },
	{ "ppm", "image/x-portable-pixmap", NULL },
};

static void release(struct shot *s)
{
	unlink(s->path);
	free(s->path);
	if (s->timer)
		event_free(s->timer);
	*s = (struct shot){ 0 };
}

static void refuse(struct shot *s, int code, const char *why)
{
	struct evhttp_request *req = s->req;

	s->req = NULL;
	if (!req)
		return;
	httpd_release(s->a->httpd, req);
	httpd_error(req, code, why);
}

/* The picture as a bitmap, in another file that has no name; -1 and *e. */
static int converted(const struct shot *s, int ppm, struct err *e)
{
	int fd;

	unlink(s->path);
	fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, EXIT_CANTCREATE, "cannot create %s", s->path);
	if (bmp_from_ppm(ppm, fd, e) == 0)
		return fd;
	close(fd);
	return -1;
}

/* What QEMU wrote, in the format that was asked for. */
static int open_picture(const struct shot *s, off_t *size, struct err *e)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), ppm;
	struct stat st;

	if (fd < 0)
		return err_sys(e, EXIT_IOERR, "cannot open the picture %s", s->path);
	if (!strcmp(s->format->name, "bmp")) {
		ppm = fd;
		fd = converted(s, ppm, e);
		close(ppm);
	}
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= SCREENSHOT_BYTES_MAX) {
		*size = st.st_size;
		return fd;
	}
	close(fd);
	return err_set(e, EXIT_BADDATA, "the picture is empty, or larger than %u MiB", SCREENSHOT_BYTES_MAX >> 20);
}

static void send_picture(struct shot *s)
{
	struct evhttp_request *req = s->req;
	struct err e = { 0 };
	struct evkeyvalq *headers;
	struct evbuffer *body;
	off_t size;
	int fd = open_picture(s, &size, &e);

	if (fd < 0) {
		refuse(s, HTTP_INTERNAL, e.msg);
		return;
	}
	s->req = NULL;
	httpd_release(s->a->httpd, req);
	headers = evhttp_request_get_output_headers(req);
	evhttp_add_header(headers, "Content-Type", s->format->type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	body = evbuffer_new();
	evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD); /* sendfile will do */
	evbuffer_add_file(body, fd, 0, size);                 /* closes it */
	evhttp_send_reply(req, HTTP_OK, NULL, body);
	evbuffer_free(body);
}

static void explain(struct shot *s, const char *error)
{
	char *text;

	if (strstr(error, "no console")) {
		refuse(s, 422, "the machine has no display; set video.display, for instance to vnc");
	} else if (s->format->qemu && (strstr(error, "'format'") || strstr(error, "PNG"))) {
		text = xasprintf("this QEMU cannot write %s (7.1 or newer can); ask for format=bmp", s->format->name);
		refuse(s, HTTP_NOTIMPLEMENTED, text);
		free(text);
	} else {
		text = xasprintf("QEMU could not take the picture: %s", error);
		refuse(s, HTTP_INTERNAL, text);
		free(text);
	}
}

static void on_taken(void *arg, const cJSON *ret, const char *error)
{
	struct shot *s = arg;

	(void)ret;
	if (s->req && error)
		explain(s, error);
	else if (s->req)
		send_picture(s);
	release(s);
}

/* The slot stays taken until QEMU answers: it may still write the file. */
static void on_too_long(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	refuse(arg, 504, "QEMU did not take the picture in time; 'status' may say why");
}

static const struct shot_format *wanted_format(const struct evhttp_request *req)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req)), *name = NULL;
	const struct shot_format *found = NULL;
	struct evkeyvalq pairs = { 0 };

	if (!query)
		return &formats[0];
	if (evhttp_parse_query_str(query, &pairs) < 0)
		return NULL;
	name = evhttp_find_header(&pairs, "format");
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!strcasecmp(name ? name : "png", formats[i].name))
			found = &formats[i];
	evhttp_clear_headers(&pairs);
	return found;
}

static struct shot *free_slot(struct screenshots *all)
{
	for (size_t i = 0; i < SCREENSHOTS_MAX; i++)
		if (!all->shot[i].path)
			return &all->shot[i];
	return NULL;
}

/* An empty file of ours for QEMU to fill, so that it cannot be led elsewhere. */
static int reserve(struct shot *s, struct agent *a)
{
	int fd;

	*s = (struct shot){ .a = a };
	s->path = xasprintf("%s/.screenshot.tmp.%ld.%u", a->dir, (long)getpid(), ++a->screenshots.count);
	fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		free(s->path);
		s->path = NULL;
		return -1;
	}
	close(fd);
	return 0;
}

static void begin(struct agent *a, struct evhttp_request *req, struct shot *s, const struct shot_format *format)
{
	struct timeval t = { .tv_sec = PATIENCE_S };
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "filename", s->path);
	if (format->qemu)
		cJSON_AddStringToObject(args, "format", format->qemu);
	s->format = format;
	if (qmp_send(a->m.qmp, "screendump", args, on_taken, s) < 0) {
		release(s);
		httpd_error(req, HTTP_SERVUNAVAIL, "QEMU cannot be asked at the moment");
		return;
	}
	s->req = req;
	httpd_hold(a->httpd, req, HELD_SCREENSHOT);
	s->timer = evtimer_new(a->base, on_too_long, s);
	evtimer_add(s->timer, &t);
}

void screenshot_take(struct agent *a, struct evhttp_request *req)
{
	const struct shot_format *format = wanted_format(req);
	struct shot *s = free_slot(&a->screenshots);

	if (!format)
		httpd_error(req, HTTP_BADREQUEST, "format is not one of png, bmp, ppm");
	else if (!strcmp(kv_get(&a->conf, "none", "video.display"), "none"))
		httpd_error(req, 422, "the machine has no display; set video.display, for instance to vnc");
	else if (!a->m.up || !a->m.qmp)
		httpd_error(req, HTTP_SERVUNAVAIL, "the machine is not up yet");
	else if (!s)
		httpd_error(req, HTTP_SERVUNAVAIL, "too many pictures are being taken; try again");
	else if (reserve(s, a) < 0)
		httpd_error(req, HTTP_INTERNAL, "no file for the picture can be made in the instance's directory");
	else
		begin(a, req, s, format);
}

void screenshots_end(struct agent *a)
{
	for (size_t i = 0; i < SCREENSHOTS_MAX; i++) {
		struct shot *s = &a->screenshots.shot[i];

		if (!s->path)
			continue;
		refuse(s, HTTP_SERVUNAVAIL, "QEMU cannot be asked any more");
		release(s);
	}
}
