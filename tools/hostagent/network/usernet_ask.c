/* usernet_ask - see usernet_ask.h. */
#include "usernet_ask.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "file.h"
#include "hostagent/agent.h"
#include "hostagent/forward/forward_owner.h"
#include "num.h"
#include "unixsock.h"
#include "wire.h"

#define SSH_PORT 22
#define HOST_NAME "host.lima.internal"
#define OWN_ZONE ".internal"
#define ALIAS_DEPTH 16
#define LAST_MS 2000 /* for the last request, which nobody else waits for */

typedef void answer_fn(struct usernet_card *c, int status, const char *body);

struct request {
	const char *method, *path;
	char *body;
	answer_fn *answer;
	struct request *next;
};

static void run(struct usernet_card *c);

/* --- one request after the other --- */

static void drop_first(struct usernet_card *c)
{
	struct request *r = c->queue;

	c->queue = r->next;
	free(r->body);
	free(r);
}

void usernet_forget(struct usernet_card *c)
{
	ask_cancel(c->step);
	c->step = NULL;
	while (c->queue)
		drop_first(c);
}

/* A daemon that does not answer is gone, which its stream of events tells too. */
static void on_answer(void *arg, int status, const char *body)
{
	struct usernet_card *c = arg;
	answer_fn *answer = c->queue->answer;

	c->step = NULL;
	drop_first(c);
	answer(c, status, body);
	run(c);
}

static void run(struct usernet_card *c)
{
	char *socket = xasprintf("%s/%s_ep.sock", c->dir, c->name);

	while (!c->step && c->queue) {
		struct request *r = c->queue;
		struct ask_spec spec = { .socket = socket, .method = r->method, .path = r->path, .body = r->body, .done = on_answer, .arg = c };

		c->step = ask_start(c->a->base, &spec);
		if (!c->step)
			drop_first(c);
	}
	free(socket);
}

/* Takes body (may be NULL) over. */
static void push(struct usernet_card *c, const char *method, const char *path, cJSON *body, answer_fn *answer)
{
	struct request *r = xcalloc(1, sizeof(*r)), **at = &c->queue;

	while (*at)
		at = &(*at)->next;
	*r = (struct request){ .method = method, .path = path, .answer = answer };
	if (body) {
		char *text = cJSON_PrintUnformatted(body);

		r->body = xstrdup(text ? text : "{}");
		cJSON_free(text);
		cJSON_Delete(body);
	}
	*at = r;
}

/* The daemon's {"message":...}, or the status. The caller frees it. */
static char *reason(int status, const char *body)
{
	cJSON *o = cJSON_Parse(body);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "message"));
	char *copy = text ? text_clean(text, strlen(text), 200) : xasprintf("status %d", status);

	cJSON_Delete(o);
	return copy;
}

/* --- the port for SSH --- */

static const char *host_address(const struct usernet_card *c)
{
	return kv_get(&c->a->conf, "127.0.0.1", "ssh.address");
}

static unsigned wanted_port(const struct usernet_card *c)
{
	return c->a->ssh_port ? (unsigned)c->a->ssh_port : (unsigned)kv_num(&c->a->conf, 0, "ssh.localPort");
}

static cJSON *forward(const char *local, const char *remote)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "local", local);
	if (remote)
		cJSON_AddStringToObject(o, "remote", remote);
	cJSON_AddStringToObject(o, "protocol", "tcp");
	return o;
}

/* The port of "127.0.0.1:60022", 0 when it is on another address or no number. */
static unsigned port_of(const struct usernet_card *c, const char *local)
{
	const char *address = host_address(c), *colon = strrchr(local, ':');
	struct err ignored = { 0 };
	uint64_t port = 0;

	if (!colon || (size_t)(colon - local) != strlen(address) || strncmp(local, address, strlen(address)) != 0)
		return 0;
	return num_parse(colon + 1, 1, 65535, "port", &port, &ignored) < 0 ? 0 : (unsigned)port;
}

static void use_port(struct usernet_card *c, unsigned port)
{
	struct agent *a = c->a;

	snprintf(a->usernet.exposed, sizeof(a->usernet.exposed), "%s:%u", host_address(c), port);
	usernet_known(c);
	a->ssh_port = (int)port;
	agent_ssh_up(a);
}

static void expose(struct usernet_card *c, unsigned port);

static void cannot_expose(struct usernet_card *c, int status, const char *body)
{
	char *why = reason(status, body), *text, owner[96] = "";
	unsigned port = wanted_port(c);

	if (status == 409 && port) {
		forward_owner(WIRE_TCP, (uint16_t)port, owner, sizeof(owner));
		text = xasprintf("TCP port %u of %s, where SSH was to be reached, is taken by %s; free it, or set ssh.localPort to another port "
				 "or to 0 (%s)", port, host_address(c), *owner ? owner : "another program", why);
	} else {
		text = xasprintf("the network %s opens no port for SSH: %s", c->name, why);
	}
	log_error("%s", text);
	boot_no_login(c->a, text);
	free(text);
	free(why);
}

static void on_exposed(struct usernet_card *c, int status, const char *body)
{
	cJSON *o = cJSON_Parse(body);
	const char *local = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "local"));
	unsigned port = status == 200 && local ? port_of(c, local) : 0;

	if (port) {
		use_port(c, port);
	} else if (status == 409 && c->a->ssh_port && kv_num(&c->a->conf, 0, "ssh.localPort") == 0) {
		log_warn("TCP port %d, where SSH was reached, is taken by now; another one is used", c->a->ssh_port);
		c->a->ssh_port = 0;
		expose(c, 0);
	} else if (status < 0) {
		usernet_no_answer(c);
	} else {
		cannot_expose(c, status, body);
	}
	cJSON_Delete(o);
}

static void expose(struct usernet_card *c, unsigned port)
{
	char *local = xasprintf("%s:%u", host_address(c), port), *remote = xasprintf("%s:%d", c->ip, SSH_PORT);

	push(c, "POST", "/services/forwarder/expose", forward(local, remote), on_exposed);
	free(remote);
	free(local);
}

static void on_unexposed(struct usernet_card *c, int status, const char *body)
{
	(void)body;
	if (status / 100 != 2)
		log_debug("the network %s does not give a port back: status %d", c->name, status);
}

/* A host agent that was killed left its port: it is ours, if it is where it should be. */
static void on_forwards(struct usernet_card *c, int status, const char *body)
{
	char *remote = xasprintf("%s:%d", c->ip, SSH_PORT);
	unsigned want = wanted_port(c), found = 0;
	cJSON *list = status == 200 ? cJSON_Parse(body) : NULL;
	const cJSON *o;

	cJSON_ArrayForEach(o, list) {
		const char *to = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "remote"));
		const char *local = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "local"));
		unsigned port = to && local && !strcmp(to, remote) ? port_of(c, local) : 0;

		if (!to || !local || strcmp(to, remote) != 0)
			continue;
		if (port && !found && (!want || port == want))
			found = port;
		else
			push(c, "POST", "/services/forwarder/unexpose", forward(local, NULL), on_unexposed);
	}
	if (found)
		use_port(c, found);
	else if (status < 0)
		usernet_no_answer(c);
	else
		expose(c, want);
	cJSON_Delete(list);
	free(remote);
}

int usernet_unexpose(const struct usernet_card *c, const char *local, struct err *e)
{
	char *socket = xasprintf("%s/%s_ep.sock", c->dir, c->name), *text = NULL, chunk[512];
	struct timeval limit = { .tv_sec = LAST_MS / 1000 };
	cJSON *o = forward(local, NULL);
	char *body = cJSON_PrintUnformatted(o);
	int fd = unixsock_connect(socket, LAST_MS, e), r = -1;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		text = xasprintf("POST /services/forwarder/unexpose HTTP/1.0\r\nHost: lima\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
		if (fd_write_all(fd, text, strlen(text)) == 0 && read(fd, chunk, sizeof(chunk)) > 0)
			r = 0;
		else
			err_sys(e, EXIT_UNAVAIL, "its daemon does not answer");
		close(fd);
	}
	free(text);
	cJSON_free(body);
	cJSON_Delete(o);
	free(socket);
	return r;
}

/* --- names --- */

static void on_named(struct usernet_card *c, int status, const char *body)
{
	char *why;

	if (status < 0 || status / 100 == 2)
		return;
	why = reason(status, body);
	log_warn("the network %s does not take a name: %s", c->name, why);
	free(why);
}

/* A name is split at its last dot: the right part is a zone, the left one a record in it. One without a dot is a zone. */
static void add_name(struct usernet_card *c, const char *name, const char *ip)
{
	cJSON *o = cJSON_CreateObject(), *records, *record;
	const char *dot = strrchr(name, '.');
	char *zone = xasprintf("%s.", dot ? dot + 1 : name), *left = xstrndup(name, dot ? (size_t)(dot - name) : 0);

	cJSON_AddStringToObject(o, "Name", zone);
	records = cJSON_AddArrayToObject(o, "Records");
	if (dot) {
		record = cJSON_CreateObject();
		cJSON_AddStringToObject(record, "Name", left);
		cJSON_AddStringToObject(record, "IP", ip);
		cJSON_AddItemToArray(records, record);
	}
	cJSON_AddStringToObject(o, "DefaultIP", dot ? "" : ip);
	push(c, "POST", "/services/dns/add", o, on_named);
	free(left);
	free(zone);
}

static bool is_address(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* What a value of hostResolver.hosts leads to: an address, that of another entry, or the host's. NULL: nowhere. */
static const char *resolve(const struct agent *a, const char *value)
{
	size_t n = (size_t)kv_num(&a->conf, 0, "hostResolver.hosts");

	for (int depth = 0; depth < ALIAS_DEPTH && !is_address(value); depth++) {
		const char *next = !strcasecmp(value, HOST_NAME) ? kv_get(&a->conf, NULL, "hostResolver.gateway") : NULL;

		for (size_t i = 0; !next && i < n; i++)
			if (!strcasecmp(value, kv_get(&a->conf, "", "hostResolver.hosts.%zu.name", i)))
				next = kv_get(&a->conf, "", "hostResolver.hosts.%zu.value", i);
		if (!next)
			return NULL;
		value = next;
	}
	return is_address(value) ? value : NULL;
}

/* The instance's own names come last, which puts them in front. */
static void add_names(struct usernet_card *c)
{
	const struct kv *conf = &c->a->conf;
	size_t n = (size_t)kv_num(conf, 0, "hostResolver.hosts");
	char *own = xasprintf("%s" OWN_ZONE, kv_get(conf, "", "hostname"));

	for (size_t i = 0; i < n; i++) {
		const char *name = kv_get(conf, "", "hostResolver.hosts.%zu.name", i);
		const char *value = kv_get(conf, "", "hostResolver.hosts.%zu.value", i), *ip = resolve(c->a, value);

		if (ip)
			add_name(c, name, ip);
		else
			log_warn("hostResolver.hosts: %s leads to %s, which is neither an address nor one of the names here; a user-v2 network cannot "
				 "have it", name, value);
	}
	if (c->first)
		add_name(c, HOST_NAME, kv_get(conf, "", "hostResolver.gateway"));
	add_name(c, own, c->ip);
	free(own);
}

void usernet_tell(struct usernet_card *c)
{
	usernet_forget(c);
	if (c->first)
		push(c, "GET", "/services/forwarder/all", NULL, on_forwards);
	else
		usernet_known(c);
	add_names(c);
	run(c);
}
