/* snapshot - see snapshot.h. QEMU has no command of its own for this that works with any disk; the human monitor's do, and they
 * answer when all is done. The machine stands still meanwhile. For a tag that does not exist the monitor leaves it standing (loadvm) or
 * says nothing (delvm), so the table is asked first. */
#include "snapshot.h"

#include <cjson/cJSON.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "hostagent/agent.h"
#include "hostagent/machine/qmp.h"
#include "loop/httpd.h"
#include "utf8.h"

#define PATIENCE_S 86400 /* of the connection: writing all the memory of a machine takes as long as it takes */
#define HTTP_CONFLICT 409

/* The one that QEMU works on. */
static struct {
	char *command; /* the one behind the table's; NULL: none */
	struct evhttp_request *req; /* NULL: it works on none */
} current;

#define TABLE "info snapshots"
#define LOAD "loadvm"

static const struct action {
	const char *action, *command;
	bool tag, must_be_there;
} actions[] = {
	{ "create", "savevm", true, false },
	{ "apply", LOAD, true, true },
	{ "delete", "delvm", true, true },
	{ "list", TABLE, false, false },
};

static void answer(struct agent *a, int code, const char *key, const char *text)
{
	struct evhttp_request *req = current.req;
	struct buf b = { 0 };

	free(current.command);
	current.req = NULL;
	current.command = NULL;
	if (!req)
		return;
	buf_addf(&b, "{\"%s\":", key);
	json_string(&b, text);
	buf_addc(&b, '}');
	httpd_release(a->httpd, req);
	httpd_reply(req, code, buf_str(&b));
	buf_free(&b);
}

static void finish(struct agent *a, const cJSON *ret, const char *error)
{
	if (error) {
		log_warn("snapshot: %s", error);
		answer(a, HTTP_INTERNAL, "message", error);
	} else {
		answer(a, HTTP_OK, "output", cJSON_IsString(ret) ? ret->valuestring : "");
	}
}

static void on_reply(void *arg, const cJSON *ret, const char *error)
{
	finish(arg, ret, error);
}

static void on_loaded(void *arg, const cJSON *ret, const char *error)
{
	boot_on_loadvm(arg);
	finish(arg, ret, error);
}

static int monitor(struct agent *a, const char *command, void (*fn)(void *, const cJSON *, const char *))
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "command-line", command);
	if (!a->m.qmp || qmp_send(a->m.qmp, "human-monitor-command", args, fn, a) < 0)
		return -1;
	log_info("snapshot: %s", command);
	return 0;
}

/* Whether the second word of a line of the table is the tag. */
static bool has_tag(const char *table, const char *tag)
{
	for (const char *line = table; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *word = line + strspn(line, " ");

		word += strcspn(word, " \r\n");
		word += strspn(word, " ");
		if (strcspn(word, " \r\n") == strlen(tag) && !strncmp(word, tag, strlen(tag)))
			return true;
	}
	return false;
}

/* The table, before the command on one of its lines. */
static void on_table(void *arg, const cJSON *ret, const char *error)
{
	const char *table = cJSON_IsString(ret) ? ret->valuestring : "", *tag = strchr(current.command, ' ') + 1;
	bool load = !strncmp(current.command, LOAD, strlen(LOAD));

	if (error)
		finish(arg, ret, error);
	else if (!has_tag(table, tag))
		answer(arg, HTTP_NOTFOUND, "message", "there is no snapshot with this tag");
	else if (monitor(arg, current.command, load ? on_loaded : on_reply) < 0)
		answer(arg, HTTP_SERVUNAVAIL, "message", "QEMU has too much to do");
}

/* What the monitor takes as one word, and nothing that it could take for an option. */
static bool tag_is_word(const char *tag)
{
	for (const char *p = tag; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("\"'\\", *p))
			return false;
	return *tag && *tag != '-' && strlen(tag) <= SNAPSHOT_TAG_MAX;
}

/* The monitor's command; NULL and *why when the body is wrong. */
static char *command_of(const cJSON *body, const struct action **which, const char **why)
{
	const char *action = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "action"));
	const char *tag = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "tag"));

	*why = "the body is not {\"action\":\"create\"|\"apply\"|\"delete\"|\"list\",\"tag\":TAG}";
	for (size_t i = 0; action && i < sizeof(actions) / sizeof(*actions); i++) {
		if (strcmp(action, actions[i].action) != 0)
			continue;
		*which = &actions[i];
		if (!actions[i].tag)
			return xstrdup(actions[i].command);
		if (tag && tag_is_word(tag))
			return xasprintf("%s %s", actions[i].command, tag);
		*why = "a tag is a word of at most 128 printable characters without quotes and backslashes that does not begin with '-'";
	}
	return NULL;
}

static void begin(struct agent *a, struct evhttp_request *req, const struct action *action, const char *command)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);

	if (monitor(a, action->must_be_there ? TABLE : command, action->must_be_there ? on_table : on_reply) < 0) {
		httpd_error(req, HTTP_SERVUNAVAIL, "QEMU has too much to do");
		return;
	}
	current.command = action->must_be_there ? xstrdup(command) : NULL;
	current.req = req;
	evhttp_connection_set_timeout(conn, PATIENCE_S);
	httpd_hold(a->httpd, req, HELD_SNAPSHOT);
}

void snapshot_take(struct agent *a, struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	cJSON *body = n ? cJSON_ParseWithLength((const char *)evbuffer_pullup(in, -1), n) : NULL;
	const struct action *action = NULL;
	const char *why;
	char *command = command_of(body, &action, &why);

	if (!command)
		httpd_error(req, HTTP_BADREQUEST, why);
	else if (!a->m.up || !a->m.qmp)
		httpd_error(req, HTTP_SERVUNAVAIL, "the machine is not up");
	else if (current.req)
		httpd_error(req, HTTP_CONFLICT, "another snapshot is being worked on");
	else
		begin(a, req, action, command);
	free(command);
	cJSON_Delete(body);
}

void snapshot_end(struct agent *a)
{
	if (current.req)
		answer(a, HTTP_SERVUNAVAIL, "message", "the machine ended before it answered");
}
