/* live - a machine that runs, and a description that changed: what holds at once, and what waits for a restart. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "instance.h"
#include "instance_files.h"
#include "kv.h"

#define ASK_MS 5000
#define NAMES_MAX 8 /* of keys in a message; the rest is counted */

static bool newer(const struct instance *in, const char *a, const char *b)
{
	char *pa = instance_path(in, a), *pb = instance_path(in, b);
	struct stat sa, sb;
	bool yes = stat(pa, &sa) == 0 && stat(pb, &sb) == 0 &&
		   (sa.st_mtim.tv_sec > sb.st_mtim.tv_sec ||
		    (sa.st_mtim.tv_sec == sb.st_mtim.tv_sec && sa.st_mtim.tv_nsec > sb.st_mtim.tv_nsec));

	free(pa);
	free(pb);
	return yes;
}

static void add(struct buf *out, const char *what)
{
	buf_addf(out, "%s%s", out->len ? ", " : "", what);
}

/* The keys of a list, by name as far as a reader wants to know. */
static void add_keys(struct buf *out, const cJSON *list)
{
	int n = 0, all = cJSON_GetArraySize(list);
	const cJSON *item;
	char more[32];

	cJSON_ArrayForEach(item, list)
		if (cJSON_IsString(item) && n++ < NAMES_MAX)
			add(out, item->valuestring);
	snprintf(more, sizeof(more), "and %d more", all - NAMES_MAX);
	if (all > NAMES_MAX)
		add(out, more);
}

/* `keys` is a list of those in agent.conf; NULL when they are not known: then the time of the file tells. */
static char *waiting(const struct instance *in, const cJSON *keys)
{
	struct buf out = { 0 };

	/* QEMU writes its pid file when it starts. */
	if (newer(in, F_QEMU_ARGV, F_QEMU_PID))
		add(&out, "the machine itself (" F_QEMU_ARGV ")");
	if (newer(in, F_CIDATA_ISO, F_QEMU_PID))
		add(&out, "the settings for the guest (" F_CIDATA_ISO ")");
	if (keys)
		add_keys(&out, keys);
	return buf_detach(&out);
}

char *live_waiting(const struct instance *in, const char *json)
{
	cJSON *o = json ? cJSON_Parse(json) : NULL;
	char *text = waiting(in, cJSON_GetObjectItemCaseSensitive(o, "pending"));

	cJSON_Delete(o);
	return text;
}

static bool has(const cJSON *list, const char *key)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
		if (cJSON_IsString(item) && !strcmp(item->valuestring, key))
			return true;
	return false;
}

void live_apply(const struct instance *in, bool tell_nothing)
{
	const char *mark = strcmp(in->name, "default") ? " INSTANCE=" : "", *name = *mark ? in->name : "";
	char *answer = NULL, *text;
	struct err ignored = { 0 };
	cJSON *o = NULL;

	/* A host agent of an older version does not know the question. */
	if (agent_request(in, "POST", "/v1/reload", NULL, ASK_MS, &answer, &ignored) == 0)
		o = cJSON_Parse(answer);
	text = waiting(in, cJSON_GetObjectItemCaseSensitive(o, "restart"));
	if (*text)
		say("the instance '%s' is running; this waits for 'make%s%s restart': %s", in->name, mark, name, text);
	else if (tell_nothing)
		say("the instance '%s' is already running", in->name);
	if (has(cJSON_GetObjectItemCaseSensitive(o, "applied"), "message"))
		live_message(in);
	free(text);
	free(answer);
	cJSON_Delete(o);
}

int live_resume(const struct instance *in, struct err *e)
{
	char *answer = NULL;
	int r;

	say("the machine of '%s' stands still; letting it go on", in->name);
	r = agent_request(in, "POST", "/v1/resume", NULL, ASK_MS, &answer, e);
	free(answer);
	return r;
}

/* --- the message --- */

static long number(const cJSON *info, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(info, key);

	return cJSON_IsNumber(v) ? (long)v->valuedouble : 0;
}

/* What lima-render could not know stands in the text as "{{.NAME}}". */
static char *complete(const char *text, const cJSON *info)
{
	static const struct { const char *mark, *key; } later[] = {
		{ "{{.SSHLocalPort}}", "sshLocalPort" }, { "{{.HostAgentPID}}", "pid" }, { "{{.DriverPID}}", "qemuPID" },
	};
	struct buf out = { 0 };

	while (*text) {
		size_t skip = 0;

		for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++) {
			if (strncmp(text, later[i].mark, strlen(later[i].mark)) != 0)
				continue;
			skip = strlen(later[i].mark);
			buf_addf(&out, "%ld", number(info, later[i].key));
		}
		if (!skip)
			buf_addc(&out, *text);
		text += skip ? skip : 1;
	}
	return buf_detach(&out);
}

/* A template may come from anywhere: what could steer the terminal is left out. */
static void print(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f))
			fputc(c, stderr);
	}
}

void live_message(const struct instance *in)
{
	char *path = instance_path(in, F_AGENT_CONF), *answer = NULL, *text = NULL;
	struct err ignored = { 0 };
	struct kv conf = { 0 };
	cJSON *info = NULL;

	if (kv_load(path, &conf, &ignored) == 0 && *kv_get(&conf, "", "message") && !say_quiet) {
		if (agent_request(in, "GET", "/v1/info", NULL, ASK_MS, &answer, &ignored) == 0)
			info = cJSON_Parse(answer);
		text = complete(kv_get(&conf, "", "message"), info);
		say("message from the instance '%s':", in->name);
		print(text);
		if (text[strlen(text) - 1] != '\n')
			fputc('\n', stderr);
	}
	cJSON_Delete(info);
	kv_free(&conf);
	free(text);
	free(answer);
	free(path);
}
