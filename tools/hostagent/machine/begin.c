/* begin - see begin.h. */
#include "begin.h"

#include <stdlib.h>
#include <string.h>

#include "hostagent/agent.h"
#include "machine_events.h"
#include "num.h"
#include "qmp.h"

#define CIDATA "cdrom0" /* as lima-qemu-argv calls it */
#define RESET_ENV "LIMA_BOOT_RESET"
#define RESET_MAX_S 86400

/* Whether there are disks, and nobody has read from any, be it that of an installer (QMP reference, query-blockstats). The firmware
 * looks whether it could start the volume, so that one does not count. */
static bool unread(const cJSON *devices)
{
	const cJSON *d, *reads;

	cJSON_ArrayForEach(d, devices) {
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(d, "device"));

		if (name && !strcmp(name, CIDATA))
			continue;
		reads = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(d, "stats"), "rd_operations");
		if (!cJSON_IsNumber(reads) || reads->valuedouble != 0)
			return false;
	}
	return cJSON_GetArraySize(devices) > 0;
}

static void on_stats(void *arg, const cJSON *ret, const char *error)
{
	struct agent *a = arg;

	if (error || !unread(ret) || machine_paused(a) || a->state == STATE_STOPPING)
		return;
	log_warn("the guest has not read from any disk since its start, so it hangs in its first moments; it is reset, once");
	qmp_send(a->m.qmp, "system_reset", NULL, NULL, NULL);
}

static void on_time(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	if (a->m.qmp)
		qmp_send(a->m.qmp, "query-blockstats", NULL, on_stats, a);
}

void begin_watch(struct agent *a)
{
	const char *text = getenv(RESET_ENV);
	uint64_t seconds = BEGIN_S;
	struct err e = { 0 };
	struct timeval t;

	if (text && *text && num_parse(text, 0, RESET_MAX_S, RESET_ENV, &seconds, &e) < 0)
		log_warn("%s; %d is used", e.msg, BEGIN_S);
	if (a->m.adopted || a->begin.timer || seconds == 0)
		return;
	t = (struct timeval){ .tv_sec = (time_t)seconds };
	a->begin.timer = evtimer_new(a->base, on_time, a);
	evtimer_add(a->begin.timer, &t);
}

void begin_free(struct agent *a)
{
	if (a->begin.timer)
		event_free(a->begin.timer);
	a->begin.timer = NULL;
}
