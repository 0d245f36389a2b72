/* uses: dns loop */
/* The resolver of the host agent against a name server that the test plays: static hosts, aliases, the hosts file, search,
 * what is forwarded and what comes back, truncation, name servers that fail, files that change, hostile messages. */
#include "fake_zone.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "dns/dns.h"
#include "err.h"

enum { PATIENCE_MS = 20000, LONG = 3000, HUGE_TXT = 60000 };

static char dir[64], conf_path[96], hosts_path[96], long_text[HUGE_TXT];
static uint8_t reply[70000];
static size_t reply_len;
static bool answered;
static struct dns *d;

static const struct zone_record records[] = {
	{ "real.test", T_A, "10.9.8.7", 0 },
	{ "real.test", T_A, "10.9.8.8", 0 },
	{ "real.test", T_AAAA, "fd00::9", 0 },
	{ "www.test", T_CNAME, "real.test", 0 },
	{ "six.test", T_AAAA, "fd00::6", 0 },
	{ "mail.test", T_MX, "\0\12\4mail\4test", 13 },
	{ "mail.test", T_NS, "ns.test", 0 },
	{ "_x._tcp.test", T_SRV, "\0\1\0\2\0\120\4mail\4test", 17 },
	{ "text.test", T_TXT, "\5hello", 6 },
	{ "long.test", T_TXT, long_text, LONG },
	{ "huge.test", T_TXT, long_text, HUGE_TXT },
	{ "short.corp.test", T_A, "10.1.2.3", 0 },
	{ "a.b.corp.test", T_A, "10.1.2.4", 0 },
	{ "both.corp.test", T_A, "10.1.2.5", 0 },
	{ "both.two.test", T_A, "10.1.2.6", 0 },
	{ "empty.corp.test", T_TXT, "\1x", 2 },
	{ "9.9.9.10.in-addr.arpa", T_PTR, "ptr.test", 0 },
	{ NULL, 0, NULL, 0 },
};

static void put_file(const char *path, const char *fmt, ...)
{
	FILE *f = fopen(path, "we");
	va_list ap;

	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

static void on_answer(void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	answered = true;
	reply_len = n;
	if (n)
		memcpy(reply, p, n);
}

static char *ask_raw(const uint8_t *q, size_t n, enum dns_transport transport)
{
	struct timeval limit = { .tv_sec = PATIENCE_MS / 1000 };
	struct dns_job *job;

	answered = false;
	zone_log[0] = '\0';
	job = dns_answer(d, q, n, transport, on_answer, NULL);
	if (answered && job)
		return "both at once and later";
	event_base_loopexit(base, &limit);
	while (!answered && event_base_loop(base, EVLOOP_ONCE) == 0 && !event_base_got_exit(base))
		;
	return answered ? show_answer(reply, reply_len) : "no answer";
}

static char *ask(const char *name, int type, enum dns_transport transport, unsigned edns)
{
	uint8_t q[600];
	char *text = ask_raw(q, make_query(q, 0x1234, name, type, edns), transport);

	if (reply_len && get2(reply) != 0x1234)
		return "another id";
	return text;
}

#define A(name, want, what) is_str(ask(name, T_A, DNS_UDP, 0), want, what)
#define Q(name, type, want, what) is_str(ask(name, type, DNS_UDP, 0), want, what)

static void host(const char *name, const char *value)
{
	struct err e = { 0 };

	if (dns_host(d, name, value, &e) < 0)
		printf("# %s\n", e.msg);
}

static void start(bool ipv6)
{
	d = dns_new(base, ipv6, conf_path, hosts_path);
	host("host.lima.internal", "192.168.5.2");
	host("lima-x", "192.168.5.15");
	host("Static.Test", "10.0.0.1");
	host("six-static.test", "fd00::1");
	host("alias.test", "static.test");
	host("alias2.test", "ALIAS.test");
	host("out.test", "www.test");
	host("gone.test", "nowhere.test");
	host("round1.test", "round2.test");
	host("round2.test", "round1.test");
	put_file(conf_path, "nameserver [127.0.0.1]:%d\n", zone_port);
	put_file(hosts_path, "127.0.0.1 localhost\n10.5.5.5 filed.test Filed2 # no.test\nfd00::5 filed6.test\n");
}

static void test_static(void)
{
	struct err e = { 0 };

	A("static.test", "NOERROR static.test/1/5/10.0.0.1", "a static host");
	is_str(zone_log, "", "nobody else is asked");
	A("STATIC.tEsT", "NOERROR STATIC.tEsT/1/5/10.0.0.1", "in whatever case, repeated as it was asked");
	A("host.lima.internal", "NOERROR host.lima.internal/1/5/192.168.5.2", "the host");
	A("lima-x", "NOERROR lima-x/1/5/192.168.5.15", "the machine itself, a name without a dot");
	A("alias.test", "NOERROR alias.test/1/5/10.0.0.1", "an alias: the address under the name asked for");
	A("alias2.test", "NOERROR alias2.test/1/5/10.0.0.1", "an alias of an alias");
	A("out.test", "NOERROR out.test/1/5/10.9.8.7 out.test/1/5/10.9.8.8", "an alias of a name elsewhere");
	A("gone.test", "NXDOMAIN", "an alias of nothing");
	A("round1.test", "NXDOMAIN", "aliases in a circle end");
	is_str(zone_log, "udp round1.test 1;", "at the first name that comes again");
	A("six-static.test", "NOERROR", "a static host without such an address has no such record");
	is_str(zone_log, "", "and nobody else is asked");
	Q("static.test", T_TXT, "NOERROR", "and a static host exists, whatever the servers say");
	is_str(zone_log, "udp static.test 16;", "who are asked for other types");
	is_num(dns_host(d, "a..b", "10.0.0.1", &e), -1, "no name");
	is_num(dns_host(d, "a.b", "x y..", &e), -1, "no value");
	is_num(dns_host(d, "", "10.0.0.1", &e), -1, "not even one");
	host("static.test", "10.0.0.2");
	A("alias.test", "NOERROR alias.test/1/5/10.0.0.2", "the last one with a name counts");
}

static void test_ipv6(void)
{
	Q("six-static.test", T_AAAA, "NOERROR", "without ipv6 there is no AAAA: static");
	Q("six.test", T_AAAA, "NOERROR", "nor elsewhere");
	is_str(zone_log, "", "nobody is asked");
	dns_free(d);
	start(true);
	Q("six-static.test", T_AAAA, "NOERROR six-static.test/28/5/fd00::1", "with ipv6: static");
	Q("static.test", T_AAAA, "NOERROR", "a static host with an IPv4 address only");
	Q("six.test", T_AAAA, "NOERROR six.test/28/60/fd00::6", "elsewhere");
	Q("filed6.test", T_AAAA, "NOERROR filed6.test/28/5/fd00::5", "in the hosts file");
	Q("filed.test", T_AAAA, "NOERROR", "with an IPv4 address only");
	Q("out.test", T_AAAA, "NOERROR out.test/28/5/fd00::9", "an alias of a name elsewhere");
}

static void test_other_types(void)
{
	Q("alias.test", T_CNAME, "NOERROR alias.test/5/5/static.test", "CNAME of an alias");
	Q("alias2.test", T_CNAME, "NOERROR alias2.test/5/5/static.test", "the end of the chain");
	Q("out.test", T_CNAME, "NOERROR out.test/5/5/real.test", "which is the canonical name elsewhere");
	Q("gone.test", T_CNAME, "NOERROR gone.test/5/5/nowhere.test", "or the name itself when that has none");
	Q("static.test", T_CNAME, "NOERROR", "a host has none");
	Q("www.test", T_CNAME, "NOERROR www.test/5/60/real.test", "CNAME elsewhere");
	Q("2.5.168.192.in-addr.arpa", T_PTR, "NOERROR 2.5.168.192.in-addr.arpa/12/5/host.lima.internal", "PTR");
	Q("1.0.0.10.in-addr.arpa", T_PTR, "NOERROR 1.0.0.10.in-addr.arpa/12/5/static.test", "PTR of a static host");
	Q("5.5.5.10.in-addr.arpa", T_PTR, "NOERROR 5.5.5.10.in-addr.arpa/12/5/filed.test", "PTR by the hosts file");
	Q("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", T_PTR,
	  "NOERROR 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa/12/5/six-static.test", "PTR, v6");
	Q("9.9.9.10.in-addr.arpa", T_PTR, "NOERROR 9.9.9.10.in-addr.arpa/12/60/ptr.test", "PTR elsewhere");
	Q("text.test", T_TXT, "NOERROR text.test/16/60/6 bytes", "TXT");
	Q("mail.test", T_MX, "NOERROR mail.test/15/60/13 bytes", "MX");
	Q("mail.test", T_NS, "NOERROR mail.test/2/60/ns.test", "NS");
	Q("_x._tcp.test", T_SRV, "NOERROR _x._tcp.test/33/60/17 bytes", "SRV");
	Q("real.test", 65, "NOERROR", "a type that nobody here knows");
	is_str(zone_log, "udp real.test 65;", "is asked for as it is");
}

static void test_elsewhere(void)
{
	uint8_t q[600];
	size_t n = make_query(q, 7, "real.test", T_A, 0);

	A("filed.test", "NOERROR filed.test/1/5/10.5.5.5", "the hosts file comes first");
	A("FILED2", "NOERROR FILED2/1/5/10.5.5.5", "all its names");
	A("no.test", "NXDOMAIN", "but no comment");
	A("real.test", "NOERROR real.test/1/60/10.9.8.7 real.test/1/60/10.9.8.8", "then the servers, who are passed on");
	A("www.test", "NOERROR www.test/5/60/real.test real.test/1/60/10.9.8.7 real.test/1/60/10.9.8.8", "as they are");
	A("nowhere.test", "NXDOMAIN", "also when there is no such name");
	A("fail.test", "SERVFAIL", "or they cannot say");
	q[2] |= 4 << 3;
	is_str(ask_raw(q, n, DNS_UDP), "NOERROR real.test/1/60/10.9.8.7 real.test/1/60/10.9.8.8", "another opcode");
	is_str(zone_log, "udp real.test 1 op;", "is forwarded");
	put_file(hosts_path, "10.6.6.6 real.test\n");
	A("real.test", "NOERROR real.test/1/5/10.6.6.6", "a hosts file that changes counts at once");
	unlink(hosts_path);
	A("real.test", "NOERROR real.test/1/60/10.9.8.7 real.test/1/60/10.9.8.8", "one that goes, too");
}

static void test_search(void)
{
	put_file(conf_path, "nameserver [127.0.0.1]:%d\nsearch nope.test\nsearch corp.test two.test\n", zone_port);
	A("short", "NOERROR short/1/5/10.1.2.3", "a short name is searched");
	is_str(zone_log, "udp short.corp.test 1;", "in the last list, from its beginning");
	A("both", "NOERROR both/1/5/10.1.2.5", "the first that has it");
	A("a.b", "NOERROR a.b/1/5/10.1.2.4", "a name with a dot");
	is_str(zone_log, "udp a.b 1;udp a.b.corp.test 1;", "is tried as it stands before");
	A("none", "NXDOMAIN", "a name that is nowhere");
	is_str(zone_log, "udp none.corp.test 1;udp none.two.test 1;udp none 1;", "is asked for as it stands at last");
	A("empty", "NOERROR", "a name that has other records exists");
	Q("short", T_TXT, "NXDOMAIN", "only addresses are searched for");
	put_file(conf_path, "nameserver [127.0.0.1]:%d\ndomain corp.test\noptions ndots:2\n", zone_port);
	A("a.b", "NOERROR a.b/1/5/10.1.2.4", "ndots");
	is_str(zone_log, "udp a.b.corp.test 1;", "turns the order round");
	A("fail", "SERVFAIL", "a failure in between is told: nobody knows");
}

static void test_size(void)
{
	Q("long.test", T_TXT, "NOERROR tc", "what is too long for UDP is said to be");
	is_str(zone_log, "udp long.test 16;", "and not fetched in vain");
	is_str(ask("long.test", T_TXT, DNS_TCP, 0), "NOERROR long.test/16/60/3000 bytes", "by TCP it is whole");
	is_str(zone_log, "udp long.test 16;tcp long.test 16;", "fetched by TCP");
	is_str(ask("long.test", T_TXT, DNS_UDP, 4096), "NOERROR long.test/16/60/3000 bytes", "EDNS: UDP may be longer");
	is_str(zone_log, "udp long.test 16;", "at once");
	is_str(ask("huge.test", T_TXT, DNS_TCP, 0), "NOERROR huge.test/16/60/60000 bytes", "nearly as long as can be");
	put_file(hosts_path, "10.0.0.1 many.test\n10.0.0.2 many.test\n");
	for (int i = 3; i < 100; i++) {
		FILE *f = fopen(hosts_path, "ae");

		fprintf(f, "10.0.0.%d many.test\n", i);
		fclose(f);
	}
	ask("many.test", T_A, DNS_UDP, 0);
	ok(reply_len > 480 && reply_len <= 512 && (reply[2] & 2), "a long answer of ours is cut at a record");
	is_num(get2(reply + 6), (long long)(reply_len - 12 - 15) / 16, "counted right");
	ask("many.test", T_A, DNS_UDP, 1232);
	ok(reply_len > 1200 && reply_len <= 1232 && (reply[2] & 2) && get2(reply + 10) == 1, "EDNS, with an OPT of our own");
	ask("many.test", T_A, DNS_TCP, 0);
	ok(reply_len == 12 + 15 + 99 * 16 && !(reply[2] & 2), "not by TCP");
}

static void test_servers(void)
{
	char *real = "NOERROR real.test/1/60/10.9.8.7 real.test/1/60/10.9.8.8";

	put_file(conf_path, "nameserver [127.0.0.1]:1\nnameserver [127.0.0.1]:%d\n", zone_port);
	A("real.test", real, "a server that is not there is passed over");
	put_file(conf_path, "# none\n; at all\nnameserver\nnameserver x\nnameserver [::1\noptions ndots: timeout:x rotate y\n");
	put_file(conf_path, "nameserver [127.0.0.1]:1\n");
	A("real.test", "SERVFAIL", "no server at all");
	Q("static.test", T_TXT, "NOERROR", "a static host exists without");
	put_file(conf_path, "nameserver [127.0.0.1]:%d\noptions use-vc\n", zone_port);
	A("real.test", real, "use-vc");
	is_str(zone_log, "tcp real.test 1;", "is TCP");
	put_file(conf_path, "nameserver [127.0.0.1]:%d\noptions timeout:1 attempts:1\n", zone_port);
	zone_mood = ZONE_LIAR;
	A("real.test", "SERVFAIL", "the answer to another question is none");
	is_str(zone_log, "udp real.test 1;tcp real.test 1;", "TCP was tried then");
	zone_mood = ZONE_GARBAGE;
	A("out.test", "SERVFAIL", "nor what does not parse");
	zone_mood = ZONE_MUTE;
	A("real.test", "SERVFAIL", "a server that says nothing");
	zone_mood = ZONE_NORMAL;
	A("real.test", real, "and then does");
	put_file(conf_path, "nameserver [127.0.0.1]:1\nnameserver [127.0.0.1]:%d\n", zone_port);
	A("fail.test", "SERVFAIL", "a failure after a server that was not there");
}

static void test_hostile(void)
{
	static uint8_t big[70000];
	uint8_t q[600];
	size_t n = make_query(q, 9, "static.test", T_A, 1232);
	int strange = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t *exact = malloc(i + 1); /* so that a byte too many is seen */
		char *got;

		memcpy(exact, q, i);
		got = ask_raw(exact, i, DNS_UDP);
		strange += strcmp(got, i < 12 ? "nothing" : "FORMERR") != 0;
		free(exact);
	}
	is_num(strange, 0, "a message that is cut off is refused, at every length");
	q[2] |= 0x80;
	is_str(ask_raw(q, n, DNS_UDP), "nothing", "an answer is no query");
	q[2] &= 0x7f;
	q[5] = 2;
	is_str(ask_raw(q, n, DNS_UDP), "FORMERR", "two questions");
	q[5] = 0;
	is_str(ask_raw(q, n, DNS_UDP), "FORMERR", "none");
	q[5] = 1;
	q[12] = 0xc0;
	q[13] = 12;
	is_str(ask_raw(q, n, DNS_UDP), "FORMERR", "a name that points to itself");
	q[13] = 0;
	is_str(ask_raw(q, n, DNS_UDP), "FORMERR", "into the header");
	q[12] = 0x80;
	is_str(ask_raw(q, n, DNS_UDP), "FORMERR", "a label of a kind that is not");
	make_query(big, 9, "static.test", T_A, 0);
	is_str(ask_raw(big, 5000, DNS_TCP), "FORMERR", "too long");
	is_str(ask_raw(big, 65535, DNS_TCP), "FORMERR", "as long as can be");
	memset(big + 12, 1, 600);
	is_str(ask_raw(big, 600, DNS_UDP), "FORMERR", "a name that does not end");
}

static void test_cancel(void)
{
	uint8_t q[600];
	size_t n = make_query(q, 9, "real.test", T_A, 0);
	struct dns_job *jobs[8];

	zone_mood = ZONE_MUTE;
	answered = false;
	for (int i = 0; i < 8; i++)
		jobs[i] = dns_answer(d, q, n, i % 2 ? DNS_UDP : DNS_TCP, on_answer, NULL);
	event_base_loop(base, EVLOOP_ONCE);
	for (int i = 0; i < 8; i++)
		dns_cancel(jobs[i]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ok(!answered, "queries that are forgotten are not answered");
	zone_mood = ZONE_NORMAL;
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/test-dns.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(conf_path, sizeof(conf_path), "%s/resolv.conf", dir);
	snprintf(hosts_path, sizeof(hosts_path), "%s/hosts", dir);
	base = event_base_new();
	zone_start(records);
	start(false);
	test_static();
	test_ipv6();
	test_other_types();
	test_elsewhere();
	test_search();
	test_size();
	test_servers();
	test_hostile();
	test_cancel();
	dns_free(d);
	unlink(conf_path);
	unlink(hosts_path);
	rmdir(dir);
	return done();
}
