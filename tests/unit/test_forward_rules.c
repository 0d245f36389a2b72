/* uses: hostagent dns loop */
/* Port forwarding rules: a table of rules, listeners and where they go, worked out by hand from the documentation of
 * portForwards (lima.yaml(5)), not from the code. */
#include "hostagent/forward/forward_rules.h"

#include <arpa/inet.h>

#include "buf.h"
#include "tap.h"

enum { SSH = 60022, RULES = 6, CASES = 24 };

struct scene {
	const char *name;
	const char *rules[RULES]; /* each a kv text below portForwards.I., with blanks for newlines */
	struct { const char *listener, *want; } cases[CASES];
};

/* "none" = not forwarded. Default rule: loopback and unspecified addresses, to the same port on 127.0.0.1. */
static const struct scene scenes[] = {
	{ "no rules", { NULL }, {
		{ "tcp 127.0.0.1:8080", "127.0.0.1:8080" }, { "tcp 0.0.0.0:8080", "127.0.0.1:8080" },
		{ "tcp [::]:8080", "127.0.0.1:8080" }, { "tcp [::1]:8080", "127.0.0.1:8080" },
		{ "udp 127.0.0.1:53", "127.0.0.1:53" }, { "udp [::]:5353", "127.0.0.1:5353" },
		{ "tcp 127.0.0.2:8080", "none" }, { "tcp 192.168.5.15:8080", "none" }, { "tcp [fe80::1]:8080", "none" },
		{ "udp 127.0.0.53:53", "none" },
		{ "tcp 127.0.0.1:22", "none" }, { "tcp 0.0.0.0:22", "none" }, { "tcp [::]:22", "none" },
		{ "tcp [::1]:22", "none" },
		{ "tcp 10.0.0.1:22", "none" }, { "udp 127.0.0.1:22", "none" },
		{ "tcp 127.0.0.1:60022", "none" }, { "tcp [::]:60022", "none" }, { "udp 0.0.0.0:60022", "none" },
		{ "tcp 127.0.0.1:1", "127.0.0.1:1" }, { "tcp 127.0.0.1:65535", "127.0.0.1:65535" },
		{ "tcp [::ffff:127.0.0.1]:80", "127.0.0.1:80" },
	} },
	{ "an address is kept out of a wider rule", {
		"guestIP=127.0.0.2 guestPort0=3000 guestPort1=3009 ignore=true",
		"guestIP=0.0.0.0 guestIPMustBeZero=false guestPort0=3000 guestPort1=3029 hostPort0=2000 hostPort1=2029",
	}, {
		{ "tcp 127.0.0.2:3000", "none" }, { "tcp 127.0.0.3:3001", "127.0.0.1:2001" },
		{ "tcp 0.0.0.0:3002", "127.0.0.1:2002" },
		{ "tcp [::]:3009", "127.0.0.1:2009" }, { "tcp 127.0.0.2:3010", "127.0.0.1:2010" },
		{ "udp 10.1.2.3:3029", "127.0.0.1:2029" }, { "tcp 127.0.0.1:3030", "127.0.0.1:3030" },
		{ "tcp 127.0.0.2:3030", "none" }, { "tcp [2001:db8::1]:3005", "127.0.0.1:2005" },
	} },
	{ "ports ignored on any address", {
		"guestIP=0.0.0.0 guestIPMustBeZero=false guestPort0=3010 guestPort1=3019 ignore=true",
	}, {
		{ "tcp 0.0.0.0:3010", "none" }, { "tcp 127.0.0.1:3011", "none" }, { "udp [::1]:3012", "none" },
		{ "tcp [::]:3019", "none" }, { "tcp 127.0.0.1:3020", "127.0.0.1:3020" },
	} },
	{ "only who listens everywhere", {
		"guestIPMustBeZero=true guestPort0=4040 guestPort1=4049 hostIP=0.0.0.0",
		"guestIP=0.0.0.0 guestIPMustBeZero=false guestPort0=4040 guestPort1=4049 ignore=true",
	}, {
		{ "tcp 0.0.0.0:4040", "0.0.0.0:4040" }, { "tcp [::]:4041", "0.0.0.0:4041" },
		{ "tcp 127.0.0.1:4043", "none" },
		{ "tcp 192.168.5.15:4044", "none" }, { "tcp [::1]:4044", "none" },
	} },
	{ "guestIP 0.0.0.0 implies that it must be zero", {
		"guestIP=0.0.0.0 guestPort0=4050 hostPort0=5050",
	}, {
		{ "tcp 0.0.0.0:4050", "127.0.0.1:5050" }, { "tcp 127.0.0.1:4050", "127.0.0.1:4050" },
		{ "tcp 10.0.0.2:4050", "none" },
	} },
	{ "guestIP :: means every address", {
		"guestIP=:: guestPort0=4020 guestPort1=4029 hostIP=192.0.2.9",
	}, {
		{ "tcp 127.0.0.1:4020", "192.0.2.9:4020" }, { "tcp 0.0.0.0:4021", "192.0.2.9:4021" },
		{ "tcp 192.168.5.15:4022", "192.0.2.9:4022" }, { "udp [fe80::5]:4029", "192.0.2.9:4029" },
		{ "tcp [::1]:4023", "192.0.2.9:4023" },
	} },
	{ "one address of the guest", {
		"guestIP=192.168.5.15 guestPort0=4000 guestPort1=4009",
	}, {
		{ "tcp 192.168.5.15:4000", "127.0.0.1:4000" }, { "tcp 192.168.5.16:4000", "none" },
		{ "tcp [::ffff:192.168.5.15]:4001", "127.0.0.1:4001" }, { "tcp 0.0.0.0:4002", "127.0.0.1:4002" },
		{ "tcp 192.168.5.15:4010", "none" },
	} },
	{ "ignore everything, where 0.0.0.0 must be zero", {
		"guestIP=0.0.0.0 proto=any ignore=true",
	}, {
		{ "tcp 0.0.0.0:80", "none" }, { "tcp [::]:80", "none" }, { "tcp 127.0.0.1:80", "127.0.0.1:80" },
		{ "tcp [::1]:80", "127.0.0.1:80" },
	} },
	{ "ignore really everything", {
		"guestIP=0.0.0.0 guestIPMustBeZero=false ignore=true",
	}, {
		{ "tcp 127.0.0.1:80", "none" }, { "udp 127.0.0.1:80", "none" }, { "tcp [::]:443", "none" },
	} },
	{ "protocols", {
		"guestPort0=53 hostPort0=5300 proto=udp", "guestPort0=54 proto=tcp ignore=true",
		"guestPort0=55 hostPort0=5500 proto=any",
	}, {
		{ "udp 127.0.0.1:53", "127.0.0.1:5300" }, { "tcp 127.0.0.1:53", "127.0.0.1:53" },
		{ "tcp 127.0.0.1:54", "none" }, { "udp 127.0.0.1:54", "127.0.0.1:54" },
		{ "tcp 127.0.0.1:55", "127.0.0.1:5500" }, { "udp 127.0.0.1:55", "127.0.0.1:5500" },
	} },
	{ "an ignored loopback does not stop who listens everywhere", {
		"guestIP=127.0.0.1 guestPort0=7000 ignore=true",
	}, {
		{ "tcp 127.0.0.1:7000", "none" }, { "tcp [::1]:7000", "none" },
		{ "tcp 0.0.0.0:7000", "127.0.0.1:7000" },
		{ "tcp [::]:7000", "127.0.0.1:7000" },
	} },
	{ "the first rule wins", {
		"guestPort0=8000 hostPort0=9001", "guestPort0=8000 hostPort0=9002",
	}, { { "tcp 127.0.0.1:8000", "127.0.0.1:9001" } } },
	{ "ssh stays out whatever the rules say", {
		"guestIP=0.0.0.0 guestIPMustBeZero=false guestPort0=1 guestPort1=65535 hostIP=0.0.0.0",
	}, {
		{ "tcp 127.0.0.1:22", "none" }, { "tcp 192.168.5.15:22", "none" }, { "tcp 0.0.0.0:60022", "none" },
		{ "tcp [fe80::1]:22", "none" }, { "tcp 10.0.0.1:23", "0.0.0.0:23" },
	} },
	{ "sockets", {
		"guestSocket=/run/docker.sock hostSocket=/h/docker.sock",
		"guestPort0=8080 hostSocket=/h/web.sock",
	}, {
		{ "tcp 127.0.0.1:8080", "/h/web.sock" }, { "tcp 127.0.0.1:1", "127.0.0.1:1" },
	} },
	{ "IPv6 on the host, the longest range", {
		"guestIP=:: hostIP=::1 guestPort0=1 guestPort1=65535 hostPort0=1 hostPort1=65535 proto=tcp",
	}, {
		{ "tcp 127.0.0.1:65535", "[::1]:65535" }, { "udp 127.0.0.1:65535", "127.0.0.1:65535" },
	} },
};

static void load(const struct scene *s, struct forward_rules *r)
{
	struct buf text = { 0 };
	struct err e = { 0 };
	struct kv kv = { 0 };
	size_t n = 0;

	for (; n < RULES && s->rules[n]; n++) {
		char *copy = xstrdup(s->rules[n]), *save = NULL;

		for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
			buf_addf(&text, "portForwards.%zu.%s\n", n, word);
		free(copy);
	}
	buf_addf(&text, "portForwards=%zu\n", n);
	ok(kv_parse(text.data, text.len, "test", &kv, &e) == 0 && forward_rules_load(&kv, SSH, r, &e) == 0,
	   "%s: rules are read %s",
	   s->name, e.msg);
	kv_free(&kv);
	buf_free(&text);
}

/* "tcp [::1]:80" */
static void parse(const char *text, uint8_t *proto, struct ip *ip, uint16_t *port)
{
	struct wire_addr a = { .family = strchr(text, '[') ? 6 : 4 };
	char address[64];

	*proto = strncmp(text, "udp", 3) ? WIRE_TCP : WIRE_UDP;
	snprintf(address, sizeof(address), "%s", text + 4 + (a.family == 6));
	*strrchr(address, ':') = '\0';
	if (a.family == 6)
		*strrchr(address, ']') = '\0';
	ok(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, address, a.ip) == 1, "an address: %s", text);
	*port = (uint16_t)atoi(strrchr(text, ':') + 1);
	ip_of_wire(&a, ip);
}

static void check(const struct scene *s, const struct forward_rules *r, const char *listener, const char *want)
{
	char got[160] = "none", name[256];
	const struct forward_rule *rule;
	uint8_t proto;
	struct ip ip;
	uint16_t port;

	parse(listener, &proto, &ip, &port);
	rule = forward_rules_match(r, proto, &ip, port);
	if (rule && rule->host_socket)
		snprintf(got, sizeof(got), "%s", rule->host_socket);
	else if (rule)
		ip_format(&rule->host_ip, forward_host_port(rule, port), got, sizeof(got));
	snprintf(name, sizeof(name), "%s: %s", s->name, listener);
	is_str(got, want, name);
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"portForwards=1\nportForwards.0.guestIP=example.com\n",
		"portForwards=1\nportForwards.0.hostIP=127.0.0.1.1\n",
		"portForwards=1\nportForwards.0.guestPort0=65536\n",
		"portForwards=1\nportForwards.0.guestPort0=10\nportForwards.0.guestPort1=9\n",
		"portForwards=1\nportForwards.0.guestPort0=1\nportForwards.0.guestPort1=100\nportForwards.0.hostPort0=65500\n",
		"portForwards=5000\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct forward_rules r;
		struct err e = { 0 };
		struct kv kv = { 0 };

		ok(kv_parse(bad[i], strlen(bad[i]), "test", &kv, &e) == 0 && forward_rules_load(&kv, SSH, &r, &e) < 0 &&
		   e.msg[0],
		   "refused: %s", e.msg);
		forward_rules_free(&r);
		kv_free(&kv);
	}
}

static void test_silent(void)
{
	static const struct { const char *rules[RULES]; bool tcp, udp; } cases[] = {
		{ { NULL }, false, false },
		{ { "guestIP=0.0.0.0 proto=tcp ignore=true" }, true, false },
		{ { "guestIP=0.0.0.0 proto=udp ignore=true", "guestIP=0.0.0.0 proto=tcp ignore=true" }, true, true },
		{ { "guestIP=0.0.0.0 ignore=true" }, true, true },
		{ { "guestPort0=80", "guestIP=0.0.0.0 ignore=true" }, false, false },
		{ { "guestPort0=80 ignore=true", "ignore=true" }, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = { .name = "silence" };
		struct forward_rules r;

		memcpy(s.rules, cases[i].rules, sizeof(s.rules));
		load(&s, &r);
		ok(r.silent_tcp == cases[i].tcp && r.silent_udp == cases[i].udp,
		   "messages about ignored ports, case %zu", i);
		forward_rules_free(&r);
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct forward_rules r;

		load(&scenes[i], &r);
		for (int k = 0; k < CASES && scenes[i].cases[k].listener; k++)
			check(&scenes[i], &r, scenes[i].cases[k].listener, scenes[i].cases[k].want);
		forward_rules_free(&r);
	}
	test_refused();
	test_silent();
	return done();
}
