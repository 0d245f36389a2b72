/* uses: usernet dns loop */
/* The zones of a network: what is a zone, merging, looking up, and how much there can be. */
#include "tap.h"

#include <arpa/inet.h>

#include "buf.h"
#include "usernet/zones.h"

static struct zones z;
static struct err e;

static int add(const char *text)
{
	cJSON *body = cJSON_Parse(text);
	int r;

	e = (struct err){ 0 };
	r = zones_add(&z, body, &e);
	cJSON_Delete(body);
	return r;
}

/* The address of a name as text; "-" when it is not here. */
static const char *find(const char *text)
{
	static char out[INET_ADDRSTRLEN];
	struct dns_name name;
	struct in_addr a;
	uint32_t ip;

	if (!dns_name_from_text(text, &name) || !zones_find(&z, &name, &ip))
		return "-";
	a.s_addr = htonl(ip);
	return inet_ntop(AF_INET, &a, out, sizeof(out));
}

static void is_json(const char *want, const char *what)
{
	char *text = zones_json(&z);

	is_str(text, want, what);
	free(text);
}

static void test_lookup(void)
{
	ok(add("{\"Name\":\"internal.\",\"Records\":[{\"Name\":\"lima-a\",\"IP\":\"192.168.104.5\"},"
	       "{\"Name\":\"host.lima\",\"IP\":\"192.168.104.2\"}],\"DefaultIP\":\"\"}") == 0, "a zone %s", e.msg);
	is_str(find("lima-a.internal"), "192.168.104.5", "a record");
	is_str(find("LIMA-A.Internal."), "192.168.104.5", "in any case, with a dot");
	is_str(find("host.lima.internal"), "192.168.104.2", "a record with a dot in it");
	is_str(find("lima-b.internal"), "-", "another name is not here");
	is_str(find("internal"), "-", "nor is the zone itself");
	is_str(find("lima-a"), "-", "nor the record without its zone");
	is_str(find("lima-a.internal.example"), "-", "nor behind another zone");
	is_str(find("xinternal"), "-", "nor what only ends like it");
	ok(add("{\"Name\":\"myhost.\",\"DefaultIP\":\"10.0.0.9\"}") == 0, "a zone that is one name");
	is_str(find("myhost"), "10.0.0.9", "it has the default address");
	is_str(find("www.myhost"), "10.0.0.9", "all below it, too");
	is_str(find("notmyhost"), "-", "nothing else");
	ok(add("{\"Name\":\"www.myhost.\",\"Records\":[{\"Name\":\"a\",\"IP\":\"10.0.0.1\"}],\"DefaultIP\":\"10.0.0.10\"}") == 0,
	   "a zone in a zone");
	is_str(find("b.www.myhost"), "10.0.0.10", "the inner one is asked");
	is_str(find("a.www.myhost"), "10.0.0.1", "a record counts more than what is for all");
}

static void test_merge(void)
{
	struct dns_name name;
	const struct dns_name *found;

	ok(add("{\"Name\":\"internal\",\"Records\":[{\"Name\":\"lima-b\",\"IP\":\"192.168.104.6\"},"
	       "{\"Name\":\"lima-a\",\"IP\":\"192.168.104.7\"}]}") == 0, "a zone of the same name, without its dot");
	is_str(find("lima-a.internal"), "192.168.104.7", "the new record replaces the old one");
	is_str(find("lima-b.internal"), "192.168.104.6", "others are added");
	is_str(find("host.lima.internal"), "192.168.104.2", "what was not named stays");
	ok(add("{\"Name\":\"myhost.\",\"Records\":null}") == 0, "nothing new");
	is_str(find("myhost"), "10.0.0.9", "changes nothing");
	is_json("[{\"Name\":\"internal\",\"Records\":[{\"Name\":\"lima-b\",\"IP\":\"192.168.104.6\"},{\"Name\":\"lima-a\",\"IP\":\"192.168.104.7\"},"
		"{\"Name\":\"host.lima\",\"IP\":\"192.168.104.2\"}],\"DefaultIP\":\"\"},"
		"{\"Name\":\"myhost.\",\"Records\":[],\"DefaultIP\":\"10.0.0.9\"},"
		"{\"Name\":\"www.myhost.\",\"Records\":[{\"Name\":\"a\",\"IP\":\"10.0.0.1\"}],\"DefaultIP\":\"10.0.0.10\"}]",
		"new records come first");
	dns_name_from_text("lima-b.internal", &name);
	found = zones_reverse(&z, 0xc0a86806);
	ok(found && dns_name_equal(found, &name), "the name of an address");
	ok(!zones_reverse(&z, 0xc0a86805), "an address that nobody has any more has no name");
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"{}", "{\"Name\":1}", "{\"Name\":\"\"}", "{\"Name\":\".\"}", "{\"Name\":\"a..b.\"}",
		"{\"Name\":\"internal.\",\"Records\":{}}", "{\"Name\":\"internal.\",\"Records\":[1]}",
		"{\"Name\":\"internal.\",\"Records\":[{\"Name\":\"good\",\"IP\":\"10.0.0.1\"},{\"Name\":\"x\",\"IP\":\"fd00::1\"}]}",
		"{\"Name\":\"internal.\",\"Records\":[{\"Name\":\"good\",\"IP\":\"10.0.0.1\"},{\"Name\":\"\",\"IP\":\"10.0.0.1\"}]}",
		"{\"Name\":\"internal.\",\"Records\":[{\"Name\":\"x\"}]}", "{\"Name\":\"internal.\",\"DefaultIP\":\"x\"}",
		"{\"Name\":\"internal.\",\"DefaultIP\":5}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(add(bad[i]) < 0 && e.code == EXIT_BADDATA, "%s: %s", bad[i], e.msg);
	is_str(find("good.internal"), "-", "of what is wrong nothing is taken");
	is_str(find("lima-b.internal"), "192.168.104.6", "and nothing is lost");
}

static void test_limits(void)
{
	struct buf b = { 0 };
	char text[64];
	unsigned count = 0;

	buf_adds(&b, "{\"Name\":\"many.\",\"Records\":[");
	for (unsigned i = 0; i < RECORDS_MAX; i++)
		buf_addf(&b, "%s{\"Name\":\"n%u\",\"IP\":\"10.0.0.1\"}", i ? "," : "", i);
	buf_adds(&b, "]}");
	ok(add(buf_str(&b)) < 0, "there can be so many records: %s", e.msg);
	is_str(find("n1.many"), "-", "then there is none of them");
	buf_free(&b);
	do {
		snprintf(text, sizeof(text), "{\"Name\":\"z%u.\"}", count++);
	} while (count < 1000 && add(text) == 0);
	is_num(z.n, ZONES_MAX, "there can be so many zones");
	ok(add("{\"Name\":\"myhost.\",\"DefaultIP\":\"10.0.0.11\"}") == 0, "one that is there can still be changed");
	is_str(find("myhost"), "10.0.0.11", "and is");
}

int main(void)
{
	is_json("[]", "no zones are a list, too");
	test_lookup();
	test_merge();
	test_bad();
	test_limits();
	zones_free(&z);
	return done();
}
