/* reload - see reload.h. */
#include "reload.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "hostagent/agent.h"
#include "instance_files.h"

enum effect { EFFECT_RESTART, EFFECT_LIVE, EFFECT_NONE };

/* Keys that no part of a running machine depends on. */
static const struct {
	const char *key;
	enum effect effect;
} known[] = {
	{ "message", EFFECT_LIVE },       /* read from the file whenever it is shown */
	{ "version", EFFECT_NONE },       /* of the tools that wrote the file */
};

static enum effect effect_of(const char *key)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(key, known[i].key))
			return known[i].effect;
	return EFFECT_RESTART;
}

static void note(const char *key, cJSON *applied, cJSON *restart)
{
	enum effect effect = effect_of(key);

	if (effect != EFFECT_NONE)
		cJSON_AddItemToArray(effect == EFFECT_LIVE ? applied : restart, cJSON_CreateString(key));
}

/* What holds now is no news the next time. */
static void take(struct kv *kv, const struct kv_pair *new)
{
	for (size_t i = 0; i < kv->n; i++) {
		if (strcmp(kv->pair[i].key, new->key) != 0)
			continue;
		free(kv->pair[i].value);
		kv->pair[i].value = xstrdup(new->value);
	}
}

/* Every key that has another value, or is in one of them only. */
static void compare(struct kv *old, const struct kv *new, cJSON *applied, cJSON *restart)
{
	for (size_t i = 0; i < new->n; i++) {
		const char *was = kv_get(old, NULL, "%s", new->pair[i].key);

		if (was && !strcmp(was, new->pair[i].value))
			continue;
		note(new->pair[i].key, applied, restart);
		if (effect_of(new->pair[i].key) == EFFECT_LIVE)
			take(old, &new->pair[i]);
	}
	for (size_t i = 0; i < old->n; i++)
		if (!kv_get(new, NULL, "%s", old->pair[i].key))
			note(old->pair[i].key, applied, restart);
}

char *reload(struct agent *a, struct err *e)
{
	cJSON *o = cJSON_CreateObject(), *applied = cJSON_AddArrayToObject(o, "applied");
	cJSON *restart = cJSON_AddArrayToObject(o, "restart");
	struct kv new;
	char *text, *copy;

	if (kv_load(F_AGENT_CONF, &new, e) < 0) {
		cJSON_Delete(o);
		return NULL;
	}
	compare(&a->conf, &new, applied, restart);
	kv_free(&new);
	cJSON_Delete(a->pending);
	a->pending = cJSON_Duplicate(restart, true);
	text = cJSON_PrintUnformatted(o);
	copy = xstrdup(text ? text : "{}");
	cJSON_free(text);
	cJSON_Delete(o);
	return copy;
}
