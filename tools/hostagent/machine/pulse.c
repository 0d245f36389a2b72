/* pulse - see pulse.h. */
#include "pulse.h"

#include "hostagent/agent.h"
#include "hostagent/api/api.h"
#include "machine_events.h"
#include "qmp.h"

#define PATIENCE_S 1

static void known(struct agent *a, bool silent)
{
	struct pulse *p = &a->pulse;

	if (p->timer)
		event_free(p->timer);
	p->timer = NULL;
	p->silent = silent;
	api_pulse(a);
}

static void on_answer(void *arg, const cJSON *ret, const char *error)
{
	struct agent *a = arg;

	a->pulse.asked = false;
	if (a->pulse.silent)
		log_info("QEMU answers again");
	machine_run_state(a, ret, error);
	known(a, false);
}

static void on_too_long(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	if (!a->pulse.silent)
		log_warn("QEMU does not answer");
	known(a, true);
}

bool pulse_take(struct agent *a)
{
	struct timeval t = { .tv_sec = PATIENCE_S };
	struct pulse *p = &a->pulse;

	if (!a->m.up || !a->m.qmp)
		return true;
	if (!p->asked && qmp_send(a->m.qmp, "query-status", NULL, on_answer, a) < 0)
		return true;
	p->asked = true;
	if (!p->timer) {
		p->timer = evtimer_new(a->base, on_too_long, a);
		evtimer_add(p->timer, &t);
	}
	return false;
}

void pulse_lost(struct agent *a)
{
	a->pulse.asked = false;
	known(a, false);
}

void pulse_free(struct agent *a)
{
	if (a->pulse.timer)
		event_free(a->pulse.timer);
	a->pulse = (struct pulse){ 0 };
}
