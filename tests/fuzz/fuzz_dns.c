/* uses: dns */
/* The reader of DNS messages: a query as it comes from a guest, and the same bytes as an answer of a name server, shortened
 * to sizes that the input chooses. */
#include <stdlib.h>
#include <string.h>

#include "dns/dns_conf.h"
#include "dns/dns_msg.h"
#include "dns/dns_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_name(const struct dns_name *name)
{
	uint8_t ip[16];
	size_t at = 0;

	while (at < name->len && name->wire[at])
		at += 1u + name->wire[at];
	if (name->len == 0 || name->len > DNS_NAME_MAX || at != name->len - 1)
		abort();
	if (dns_name_dots(name) > 127 || dns_name_reverse(name, ip) > 16)
		abort();
}

static void check_query(const uint8_t *p, size_t n, struct dns_question *q)
{
	int r = dns_question_parse(p, n, q);

	if (r < -1 || r > 15)
		abort();
	if (r == 0 && q->opcode == 0)
		check_name(&q->name);
	if (q->end > n && r >= 0)
		abort();
}

/* As an answer to a question of whose end is known. */
static void check_answer(const uint8_t *p, size_t n, const struct dns_question *q, size_t limit)
{
	static const uint16_t types[] = { DNS_A, DNS_AAAA };
	struct dns_name canonical;
	struct buf copy = { 0 };

	for (size_t i = 0; i < 2; i++) {
		struct buf found = { 0 };

		if (q->name.len && dns_addresses(p, n, &q->name, types[i], &found, &canonical))
			check_name(&canonical);
		if (found.len % (types[i] == DNS_A ? 4 : 16) || found.len > 64 * 16)
			abort();
		buf_free(&found);
	}
	buf_add(&copy, p, n);
	dns_fit(&copy, q, limit);
	if (copy.len > limit)
		abort();
	buf_free(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct dns_question q, none = { .end = DNS_HEADER };
	struct dns_conf conf = { 0 };
	char *text;

	if (n < DNS_HEADER + 2)
		return 0;
	check_query(data, n, &q);
	check_answer(data, n, q.end <= n ? &q : &none, DNS_UDP_MIN + (data[0] << 4));
	dns_is_answer_to(data, n, data, n);
	dns_is_answer_to(data, n, data + 2, n - 2);
	text = xstrndup((const char *)data, n);
	dns_conf_parse(&conf, text);
	if (conf.servers == 0 || conf.servers > DNS_SERVERS_MAX || conf.searches > DNS_SEARCH_MAX)
		abort();
	free(text);
	return 0;
}
