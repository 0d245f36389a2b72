/* uses: hostagent dns loop */
/* The guest's queries at the host agent: settings, answers under the same number, limits for a guest that asks too much,
 * frames that make no sense, sessions that end. */
#include "fake_zone.h"

#include "hostagent/dns/dns_guest.h"
#include "kv.h"

#define SETTINGS \
	"hostname=lima-x\nhostResolver.ipv6=false\nhostResolver.gateway=192.168.5.2\nhostResolver.guest=192.168.5.15\n" \
	"hostResolver.hosts=4\nhostResolver.hosts.0.name=a.test\nhostResolver.hosts.0.value=10.0.0.1\n" \
	"hostResolver.hosts.1.name=Host.Lima.Internal\nhostResolver.hosts.1.value=10.0.0.2\n" \
	"hostResolver.hosts.2.name=bad..name\nhostResolver.hosts.2.value=10.0.0.3\n" \
	"hostResolver.hosts.3.name=empty.test\nhostResolver.hosts.3.value=\n"
#define ENABLED "hostResolver.enabled=true\nhostResolver.address=192.168.5.3\nplain=false\n"

static struct kv conf;
static struct dns_guest *g;
static unsigned sent;
static uint32_t last_stream;
static bool refuse;
static char last[8192];

static const struct zone_record records[] = { { "real.test", T_A, "10.9.8.7", 0 }, { NULL, 0, NULL, 0 } };

static int on_send(void *arg, uint32_t stream, const void *data, uint32_t n)
{
	(void)arg;
	if (refuse)
		return -1;
	sent++;
	last_stream = stream;
	snprintf(last, sizeof(last), "%s", show_answer(data, n));
	return 0;
}

static bool start(const char *text)
{
	struct err e = { 0 };

	sent = 0;
	last[0] = '\0';
	if (kv_parse(text, strlen(text), "test", &conf, &e) < 0)
		printf("# %s\n", e.msg);
	g = dns_guest_new(base, &conf, on_send, NULL);
	return g != NULL;
}

static void end(void)
{
	dns_guest_free(g);
	kv_free(&conf);
}

static void frame(uint32_t stream, int transport, const void *query, size_t n)
{
	uint8_t payload[70000] = { (uint8_t)transport };
	struct wire_frame f = { .type = WIRE_DNS, .stream = stream, .len = (uint32_t)n + 1, .payload = payload };

	memcpy(payload + 1, query, n);
	dns_guest_frame(g, &f);
}

static void ask(uint32_t stream, int transport, const char *name)
{
	uint8_t q[600];

	frame(stream, transport, q, make_query(q, 5, name, T_A, 0));
}

static void spin(unsigned until)
{
	for (int i = 0; i < 2000 && sent < until; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		poll(NULL, 0, 1);
	}
}

static void test_settings(void)
{
	ok(!start(SETTINGS "hostResolver.enabled=false\nhostResolver.address=192.168.5.3\nplain=false\n"), "switched off");
	is_str(dns_guest_address(g), "", "nothing is offered");
	ask(1, 17, "a.test");
	dns_guest_gone(g);
	end();
	ok(!start(SETTINGS "hostResolver.enabled=true\nhostResolver.address=192.168.5.3\nplain=true\n"), "plain");
	end();
	ok(!start(SETTINGS "hostResolver.enabled=true\nhostResolver.address=\nplain=false\n"), "a network with its own resolver");
	end();
	ok(!start(SETTINGS), "settings of an older lima-render");
	end();
	ok(start(SETTINGS ENABLED), "wanted");
	is_str(dns_guest_address(g), "192.168.5.3", "the address that is offered");
}

static void test_answers(void)
{
	ask(77, 17, "a.test");
	is_num(last_stream, 77, "an answer has the number of the query");
	is_str(last, "NOERROR a.test/1/5/10.0.0.1", "a host of the instance");
	ask(0xffffffff, 6, "lima-x");
	is_str(last, "NOERROR lima-x/1/5/192.168.5.15", "the machine");
	ask(0, 6, "host.lima.internal");
	is_str(last, "NOERROR host.lima.internal/1/5/192.168.5.2", "the host, which no setting replaces");
	ask(5, 17, "real.test");
	spin(4);
	is_str(last, "NOERROR real.test/1/60/10.9.8.7", "what the host knows");
	is_num(dns_guest_counts(g).queries, 4, "counted");
	is_num(dns_guest_counts(g).waiting, 0, "none is left");
}

static void test_nonsense(void)
{
	static uint8_t long_one[70000];
	struct wire_frame f = { .type = WIRE_DNS, .payload = long_one };
	unsigned before = sent;

	dns_guest_frame(g, &f);
	frame(1, 17, "", 0);
	frame(1, 17, "xxxxxxxxxxx", 11);
	ask(1, 0, "a.test");
	ask(1, 99, "a.test");
	make_query(long_one, 5, "a.test", T_A, 0);
	frame(1, 6, long_one, WIRE_DNS_QUERY_MAX + 1);
	frame(1, 6, long_one, 65535);
	is_num(sent, before, "frames that are no queries are not answered");
	frame(1, 6, long_one, WIRE_DNS_QUERY_MAX);
	is_str(last, "FORMERR", "a query with rubbish behind it");
}

static void test_limits(void)
{
	struct dns_counts before, after;

	zone_mood = ZONE_MUTE;
	before = dns_guest_counts(g);
	for (unsigned i = 0; i < 200; i++)
		ask(i, 17, "real.test");
	after = dns_guest_counts(g);
	is_num(after.waiting, DNS_GUEST_JOBS, "so many wait for an answer");
	is_num(after.dropped - before.dropped, 200 - DNS_GUEST_JOBS, "the others are passed over");
	dns_guest_gone(g);
	is_num(dns_guest_counts(g).waiting, 0, "when the session ends, nobody waits");
	event_base_loop(base, EVLOOP_NONBLOCK);
	zone_mood = ZONE_NORMAL;
	for (unsigned i = 0; i < 20000; i++)
		ask(i, 17, "a.test");
	before = dns_guest_counts(g);
	ok(before.dropped - after.dropped > 10000, "nor is more answered than %u in a second", DNS_GUEST_RATE);
	poll(NULL, 0, 100);
	sent = 0;
	ask(1, 17, "a.test");
	is_num(sent, 1, "a little later there is room again");
	refuse = true;
	poll(NULL, 0, 20);
	ask(1, 17, "a.test");
	ok(dns_guest_counts(g).dropped > before.dropped, "a channel that is full: the answer is lost");
	refuse = false;
}

int main(void)
{
	char path[] = "/tmp/test-dns-guest.XXXXXX";
	int fd = mkstemp(path);

	base = event_base_new();
	zone_start(records);
	dprintf(fd, "nameserver [127.0.0.1]:%d\n", zone_port);
	close(fd);
	setenv("LIMA_RESOLV_CONF", path, 1);
	setenv("LIMA_HOSTS", "/dev/null", 1);
	test_settings();
	test_answers();
	test_nonsense();
	test_limits();
	end();
	unlink(path);
	return done();
}
