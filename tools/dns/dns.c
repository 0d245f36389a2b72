/* dns - see dns.h. */
#include "dns.h"

#include <stdlib.h>
#include <string.h>

#include "dns_ask.h"
#include "dns_conf.h"
#include "dns_msg.h"
#include "dns_table.h"

struct dns {
	struct dns_servers servers;
	struct dns_table table;
	const char *hosts;
	bool ipv6;
};

struct dns_job {
	struct dns *d;
	dns_answer_fn *fn;
	void *arg;
	struct dns_ask *ask;
	enum dns_transport transport;
	struct dns_question q;
	size_t n; /* of the query, which is at the end */
	/* The search for an address: the names to ask for, one after the other. */
	struct dns_name target, names[DNS_SEARCH_MAX + 1];
	bool aliased, is_static;
	bool no_data, failed;    /* of one of the names */
	unsigned count, at, raw; /* names[raw] is the target itself */
	struct dns_job **self;   /* set to NULL when the job ends while dns_answer still runs */
	struct buf denied;       /* what the servers said about the target itself: NXDOMAIN */
	uint8_t query[];
};

/* --- the end of a job --- */

static void free_job(struct dns_job *j)
{
	if (j->self)
		*j->self = NULL;
	buf_free(&j->denied);
	free(j);
}

/* `reply` is taken over. */
static void answer(struct dns_job *j, struct buf *reply)
{
	size_t limit = j->transport == DNS_UDP ? j->q.udp_size : DNS_MESSAGE_MAX;

	if (reply->len)
		dns_fit(reply, &j->q, limit);
	j->fn(j->arg, (const uint8_t *)reply->data, reply->len);
	buf_free(reply);
	free_job(j);
}

static void answer_code(struct dns_job *j, unsigned rcode)
{
	struct buf reply = { 0 };

	dns_reply_begin(&reply, j->query, &j->q, rcode);
	dns_reply_end(&reply, &j->q);
	answer(j, &reply);
}

/* Records of the question's type; `size` is that of each one's data. None: no such record. */
static void answer_records(struct dns_job *j, const void *data, size_t n, size_t size)
{
	struct buf reply = { 0 };

	dns_reply_begin(&reply, j->query, &j->q, DNS_NOERROR);
	for (size_t at = 0; at < n; at += size)
		dns_reply_add(&reply, j->q.type, (const uint8_t *)data + at, size);
	dns_reply_end(&reply, &j->q);
	answer(j, &reply);
}

void dns_cancel(struct dns_job *j)
{
	if (j->ask)
		dns_ask_cancel(j->ask);
	free_job(j);
}

/* --- forwarding the message --- */

/* What the name servers know nothing of may still be ours. */
static void pass_on(struct dns_job *j, const uint8_t *p, size_t n)
{
	struct buf reply = { 0 };

	if (n == 0 || (j->is_static && dns_rcode_of(p) == DNS_NXDOMAIN)) {
		answer_code(j, n || j->is_static ? DNS_NOERROR : DNS_SERVFAIL);
		return;
	}
	buf_add(&reply, p, n);
	answer(j, &reply);
}

static void on_forwarded(void *arg, const uint8_t *p, size_t n)
{
	struct dns_job *j = arg;

	j->ask = NULL;
	pass_on(j, p, n);
}

static void forward_query(struct dns_job *j, dns_ask_fn *fn)
{
	j->ask = dns_ask(&j->d->servers, j->query, j->n, j->transport == DNS_TCP, fn, j);
}

/* --- addresses --- */

static void next_name(struct dns_job *j);

static void answer_name(struct dns_job *j, const struct dns_name *name)
{
	answer_records(j, name->wire, name->len, name->len);
}

/* The addresses found are the answer; or for CNAME the name they are at. */
static void answer_found(struct dns_job *j, const struct buf *data, const struct dns_name *canonical)
{
	if (j->q.type == DNS_CNAME)
		answer_name(j, canonical);
	else
		answer_records(j, data->data, data->len, j->q.type == DNS_A ? 4 : 16);
}

static uint16_t address_type(const struct dns_job *j)
{
	return j->q.type == DNS_AAAA ? DNS_AAAA : DNS_A;
}

/* The end of the search: what was said about the name as it stands, if that was asked. */
static void nothing_found(struct dns_job *j)
{
	struct buf reply = j->denied;

	if (j->q.type == DNS_CNAME) {
		answer_name(j, &j->target);
	} else if (j->no_data || (j->failed && j->raw)) {
		answer_code(j, j->no_data ? DNS_NOERROR : DNS_SERVFAIL);
	} else if (reply.len && !j->aliased) {
		j->denied = (struct buf){ 0 };
		answer(j, &reply);
	} else {
		answer_code(j, reply.len ? dns_rcode_of((const uint8_t *)reply.data) : DNS_SERVFAIL);
	}
}

/* What was said about one of the names; a message that does not parse says nothing. */
static void take_denial(struct dns_job *j, const uint8_t *p, size_t n)
{
	unsigned rcode = n ? dns_rcode_of(p) : DNS_SERVFAIL;

	j->no_data = j->no_data || rcode == DNS_NOERROR;
	j->failed = j->failed || rcode == DNS_SERVFAIL;
	if (j->at == j->raw && n)
		buf_add(&j->denied, p, n);
	j->at++;
	next_name(j);
}

static void on_address(void *arg, const uint8_t *p, size_t n)
{
	struct dns_job *j = arg;
	struct dns_name canonical;
	struct buf data = { 0 };

	j->ask = NULL;
	if (n && dns_rcode_of(p) == DNS_NOERROR &&
	    !dns_addresses(p, n, &j->names[j->at], address_type(j), &data, &canonical)) {
		buf_free(&data);
		n = 0;
	}
	if (data.len)
		answer_found(j, &data, &canonical);
	else
		take_denial(j, p, n);
	buf_free(&data);
}

/* The name as it stands and no alias: the message itself was sent. Only a name that does not exist is searched on. */
static void on_raw(void *arg, const uint8_t *p, size_t n)
{
	struct dns_job *j = arg;

	j->ask = NULL;
	if (n && dns_rcode_of(p) == DNS_NXDOMAIN) {
		buf_add(&j->denied, p, n);
		j->at++;
		next_name(j);
	} else {
		pass_on(j, p, n);
	}
}

static void next_name(struct dns_job *j)
{
	struct buf query = { 0 };

	if (j->at == j->count) {
		nothing_found(j);
	} else if (j->at == j->raw && !j->aliased) {
		forward_query(j, on_raw);
	} else {
		dns_query_make(&query, j->q.id, &j->names[j->at], address_type(j));
		j->ask = dns_ask(&j->d->servers, (uint8_t *)query.data, query.len, true, on_address, j);
		buf_free(&query);
	}
}

/* As the C library does: a name with enough dots is first tried as it stands, another one last. */
static void plan_search(struct dns_job *j)
{
	struct dns_conf *c = &j->d->servers.conf;
	bool raw_first;

	dns_conf_refresh(c);
	raw_first = dns_name_dots(&j->target) >= c->ndots;
	if (raw_first)
		j->names[j->count++] = j->target;
	for (unsigned i = 0; i < c->searches; i++)
		if (dns_name_join(&j->target, &c->search[i], &j->names[j->count]))
			j->count++;
	if (!raw_first) {
		j->raw = j->count;
		j->names[j->count++] = j->target;
	}
}

static void find_address(struct dns_job *j)
{
	const struct dns_entry *entry = dns_table_follow(&j->d->table, &j->target);
	size_t size = j->q.type == DNS_A ? 4 : 16;
	struct buf data = { 0 };

	j->aliased = !dns_name_equal(&j->target, &j->q.name);
	if (j->q.type == DNS_AAAA && !j->d->ipv6) {
		answer_records(j, NULL, 0, size);
	} else if (entry) {
		answer_records(j, entry->ip, entry->size == size ? size : 0, size);
	} else if (dns_hosts_find(j->d->hosts, &j->target, j->q.type, &data)) {
		answer_records(j, data.data, data.len, size);
		buf_free(&data);
	} else {
		plan_search(j);
		next_name(j);
	}
}

static void find_canonical(struct dns_job *j)
{
	const struct dns_entry *entry = dns_table_follow(&j->d->table, &j->target);

	j->aliased = !dns_name_equal(&j->target, &j->q.name);
	if (!j->aliased) {
		forward_query(j, on_forwarded);
	} else if (entry) {
		answer_name(j, &j->target);
	} else {
		plan_search(j);
		next_name(j);
	}
}

static void find_pointer(struct dns_job *j)
{
	uint8_t ip[16];
	size_t size = dns_name_reverse(&j->q.name, ip);
	const struct dns_entry *entry = size ? dns_table_reverse(&j->d->table, ip, size) : NULL;
	struct dns_name name;

	if (entry)
		answer_name(j, &entry->name);
	else if (size && dns_hosts_reverse(j->d->hosts, ip, size, &name))
		answer_name(j, &name);
	else
		forward_query(j, on_forwarded);
}

/* --- the door --- */

static void begin(struct dns_job *j)
{
	bool internet = j->q.opcode == 0 && j->q.class == DNS_CLASS_IN;

	j->is_static = internet && dns_table_has(&j->d->table, &j->q.name);
	if (internet && (j->q.type == DNS_A || j->q.type == DNS_AAAA))
		find_address(j);
	else if (internet && j->q.type == DNS_CNAME)
		find_canonical(j);
	else if (internet && j->q.type == DNS_PTR)
		find_pointer(j);
	else
		forward_query(j, on_forwarded);
}

struct dns_job *dns_answer(struct dns *d, const uint8_t *query, size_t n, enum dns_transport transport,
			   dns_answer_fn *fn, void *arg)
{
	struct dns_question q;
	int r = dns_question_parse(query, n, &q);
	struct dns_job *j, *left;

	if (r < 0) {
		fn(arg, NULL, 0);
		return NULL;
	}
	j = xcalloc(1, sizeof(*j) + n);
	*j = (struct dns_job){ .d = d, .fn = fn, .arg = arg, .transport = transport, .q = q, .n = n };
	j->target = q.name;
	memcpy(j->query, query, n);
	left = j;
	j->self = &left;
	if (r > 0)
		answer_code(j, (unsigned)r);
	else
		begin(j);
	if (left)
		left->self = NULL;
	return left;
}

static const char *path_of(const char *given, const char *variable, const char *usual)
{
	const char *value = getenv(variable);

	return given ? given : value && *value ? value : usual;
}

struct dns *dns_new(struct event_base *base, bool ipv6, const char *resolv_conf, const char *hosts)
{
	struct dns *d = xcalloc(1, sizeof(*d));

	d->servers.base = base;
	d->servers.conf.path = path_of(resolv_conf, "LIMA_RESOLV_CONF", DNS_RESOLV_CONF);
	d->hosts = path_of(hosts, "LIMA_HOSTS", DNS_HOSTS);
	d->ipv6 = ipv6;
	return d;
}

int dns_host(struct dns *d, const char *name, const char *value, struct err *e)
{
	return dns_table_set(&d->table, name, value, e);
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	dns_table_free(&d->table);
	free(d);
}
