/* uses: usernet dns loop */
/* The DHCP server and its leases: each message of RFC 2131 in each state, at times that the test chooses; the file. */
#include "fake_nic.h"

#include <sys/stat.h>

#include "file.h"
#include "usernet/dhcp.h"

#define NET 0xc0a86800u
enum { HOUR_MS = 3600000 };

static struct subnet subnet;
static struct leases l;
static struct nic cards[40];
static struct dhcp_reply reply;
static int64_t now = 1000;
static unsigned told;
static uint32_t told_ip;
static char dir[] = "/tmp/usernet-dhcp.XXXXXX", path[64];

static void on_lease(void *arg, uint32_t ip, const struct mac *mac)
{
	(void)arg;
	(void)mac;
	told++;
	told_ip = ip;
}

static void open_leases(void)
{
	struct err e = { 0 };

	leases_free(&l);
	ok(leases_open(&l, &subnet, path, &e) == 0, "leases are opened %s", e.msg);
	l.fn = on_lease;
}

/* The type of the answer, 0 for none. */
static uint8_t ask_as(struct nic *c, const uint8_t *src, const struct dhcp_try *t)
{
	struct mac mac;
	uint8_t p[300];
	size_t n;

	buf_free(&reply.message);
	memcpy(&mac, src, 6);
	reply = dhcp_answer(&l, NULL, &mac, p, make_dhcp(p, c, t), now);
	return reply.message.len ? *dhcp_option((uint8_t *)reply.message.data, reply.message.len, 53, &n) : 0;
}

static uint8_t ask(struct nic *c, struct dhcp_try t)
{
	return ask_as(c, c->mac, &t);
}

static uint32_t your_ip(void)
{
	return get32((uint8_t *)reply.message.data + 16);
}

static uint32_t option32(uint8_t code)
{
	size_t n = 0;
	const uint8_t *p = dhcp_option((uint8_t *)reply.message.data, reply.message.len, code, &n);

	return p && n == 4 ? get32(p) : 0;
}

static uint32_t take(struct nic *c)
{
	uint32_t ip;

	if (ask(c, (struct dhcp_try){ .type = D_DISCOVER }) != D_OFFER)
		return 0;
	ip = your_ip();
	return ask(c, (struct dhcp_try){ .type = D_REQUEST, .wish = ip, .server = NET + 2 }) == D_ACK ? your_ip() : 0;
}

static void test_usual(void)
{
	size_t n = 0;
	const uint8_t *mtu;

	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_DISCOVER }), D_OFFER, "DISCOVER: an offer");
	is_num(your_ip(), NET + 5, "of the lowest address");
	is_num(told, 0, "that nobody is told of");
	ok(reply.to == NET + 5, "it goes to that address");
	is_num(ask(&cards[1], (struct dhcp_try){ .type = D_DISCOVER, .broadcast = true }), D_OFFER, "another client");
	is_num(your_ip(), NET + 6, "is offered another one");
	ok(reply.to == 0xffffffff, "which goes to all when it asks for that");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 5, .server = NET + 2 }), D_ACK, "REQUEST: given");
	ok(your_ip() == NET + 5 && told == 1 && told_ip == NET + 5, "and told");
	ok(option32(1) == 0xffffff00 && option32(3) == NET + 2 && option32(6) == NET + 3 && option32(54) == NET + 2 &&
		   option32(51) == 3600 && option32(28) == NET + 255, "mask, router, name server, server, time, broadcast");
	mtu = dhcp_option((uint8_t *)reply.message.data, reply.message.len, 26, &n);
	ok(mtu && n == 2 && get16(mtu) == 1400, "the MTU");
	ok(reply.message.len <= 548 && (uint8_t)reply.message.data[reply.message.len - 1] == 255, "it ends, and is not too long");
	ok(!memcmp(reply.message.data + 4, "\x12\x34\x56\1", 4) && !memcmp(reply.message.data + 28, cards[0].mac, 6),
	   "transaction and client are those of the question");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .ciaddr = NET + 5 }), D_ACK, "it is renewed");
	ok(reply.to == NET + 5 && told == 1, "to the client itself, and is no news");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_DISCOVER, .wish = NET + 77 }), D_OFFER, "who has one");
	is_num(your_ip(), NET + 5, "is offered that, whatever it wishes");
	is_num(ask(&cards[2], (struct dhcp_try){ .type = D_DISCOVER, .wish = NET + 77 }), D_OFFER, "who has none");
	is_num(your_ip(), NET + 77, "is offered what it wishes, if it is free");
}

static void test_refused(void)
{
	is_num(ask(&cards[3], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 5, .server = NET + 2 }), D_NAK,
	       "somebody else's address is not given");
	ok(reply.to == 0xffffffff && your_ip() == 0, "which all hear");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 99, .server = NET + 2 }), D_NAK,
	       "nor a second one");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .ciaddr = NET + 99 }), D_NAK, "nor another one in renewing");
	is_num(ask(&cards[3], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 2, .server = NET + 2 }), D_NAK, "nor the gateway's");
	is_num(ask(&cards[3], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 255, .server = NET + 2 }), D_NAK,
	       "nor the broadcast address");
	is_num(ask(&cards[3], (struct dhcp_try){ .type = D_REQUEST, .server = NET + 2 }), D_NAK, "nor none");
	is_num(ask_as(&cards[3], cards[0].mac, &(struct dhcp_try){ .type = D_DISCOVER }), 0,
	       "nobody speaks for another MAC address than that of his frame");
	is_num(ask(&cards[3], (struct dhcp_try){ .type = D_REQUEST, .ciaddr = NET + 5 }), D_NAK, "nor renews another one's");
}

static void test_reboot(void)
{
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 5 }), D_ACK, "after a reboot it is confirmed");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 6 }), D_NAK, "a wrong one is not");
	is_num(ask(&cards[4], (struct dhcp_try){ .type = D_REQUEST, .wish = 0x0a000005 }), D_NAK, "one of another network is not");
	is_num(ask(&cards[4], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 50 }), 0,
	       "of a client that is not known nothing is said");
	is_num(ask(&cards[4], (struct dhcp_try){ .type = D_REQUEST, .ciaddr = NET + 50 }), D_ACK,
	       "one that uses an address which is free goes on");
	is_num(ask(&cards[4], (struct dhcp_try){ .type = D_INFORM, .ciaddr = NET + 50 }), D_ACK, "INFORM");
	ok(your_ip() == 0 && option32(51) == 0 && option32(6) == NET + 3, "settings, but no lease");
}

static void test_given_back(void)
{
	is_num(ask(&cards[5], (struct dhcp_try){ .type = D_DISCOVER }), D_OFFER, "an offer");
	is_num(your_ip(), NET + 7, "of what is free (the one before is kept for a minute)");
	is_num(ask(&cards[5], (struct dhcp_try){ .type = D_REQUEST, .wish = 0x0a000007, .server = 0x0a000002 }), 0,
	       "it takes another server's");
	is_num(take(&cards[6]), NET + 7, "then it is free again");
	ask(&cards[6], (struct dhcp_try){ .type = D_DECLINE, .wish = NET + 7, .server = NET + 2 });
	is_num(take(&cards[6]), NET + 8, "DECLINE: somebody uses it, so another one is given");
	ask(&cards[0], (struct dhcp_try){ .type = D_DECLINE, .wish = NET + 8, .server = NET + 2 });
	is_num(ask(&cards[6], (struct dhcp_try){ .type = D_REQUEST, .ciaddr = NET + 8 }), D_ACK, "nobody declines for another one");
	ask(&cards[6], (struct dhcp_try){ .type = D_RELEASE, .ciaddr = NET + 8, .server = NET + 2 });
	is_num(take(&cards[6]), NET + 8, "RELEASE: who comes back gets the same");
	now += 61000;
	is_num(take(&cards[7]), NET + 6, "an offer that was not taken is over after a minute");
}

static void test_file(void)
{
	struct buf text = { 0 };
	struct stat st;
	struct err e = { 0 };

	ok(file_read(path, 10000, &text, &e) == 0, "there is a file");
	is_str(buf_str(&text),
	       "{\"192.168.104.5\":\"52:55:55:00:00:01\",\"192.168.104.6\":\"52:55:55:00:00:08\","
	       "\"192.168.104.8\":\"52:55:55:00:00:07\",\"192.168.104.50\":\"52:55:55:00:00:05\"}", "with the leases");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "that is nobody else's");
	buf_free(&text);
	open_leases();
	is_num(take(&cards[6]), NET + 8, "a new server knows them");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .wish = NET + 5 }), D_ACK, "also after a reboot");
	is_num(take(&cards[8]), NET + 7, "and gives out what is free");
	ok(leases_add_text(&l, "192.168.104.30=52:55:55:00:00:1E,10.0.0.5=52:55:55:00:00:1F", &e) == 0, "leases from a command line");
	is_num(take(&cards[29]), NET + 30, "are known, too");
	ok(leases_add_text(&l, "192.168.104.30", &e) < 0 && e.code == EXIT_BADDATA, "wrong ones: %s", e.msg);
	ok(leases_add_text(&l, "192.168.104.30=ff:ff:ff:ff:ff:ff", &e) < 0, "nobody is everybody");
}

static void test_bad_files(void)
{
	static const char *const bad[] = { "", "[]", "{\"192.168.104.5\":1}", "{\"192.168.104.5\":\"x\"}", "{\"x\":\"52:55:55:00:00:01\"}",
					   "{\"192.168.104.5\":" };
	struct leases other = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err e = { 0 };

		file_write(path, bad[i], strlen(bad[i]), 0600, &e);
		ok(leases_open(&other, &subnet, path, &e) < 0 && e.code == EXIT_BADDATA && strstr(e.msg, path), "'%s': %s", bad[i],
		   e.msg);
		leases_free(&other);
	}
}

/* A network with ten places. */
static void test_full(void)
{
	struct err e = { 0 };

	unlink(path);
	subnet_parse("192.168.104.0/28", 1500, &subnet, &e);
	open_leases();
	for (int i = 0; i < 10; i++) {
		now += 1000;
		is_num(take(&cards[i]), NET + 5 + (unsigned)i, "a place");
	}
	is_num(ask(&cards[10], (struct dhcp_try){ .type = D_DISCOVER }), 0, "when there are no more, nothing is offered");
	now += HOUR_MS - 8500;
	is_num(take(&cards[10]), NET + 5, "but one that was not renewed for an hour is");
	is_num(ask(&cards[0], (struct dhcp_try){ .type = D_REQUEST, .ciaddr = NET + 5 }), D_NAK, "who had it has to look for another one");
	is_num(take(&cards[3]), NET + 8, "the others have theirs");
}

/* A client that finds every address in use. */
static void test_declines(void)
{
	struct err e = { 0 };
	unsigned count = 0;

	unlink(path);
	subnet_parse("192.168.104.0/28", 1500, &subnet, &e);
	open_leases();
	for (int i = 0; i < 30; i++) {
		uint32_t ip = take(&cards[0]);

		ask(&cards[0], (struct dhcp_try){ .type = D_DECLINE, .wish = ip, .server = NET + 2 });
	}
	for (unsigned i = 0; i < subnet.guests; i++)
		count += take(&cards[1 + i]) != 0;
	is_num(count, 10 - DECLINES_MAX, "takes only so many of them away from the others");
}

static void test_search(void)
{
	struct nic *c = &cards[3];
	struct dns_conf conf = { 0 };
	char text[] = "search corp.example lan\n";
	const uint8_t *p;
	uint8_t m[300];
	struct mac mac;
	size_t n;

	dns_conf_parse(&conf, text);
	memcpy(&mac, c->mac, 6);
	buf_free(&reply.message);
	reply = dhcp_answer(&l, &conf, &mac, m, make_dhcp(m, c, &(struct dhcp_try){ .type = D_DISCOVER }), now);
	p = dhcp_option((uint8_t *)reply.message.data, reply.message.len, 119, &n);
	ok(p && n == 19 && !memcmp(p, "\4corp\7example\0\3lan\0", 19), "the host's search list");
	conf.searches = 0;
	for (unsigned i = 0; i < DNS_SEARCH_MAX; i++)
		dns_name_from_text("a-rather-long-name-of-a-domain.in.a.far.away.place.example", &conf.search[conf.searches++]);
	buf_free(&reply.message);
	reply = dhcp_answer(&l, &conf, &mac, m, make_dhcp(m, c, &(struct dhcp_try){ .type = D_DISCOVER }), now);
	ok(reply.message.len <= 548, "is cut to what a client takes (%zu)", reply.message.len);
	p = dhcp_option((uint8_t *)reply.message.data, reply.message.len, 119, &n);
	ok(p && n % conf.search[0].len == 0, "at the end of a name");
}

/* Whatever is cut off or changed, nothing is read that is not there, and no answer is too long. */
static void test_hostile(void)
{
	uint8_t p[300], copy[300];
	struct mac mac;
	size_t n = make_dhcp(p, &cards[3], &(struct dhcp_try){ .type = D_REQUEST, .wish = NET + 8, .server = NET + 2 });
	unsigned long worst = 0;

	memcpy(&mac, cards[3].mac, 6);
	for (size_t i = 0; i < n; i++) {
		for (int v = 0; v < 256; v += 5) {
			uint8_t *q = copy + sizeof(copy) - i;

			memcpy(q, p, i);
			if (i)
				q[i - 1] = (uint8_t)v;
			buf_free(&reply.message);
			reply = dhcp_answer(&l, NULL, &mac, q, i, now);
			worst = reply.message.len > worst ? reply.message.len : worst;
		}
	}
	ok(worst <= 548, "messages that are cut and changed");
}

int main(void)
{
	struct err e = { 0 };

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/leases.json", dir);
	for (int i = 0; i < 40; i++)
		memcpy(cards[i].mac, (uint8_t[]){ 0x52, 0x55, 0x55, 0, 0, (uint8_t)(i + 1) }, 6);
	subnet_parse("192.168.104.0/24", 1400, &subnet, &e);
	open_leases();
	test_usual();
	test_refused();
	test_reboot();
	test_given_back();
	test_file();
	test_bad_files();
	test_full();
	test_declines();
	now += HOUR_MS;
	test_search();
	test_hostile();
	buf_free(&reply.message);
	leases_free(&l);
	unlink(path);
	rmdir(dir);
	return done();
}
