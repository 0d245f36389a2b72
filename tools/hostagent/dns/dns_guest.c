/* dns_guest - see dns_guest.h. */
#include "dns_guest.h"

#include <stdlib.h>

#include "buf.h"
#include "dns/dns.h"
#include "hostagent/log.h"
#include "oswatch.h"

struct slot {
	struct dns_guest *g;
	struct dns_job *job;
	uint32_t stream;
	bool busy;
};

struct dns_guest {
	struct dns *dns;
	const char *address;
	dns_send_fn *send;
	void *arg;
	struct slot slot[DNS_GUEST_JOBS];
	int64_t refilled;
	unsigned tokens; /* queries that may come now */
	struct dns_counts count;
};

static void add_host(struct dns *d, const char *name, const char *value)
{
	struct err e = { 0 };

	if (*value && dns_host(d, name, value, &e) < 0)
		log_warn("hostResolver.hosts: %s", e.msg);
}

/* The instance's own names come last: nothing replaces them, and they are the names of their addresses. */
static void add_hosts(struct dns *d, const struct kv *conf)
{
	size_t n = (size_t)kv_num(conf, 0, "hostResolver.hosts");

	for (size_t i = 0; i < n; i++)
		add_host(d, kv_get(conf, "", "hostResolver.hosts.%zu.name", i),
			 kv_get(conf, "", "hostResolver.hosts.%zu.value", i));
	add_host(d, kv_get(conf, "", "hostname"), kv_get(conf, "", "hostResolver.guest"));
	add_host(d, "host.lima.internal", kv_get(conf, "", "hostResolver.gateway"));
}

struct dns_guest *dns_guest_new(struct event_base *base, const struct kv *conf, dns_send_fn *send, void *arg)
{
	const char *address = kv_get(conf, "", "hostResolver.address");
	struct dns_guest *g;

	if (!kv_bool(conf, "hostResolver.enabled") || !*address || kv_bool(conf, "plain"))
		return NULL;
	g = xcalloc(1, sizeof(*g));
	*g = (struct dns_guest){ .address = address, .send = send, .arg = arg, .tokens = DNS_GUEST_RATE };
	g->refilled = mono_ms();
	g->dns = dns_new(base, kv_bool(conf, "hostResolver.ipv6"), NULL, NULL);
	add_hosts(g->dns, conf);
	return g;
}

const char *dns_guest_address(const struct dns_guest *g)
{
	return g ? g->address : "";
}

struct dns_counts dns_guest_counts(const struct dns_guest *g)
{
	return g->count;
}

static bool take_token(struct dns_guest *g)
{
	int64_t now = mono_ms(), more = (now - g->refilled) * DNS_GUEST_RATE / 1000;

	if (more > 0) {
		g->tokens = more > DNS_GUEST_RATE - g->tokens ? DNS_GUEST_RATE : g->tokens + (unsigned)more;
		g->refilled = now;
	}
	if (!g->tokens)
		return false;
	g->tokens--;
	return true;
}

static struct slot *free_slot(struct dns_guest *g)
{
	for (size_t i = 0; i < DNS_GUEST_JOBS; i++)
		if (!g->slot[i].busy)
			return &g->slot[i];
	return NULL;
}

static void on_answer(void *arg, const uint8_t *reply, size_t n)
{
	struct slot *s = arg;
	struct dns_guest *g = s->g;

	s->busy = false;
	s->job = NULL;
	g->count.waiting--;
	if (n && g->send(g->arg, s->stream, reply, (uint32_t)n) < 0)
		g->count.dropped++;
}

void dns_guest_frame(struct dns_guest *g, const struct wire_frame *f)
{
	struct slot *s;
	struct dns_job *job;

	if (!g || f->len < 1 || (f->payload[0] != DNS_TCP && f->payload[0] != DNS_UDP))
		return;
	s = f->len - 1 <= WIRE_DNS_QUERY_MAX && take_token(g) ? free_slot(g) : NULL;
	if (!s) {
		g->count.dropped++;
		return;
	}
	*s = (struct slot){ .g = g, .stream = f->stream, .busy = true };
	g->count.queries++;
	g->count.waiting++;
	job = dns_answer(g->dns, f->payload + 1, f->len - 1, f->payload[0], on_answer, s);
	if (s->busy)
		s->job = job;
}

void dns_guest_gone(struct dns_guest *g)
{
	for (size_t i = 0; g && i < DNS_GUEST_JOBS; i++) {
		if (!g->slot[i].busy)
			continue;
		dns_cancel(g->slot[i].job);
		g->slot[i].busy = false;
		g->count.waiting--;
	}
}

void dns_guest_free(struct dns_guest *g)
{
	if (!g)
		return;
	dns_guest_gone(g);
	dns_free(g->dns);
	free(g);
}
