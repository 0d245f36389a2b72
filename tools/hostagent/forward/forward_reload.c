/* forward_reload - other rules while the guest runs. What both the old and the new ones want is not touched; the rest is
 * closed first and then opened, as a place may be part of another one (127.0.0.1:80 and 0.0.0.0:80). */
#include <string.h>

#include "forward_int.h"

/* Where the new rules want a listener, if that place exists. */
static struct bound *place_now(struct forward *f, const struct wire_addr *a)
{
	const struct forward_rule *rule = forward_rule_for(f, a);

	if (!rule || rule->is_static)
		return NULL;
	return bound_find(f, a->proto, &rule->host_ip, forward_host_port(rule, a->port), rule->host_socket);
}

static void find_places(struct forward *f)
{
	for (size_t i = 0; i < f->n_guest; i++) {
		struct wanted *w = &f->guest[i];

		w->had = w->at != NULL;
		w->at = place_now(f, &w->a);
	}
}

/* They are forgotten at once, to make room for others, unless a connection still counts there. */
static void close_others(struct forward *f)
{
	for (size_t i = f->n_bound; i-- > 0;) {
		struct bound *b = f->bound[i];

		if (forward_first_at(f, b) || forward_fixed_has(f, b))
			continue;
		if (b->state != BOUND_IDLE)
			bound_close(b);
		b->kind = (struct bound_kind){ 0 };
		if (b->connections)
			continue;
		bound_free(b);
		f->bound[i] = f->bound[--f->n_bound];
	}
}

/* Where a place leads that was there before: to whom it led, if that one still wants it. */
static const struct wire_addr *target(struct forward *f, const struct bound *b)
{
	for (size_t i = 0; i < f->n_guest; i++)
		if (f->guest[i].at == b && !memcmp(&f->guest[i].a, &b->to, sizeof(b->to)))
			return &b->to;
	return &forward_first_at(f, b)->a;
}

static void settle(struct forward *f, struct wanted *w)
{
	const struct forward_rule *rule = forward_rule_for(f, &w->a);
	struct wire_addr to;

	if (rule && rule->is_static)
		return;
	if (!rule || (!w->at && !forward_place(f, rule, w))) {
		if (w->had)
			forward_passed_over(f, &w->a);
		return;
	}
	if (w->at->round == f->round)
		return;
	to = *target(f, w->at);
	bound_set(w->at, &(struct bound_kind){ .built_in = rule->built_in }, &to);
}

int forward_reload(struct forward *f, const struct kv *conf, struct err *e)
{
	struct forward_rules rules;

	if (forward_rules_load(conf, f->opt.ssh_port, &rules, e) < 0) {
		forward_rules_free(&rules);
		return -1;
	}
	forward_rules_free(&f->rules);
	f->rules = rules;
	f->round++;
	find_places(f);
	close_others(f);
	forward_fixed_open(f);
	for (size_t i = 0; i < f->n_guest; i++)
		settle(f, &f->guest[i]);
	forward_arm(f);
	return 0;
}
