/* reload - see reload.h. */
#include "reload.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "hostagent/agent.h"
#include "instance_files.h"

enum effect { EFFECT_RESTART, EFFECT_LIVE, EFFECT_NONE };

/* Keys that no part of a running machine depends on, or that can change under it; those beneath them too. */
static const struct {
	const char *key;
	enum effect effect;
} known[] = {
	{ "message", EFFECT_LIVE },       /* read from the file whenever it is shown */
	{ "portForwards", EFFECT_LIVE },  /* see ports_reload */
	{ "version", EFFECT_NONE },       /* of the tools that wrote the file */
};

static bool is_of(const char *key, const char *list)
{
	size_t n = strlen(list);

	return !strncmp(key, list, n) && (key[n] == '\0' || key[n] == '.');
}

static enum effect effect_of(const char *key)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is_of(key, known[i].key))
			return known[i].effect;
	return EFFECT_RESTART;
}

static void note(const char *key, cJSON *applied, cJSON *restart)
{
	enum effect effect = effect_of(key);

	if (effect != EFFECT_NONE)
		cJSON_AddItemToArray(effect == EFFECT_LIVE ? applied : restart, cJSON_CreateString(key));
}

static bool is_live(const char *key)
{
	return effect_of(key) == EFFECT_LIVE;
}

/* Every key that has another value, or is in one of them only. */
static void compare(const struct kv *old, const struct kv *new, cJSON *applied, cJSON *restart)
{
	for (size_t i = 0; i < new->n; i++) {
		const char *was = kv_get(old, NULL, "%s", new->pair[i].key);

		if (!was || strcmp(was, new->pair[i].value) != 0)
			note(new->pair[i].key, applied, restart);
	}
	for (size_t i = 0; i < old->n; i++)
		if (!kv_get(new, NULL, "%s", old->pair[i].key))
			note(old->pair[i].key, applied, restart);
}

static bool has_ports(const cJSON *applied)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, applied)
		if (is_of(item->valuestring, "portForwards"))
			return true;
	return false;
}

static int apply(struct agent *a, const struct kv *new, const cJSON *applied, struct err *e)
{
	if (has_ports(applied) && ports_reload(a, new, e) < 0)
		return -1;
	kv_replace(&a->conf, new, is_live); /* no news the next time */
	return 0;
}

char *reload(struct agent *a, struct err *e)
{
	cJSON *o = cJSON_CreateObject(), *applied = cJSON_AddArrayToObject(o, "applied");
	cJSON *restart = cJSON_AddArrayToObject(o, "restart");
	struct kv new = { 0 };
	char *text, *copy;
	int r = kv_load(F_AGENT_CONF, &new, e);

	if (r == 0) {
		compare(&a->conf, &new, applied, restart);
		r = apply(a, &new, applied, e);
		kv_free(&new);
	}
	if (r < 0) {
		cJSON_Delete(o);
		return NULL;
	}
	cJSON_Delete(a->pending);
	a->pending = cJSON_Duplicate(restart, true);
	text = cJSON_PrintUnformatted(o);
	copy = xstrdup(text ? text : "{}");
	cJSON_free(text);
	cJSON_Delete(o);
	return copy;
}
