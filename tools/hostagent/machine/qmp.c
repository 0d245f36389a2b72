/* qmp - see qmp.h. */
#include "qmp.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "hostagent/log.h"
#include "hostagent/text.h"

struct pending {
	unsigned id;
	void (*reply)(void *arg, const cJSON *ret, const char *error);
	void *arg;
};

struct qmp {
	struct bufferevent *bev;
	struct qmp_calls calls;
	bool greeted, ended;
	unsigned next_id;
	struct pending wait[QMP_PENDING_MAX]; /* in order */
	size_t n;
	struct log_limit limit;
};

static void end(struct qmp *q, const char *why)
{
	if (q->ended)
		return;
	q->ended = true;
	bufferevent_disable(q->bev, EV_READ | EV_WRITE);
	q->calls.ended(q->calls.arg, why);
}

int qmp_send(struct qmp *q, const char *command, cJSON *args,
	     void (*reply)(void *arg, const cJSON *ret, const char *error), void *arg)
{
	struct evbuffer *out = bufferevent_get_output(q->bev);
	cJSON *msg = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(msg, "execute", command);
	if (args)
		cJSON_AddItemToObject(msg, "arguments", args);
	cJSON_AddNumberToObject(msg, "id", ++q->next_id);
	text = cJSON_PrintUnformatted(msg);
	cJSON_Delete(msg);
	if (!text || q->ended || q->n == QMP_PENDING_MAX) {
		cJSON_free(text);
		return -1;
	}
	/* A log is no place for a password. */
	log_debug("qmp: %s", strstr(command, "password") ? command : text);
	q->wait[q->n++] = (struct pending){ q->next_id, reply, arg };
	evbuffer_add_printf(out, "%s\n", text);
	cJSON_free(text);
	return 0;
}

static void on_capabilities(void *arg, const cJSON *ret, const char *error)
{
	struct qmp *q = arg;

	(void)ret;
	if (error)
		end(q, "it refused qmp_capabilities");
	else
		q->calls.ready(q->calls.arg);
}

static void on_reply(struct qmp *q, const cJSON *msg)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(msg, "id");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(msg, "error");
	const cJSON *desc = cJSON_GetObjectItemCaseSensitive(error, "desc");
	struct pending p;

	if (q->n == 0 || !cJSON_IsNumber(id) || id->valuedouble != q->wait[0].id) {
		log_limited(&q->limit, "a reply of QEMU that belongs to no command was ignored");
		return;
	}
	p = q->wait[0];
	memmove(q->wait, q->wait + 1, --q->n * sizeof(*q->wait));
	if (p.reply)
		p.reply(p.arg, cJSON_GetObjectItemCaseSensitive(msg, "return"),
			!error ? NULL : cJSON_IsString(desc) ? desc->valuestring : "no reason given");
}

static void on_message(struct qmp *q, const cJSON *msg)
{
	const cJSON *event = cJSON_GetObjectItemCaseSensitive(msg, "event");

	if (!q->greeted) {
		if (!cJSON_GetObjectItemCaseSensitive(msg, "QMP")) {
			end(q, "its first message was not the greeting of QMP");
			return;
		}
		q->greeted = true;
		qmp_send(q, "qmp_capabilities", NULL, on_capabilities, q);
	} else if (cJSON_IsString(event)) {
		q->calls.event(q->calls.arg, event->valuestring, cJSON_GetObjectItemCaseSensitive(msg, "data"));
	} else {
		on_reply(q, msg);
	}
}

static void on_line(struct qmp *q, const char *line, size_t n)
{
	cJSON *msg = cJSON_ParseWithLength(line, n);

	log_debug("qmp answered: %.2000s", line);
	if (cJSON_IsObject(msg)) {
		on_message(q, msg);
	} else {
		char *text = text_clean(line, n, 80);
		char *why = xasprintf("it sent something that is not QMP: %s", text);

		end(q, why);
		free(why);
		free(text);
	}
	cJSON_Delete(msg);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct qmp *q = arg;
	size_t n;
	char *line;

	while (!q->ended && (line = evbuffer_readln(in, &n, EVBUFFER_EOL_CRLF)) != NULL) {
		if (n > 0)
			on_line(q, line, n);
		free(line);
	}
	if (evbuffer_get_length(in) >= QMP_LINE_MAX)
		end(q, "it sent a line that is too long for QMP");
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct qmp *q = arg;

	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		end(q, QMP_CLOSED);
}

struct qmp *qmp_new(struct event_base *base, int fd, const struct qmp_calls *calls)
{
	struct qmp *q = xcalloc(1, sizeof(*q));

	evutil_make_socket_nonblocking(fd);
	q->calls = *calls;
	q->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(q->bev, on_read, NULL, on_event, q);
	bufferevent_setwatermark(q->bev, EV_READ, 0, QMP_LINE_MAX);
	bufferevent_enable(q->bev, EV_READ | EV_WRITE);
	return q;
}

void qmp_free(struct qmp *q)
{
	if (!q)
		return;
	bufferevent_free(q->bev);
	free(q);
}

int usernet_ssh_port(const char *text)
{
	while (*text) {
		unsigned host, guest;

		if (sscanf(text, " TCP[HOST_FORWARD] %*d %*s %u %*s %u", &host, &guest) == 2 && guest == 22 &&
		    host > 0 && host < 65536)
			return (int)host;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return 0;
}
