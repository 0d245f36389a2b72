/* forward - see forward.h. Here: what the guest announces, what the rules make of it, and when. forward_fixed.c has what
 * does not wait for the guest, forward_reload.c what becomes of it all when the rules change. */
#include "forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "forward_int.h"
#include "oswatch.h"

enum {
	SWEEP_MS = 1000,  /* after "=" the guest has so long to name its listeners again */
	GRACE_MS = 15000, /* a guest agent that went is waited for that long before its forwards are closed */
};

/* ---- telling ---- */

void forward_guest_text(const struct wire_addr *a, char *out, size_t n)
{
	struct ip ip;

	if (a->proto == WIRE_UNIX) {
		snprintf(out, n, "%s", a->path);
		return;
	}
	ip_of_wire(a, &ip);
	ip_format(&ip, a->port, out, n);
}

void forward_host_text(const struct bound *b, char *out, size_t n)
{
	if (b->path)
		snprintf(out, n, "%s", b->path);
	else
		ip_format(&b->ip, b->port, out, n);
}

static const char *proto_text(uint8_t proto)
{
	return proto == WIRE_UDP ? "udp" : proto == WIRE_TCP ? "tcp" : "unix";
}

bool forward_take_token(struct forward *f)
{
	int64_t now = mono_ms();

	f->tokens += (double)(now - f->tokens_at) * FORWARD_RATE / 1000;
	f->tokens_at = now;
	if (f->tokens > FORWARD_BURST)
		f->tokens = FORWARD_BURST;
	if (f->tokens < 1)
		return false;
	f->tokens -= 1;
	return true;
}

void forward_tell(struct forward *f, const char *type, const struct wire_addr *guest, const struct bound *b)
{
	cJSON *o = cJSON_CreateObject();
	char text[128];

	cJSON_AddStringToObject(o, "type", type);
	cJSON_AddStringToObject(o, "protocol", proto_text(guest->proto));
	forward_guest_text(guest, text, sizeof(text));
	cJSON_AddStringToObject(o, "guestAddr", text);
	if (b) {
		forward_host_text(b, text, sizeof(text));
		cJSON_AddStringToObject(o, "hostAddr", text);
	}
	if (b && b->state == BOUND_FAILED)
		cJSON_AddStringToObject(o, "error", b->error);
	f->ops.event(f->ops.arg, o);
}

/* ---- time ---- */

static void sooner(int64_t *at, int64_t t)
{
	if (t && (!*at || t < *at))
		*at = t;
}

void forward_arm(struct forward *f)
{
	int64_t at = 0, wait;
	struct timeval tv;

	sooner(&at, f->sweep_at);
	sooner(&at, f->gone_at);
	for (size_t i = 0; i < f->n_bound; i++)
		sooner(&at, f->bound[i]->due);
	if (!at)
		return;
	wait = at - mono_ms();
	if (wait < 1)
		wait = 1;
	tv = (struct timeval){ .tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000 };
	event_add(f->timer, &tv);
}

static void unwant(struct forward *f, size_t i);

static void drop_all(struct forward *f, bool only_stale)
{
	for (size_t i = f->n_guest; i-- > 0;)
		if (!only_stale || f->guest[i].stale)
			unwant(f, i);
}

static void forget_bounds(struct forward *f, int64_t now)
{
	for (size_t i = f->n_bound; i-- > 0;)
		if (bound_forgettable(f->bound[i], now)) {
			bound_free(f->bound[i]);
			f->bound[i] = f->bound[--f->n_bound];
		}
}

static void on_timer(evutil_socket_t unused, short what, void *arg)
{
	struct forward *f = arg;
	int64_t now = mono_ms();

	(void)unused;
	(void)what;
	if ((f->sweep_at && f->sweep_at <= now) || (f->gone_at && f->gone_at <= now)) {
		drop_all(f, !(f->gone_at && f->gone_at <= now));
		f->sweep_at = 0;
		if (f->gone_at <= now)
			f->gone_at = 0;
	}
	for (size_t i = 0; i < f->n_bound; i++)
		bound_due(f->bound[i], now);
	forget_bounds(f, now);
	forward_arm(f);
}

/* ---- what the guest announces ---- */

static struct wanted *find(struct forward *f, const struct wire_addr *a)
{
	for (size_t i = 0; i < f->n_guest; i++)
		if (f->guest[i].a.port == a->port && !memcmp(&f->guest[i].a, a, sizeof(*a)))
			return &f->guest[i];
	return NULL;
}

struct wanted *forward_first_at(struct forward *f, const struct bound *b)
{
	for (size_t i = 0; i < f->n_guest; i++)
		if (f->guest[i].at == b)
			return &f->guest[i];
	return NULL;
}

static void unwant(struct forward *f, size_t i)
{
	struct bound *b = f->guest[i].at;
	struct wanted *next;

	memmove(&f->guest[i], &f->guest[i + 1], (--f->n_guest - i) * sizeof(*f->guest));
	if (!b || b->kind.permanent)
		return;
	next = forward_first_at(f, b);
	if (!next)
		bound_close(b);
	else if (memcmp(&next->a, &b->to, sizeof(b->to)))
		bound_move(b, &next->a);
}

void forward_passed_over(struct forward *f, const struct wire_addr *a)
{
	f->not_forwarded++;
	if (a->proto == WIRE_UDP ? f->rules.silent_udp : f->rules.silent_tcp)
		return;
	if (forward_take_token(f))
		forward_tell(f, "not-forwarding", a, NULL);
}

const struct forward_rule *forward_rule_for(const struct forward *f, const struct wire_addr *a)
{
	struct ip ip;

	if (f->opt.by_ssh && a->proto == WIRE_UDP)
		return NULL;
	ip_of_wire(a, &ip);
	return forward_rules_match(&f->rules, a->proto, &ip, a->port);
}

bool forward_place(struct forward *f, const struct forward_rule *rule, struct wanted *w)
{
	struct bound *b = bound_get(f, w->a.proto, &rule->host_ip, forward_host_port(rule, w->a.port), rule->host_socket);

	w->at = b;
	if (!b)
		return false;
	if (b->state == BOUND_IDLE) {
		b->kind.built_in = rule->built_in;
		bound_open(b, &w->a);
	}
	return true;
}

/* Those that no rule wants are remembered too: other rules may come (forward_reload). */
static void want(struct forward *f, const struct wire_addr *a)
{
	const struct forward_rule *rule = forward_rule_for(f, a);
	struct wanted *w = find(f, a);

	if (w) {
		w->stale = false;
		return;
	}
	if (f->n_guest == FORWARD_GUEST_MAX) {
		forward_passed_over(f, a);
		return;
	}
	f->guest = xrealloc(f->guest, (f->n_guest + 1) * sizeof(*f->guest));
	w = &f->guest[f->n_guest++];
	*w = (struct wanted){ .a = *a };
	if (rule && rule->is_static) /* it has its place already, or was refused it */
		return;
	if (!rule || !forward_place(f, rule, w))
		forward_passed_over(f, a);
}

static void on_record(struct forward *f, const uint8_t *p)
{
	struct wire_addr a;
	int op = wire_port_get(p, &a);
	struct wanted *w;

	if (op == '+') {
		want(f, &a);
	} else if (op == '-') {
		w = find(f, &a);
		if (w)
			unwant(f, (size_t)(w - f->guest));
	} else if (op == '=') {
		for (size_t i = 0; i < f->n_guest; i++)
			f->guest[i].stale = true;
		f->sweep_at = mono_ms() + SWEEP_MS;
		forward_arm(f);
	}
}

void forward_frame(struct forward *f, const struct wire_frame *frame)
{
	if (!tunnels_are_up(f->tunnels))
		return;
	if (frame->type != WIRE_PORTS) {
		tunnels_frame(f->tunnels, frame);
		return;
	}
	for (uint32_t at = 0; at + WIRE_PORT_SIZE <= frame->len; at += WIRE_PORT_SIZE)
		on_record(f, frame->payload + at);
}

/* ---- the guest comes and goes ---- */

static void accept_all(struct forward *f, bool yes)
{
	for (size_t i = 0; i < f->n_bound; i++)
		bound_accept(f->bound[i], yes);
}

void forward_guest_up(struct forward *f, struct bufferevent *guest)
{
	if (f->opt.plain)
		return;
	tunnels_up(f->tunnels, guest);
	f->gone_at = 0;
	accept_all(f, true);
}

void forward_guest_gone(struct forward *f)
{
	if (!tunnels_are_up(f->tunnels))
		return;
	accept_all(f, false);
	tunnels_down(f->tunnels);
	f->sweep_at = 0;
	f->gone_at = mono_ms() + GRACE_MS;
	forward_arm(f);
}

void forward_ssh_result(struct forward *f, unsigned id, bool ok, const char *why)
{
	for (size_t i = 0; i < f->n_bound; i++)
		if (f->bound[i]->id == id)
			bound_ssh_result(f->bound[i], ok, why);
}

/* ---- */

struct forward *forward_new(struct event_base *base, const struct kv *conf, const struct forward_options *o,
			    const struct forward_ops *ops, struct err *e)
{
	struct forward *f = xcalloc(1, sizeof(*f));

	if (forward_rules_load(conf, o->ssh_port, &f->rules, e) < 0) {
		forward_rules_free(&f->rules);
		free(f);
		return NULL;
	}
	f->base = base;
	f->opt = *o;
	f->ops = *ops;
	f->round = 1;
	f->tokens = FORWARD_BURST;
	f->tokens_at = mono_ms();
	f->tunnels = tunnels_new(base);
	f->timer = event_new(base, -1, 0, on_timer, f);
	forward_fixed_open(f);
	return f;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	tunnels_down(f->tunnels);
	for (size_t i = 0; i < f->n_bound; i++)
		bound_free(f->bound[i]);
	tunnels_free(f->tunnels);
	event_free(f->timer);
	forward_rules_free(&f->rules);
	free(f->bound);
	free(f->guest);
	free(f);
}

static const char *state_text(enum bound_state s)
{
	return s == BOUND_FAILED ? "failed" : s == BOUND_WAITING ? "waiting" : "forwarding";
}

cJSON *forward_json(const struct forward *f)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "list");
	char text[128];

	for (size_t i = 0; i < f->n_bound; i++) {
		const struct bound *b = f->bound[i];
		cJSON *item;

		if (b->state == BOUND_IDLE)
			continue;
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "protocol", proto_text(b->to.proto));
		forward_guest_text(&b->to, text, sizeof(text));
		cJSON_AddStringToObject(item, "guestAddr", text);
		forward_host_text(b, text, sizeof(text));
		cJSON_AddStringToObject(item, "hostAddr", text);
		cJSON_AddStringToObject(item, "state", state_text(b->state));
		if (b->state == BOUND_FAILED)
			cJSON_AddStringToObject(item, "error", b->error);
		cJSON_AddBoolToObject(item, "static", b->kind.permanent);
		if (b->kind.reverse)
			cJSON_AddTrueToObject(item, "reverse");
		cJSON_AddNumberToObject(item, "connections", b->connections);
		cJSON_AddItemToArray(list, item);
	}
	cJSON_AddNumberToObject(o, "streams", tunnels_count(f->tunnels));
	cJSON_AddNumberToObject(o, "notForwarded", (double)f->not_forwarded);
	return o;
}
