/* event_text - see event_text.h. */
#include "event_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

static bool is_true(const cJSON *o, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static void port_forward(const cJSON *o, struct strv *out)
{
	const char *type = text(o, "type"), *proto = *text(o, "protocol") ? text(o, "protocol") : "tcp";

	if (!strcmp(type, "forwarding"))
		strv_addf(out, "forwarding %s %s to %s", proto, text(o, "guestAddr"), text(o, "hostAddr"));
	else if (!strcmp(type, "not-forwarding"))
		strv_addf(out, "not forwarding %s %s", proto, text(o, "guestAddr"));
	else if (!strcmp(type, "stopping"))
		strv_addf(out, "stopping forwarding %s %s", proto, text(o, "guestAddr"));
	else if (!strcmp(type, "failed"))
		strv_addf(out, "failed to forward %s %s: %s", proto, text(o, "guestAddr"), text(o, "error"));
}

static void cloud_init(const cJSON *o, struct strv *out)
{
	if (is_true(o, "completed"))
		strv_add(out, "cloud-init completed");
	else if (*text(o, "logLine"))
		strv_addf(out, "cloud-init: %s", text(o, "logLine"));
}

static void vsock(const cJSON *o, struct strv *out)
{
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(o, "vsockPort");

	if (!strcmp(text(o, "type"), "started"))
		strv_addf(out, "vsock forwarder started: %s to vsock port %d", text(o, "hostAddr"),
			  cJSON_IsNumber(port) ? port->valueint : 0);
	else
		strv_addf(out, "vsock forwarder %s: %s", text(o, "type"), text(o, "reason"));
}

/* A member that is copied from event to event: tells it when it is another one than before. */
static void part(struct event_memory *m, size_t i, const cJSON *o, void (*tell)(const cJSON *, struct strv *), struct strv *out)
{
	char *now = o ? cJSON_PrintUnformatted(o) : NULL;

	if (now && (!m->part[i] || strcmp(now, m->part[i]) != 0))
		tell(o, out);
	free(m->part[i]);
	m->part[i] = now;
}

static void level(struct event_memory *m, const cJSON *status, struct strv *out)
{
	bool running = is_true(status, "running"), degraded = is_true(status, "degraded");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(status, "sshLocalPort"), *item;

	if (cJSON_IsNumber(port) && port->valueint && port->valueint != m->ssh_port) {
		m->ssh_port = port->valueint;
		strv_addf(out, "ssh available on port %d", m->ssh_port);
	}
	if (running && (!m->running || degraded != m->degraded)) {
		strv_add(out, degraded ? "running (degraded)" : "running");
		cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(status, "errors"))
			if (cJSON_IsString(item))
				strv_addf(out, "error: %s", item->valuestring);
	}
	m->running = running || m->running;
	m->degraded = degraded;
}

void event_texts(struct event_memory *m, const cJSON *event, struct strv *texts)
{
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(event, "status");

	if (!cJSON_IsObject(status))
		return;
	level(m, status, texts);
	part(m, 0, cJSON_GetObjectItemCaseSensitive(status, "portForward"), port_forward, texts);
	part(m, 1, cJSON_GetObjectItemCaseSensitive(status, "cloudInitProgress"), cloud_init, texts);
	part(m, 2, cJSON_GetObjectItemCaseSensitive(status, "vsock"), vsock, texts);
	if (is_true(status, "exiting")) {
		strv_add(texts, "exiting");
		event_memory_free(m);
	}
}

void event_memory_free(struct event_memory *m)
{
	for (size_t i = 0; i < sizeof(m->part) / sizeof(*m->part); i++)
		free(m->part[i]);
	*m = (struct event_memory){ 0 };
}

/* Seconds since 1970 of an RFC 3339 time; -1 for anything else. */
static time_t parse_time(const char *s)
{
	struct tm tm = { 0 };
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	unsigned h, min;
	char sign;
	time_t t;

	if (!p)
		return -1;
	t = timegm(&tm);
	if (*p == '.')
		p += 1 + strspn(p + 1, "0123456789");
	if (!strcmp(p, "Z"))
		return t;
	if (sscanf(p, "%c%2u:%2u", &sign, &h, &min) != 3 || (sign != '+' && sign != '-'))
		return -1;
	return sign == '+' ? t - (time_t)(h * 3600 + min * 60) : t + (time_t)(h * 3600 + min * 60);
}

void event_time(const cJSON *event, struct buf *out)
{
	time_t t = parse_time(text(event, "time"));
	struct tm tm;
	char line[64];

	if (t < 0)
		t = time(NULL);
	localtime_r(&t, &tm);
	strftime(line, sizeof(line), "%Y-%m-%d %H:%M:%S", &tm);
	buf_adds(out, line);
}
