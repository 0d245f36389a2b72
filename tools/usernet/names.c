/* names - see names.h. */
#include "names.h"

#include <stdlib.h>

#include "buf.h"
#include "wire.h"

void names_init(struct names *n, struct event_base *base)
{
	const char *path = getenv("LIMA_RESOLV_CONF");

	*n = (struct names){ .dns = dns_new(base, false, NULL, NULL) };
	n->conf.path = path && *path ? path : DNS_RESOLV_CONF;
}

void names_free(struct names *n)
{
	dns_free(n->dns);
	zones_free(&n->zones);
}

const struct dns_conf *names_conf(struct names *n)
{
	dns_conf_refresh(&n->conf);
	return &n->conf;
}

/* A record for the question, or none: the name is there, but not of that type. */
static void reply(const uint8_t *query, const struct dns_question *q, const void *data, size_t n, dns_answer_fn *fn,
		  void *arg)
{
	struct buf out = { 0 };

	dns_reply_begin(&out, query, q, DNS_NOERROR);
	if (n)
		dns_reply_add(&out, q->type, data, n);
	dns_reply_end(&out, q);
	fn(arg, (const uint8_t *)out.data, out.len);
	buf_free(&out);
}

/* Whether the question is about what stands in a zone; it is answered then. */
static bool answer_zone(const struct names *n, const uint8_t *query, const struct dns_question *q, dns_answer_fn *fn,
			void *arg)
{
	const struct dns_name *name = NULL;
	uint8_t address[16];
	uint32_t ip;

	if (q->opcode || q->class != DNS_CLASS_IN)
		return false;
	if (q->type == DNS_PTR) {
		if (dns_name_reverse(&q->name, address) == 4)
			name = zones_reverse(&n->zones, wire_get32(address));
		if (name)
			reply(query, q, name->wire, name->len, fn, arg);
		return name;
	}
	if (!zones_find(&n->zones, &q->name, &ip))
		return false;
	wire_put32(address, ip);
	reply(query, q, address, q->type == DNS_A ? 4 : 0, fn, arg);
	return true;
}

struct dns_job *names_answer(struct names *n, const uint8_t *query, size_t len, enum dns_transport transport,
			     dns_answer_fn *fn, void *arg)
{
	struct dns_question q;

	if (dns_question_parse(query, len, &q) == 0 && answer_zone(n, query, &q, fn, arg))
		return NULL;
	return dns_answer(n->dns, query, len, transport, fn, arg);
}
