/* uses: usernet dns loop */
/* Names as the machines of a network see them, by UDP and TCP: its zones, what this host knows, what its name server says. The
 * name server is a socket of the test, so that it is known what comes there. */
#include "fake_usernet.h"

static struct nic *a;
static int server; /* the host's name server */
static uint8_t query[600];
static size_t query_len;

/* A question; kind 1 is A, 28 AAAA, 12 PTR, 16 TXT. Answers up to 4096 bytes are welcome (EDNS). */
static void make_query(const char *name, uint8_t kind)
{
	size_t at = 12;

	memset(query, 0, sizeof(query));
	memcpy(query, "\xab\xcd\1\0\0\1\0\0\0\0\0\1", 12);
	while (*name) {
		size_t n = strcspn(name, ".");

		query[at++] = (uint8_t)n;
		memcpy(query + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	at++;
	query[at + 1] = kind;
	query[at + 3] = 1;
	at += 4;
	memcpy(query + at, "\0\0\x29\x10\0\0\0\0\0\0\0", 11);
	query_len = at + 11;
}

static void send_query(uint32_t to, const char *name, uint8_t kind)
{
	make_query(name, kind);
	nic_udp(a, a->gateway_mac, to, 5300, 53, query, query_len);
}

/* An answer in a few words: the code, then the addresses of its A records, of which the names are 12 bytes before. */
static const char *describe(const uint8_t *p, size_t n)
{
	static char out[400];
	size_t at = query_len - 11, len = 0;

	if (n < 12 || memcmp(p, query, 2) || !(p[2] & 0x80))
		return "no answer to this";
	len += (size_t)snprintf(out, sizeof(out), "%s%u", p[2] & 2 ? "tc " : "", p[3] & 15);
	for (unsigned i = 0; i < get16(p + 6) && at + 12 < n; i++) {
		const uint8_t *r = p + at;
		unsigned size = get16(r + 10);

		if (r[0] < 0xc0)
			return "a record that is not about the question";
		if (get16(r + 2) == 1)
			len += (size_t)snprintf(out + len, sizeof(out) - len, " %u.%u.%u.%u", r[12], r[13], r[14], r[15]);
		else if (get16(r + 2) == 12)
			len += (size_t)snprintf(out + len, sizeof(out) - len, " %.*s.%.*s", r[12], r + 13, r[13 + r[12]],
						r + 14 + r[12]);
		else
			len += (size_t)snprintf(out + len, sizeof(out) - len, " %u bytes", size);
		at += 12 + size;
	}
	return out;
}

static const char *answer(void)
{
	if (!nic_wait(a, is_udp, 5300, NIC_PATIENCE_MS))
		return "nothing";
	return describe(a->frame + 42, udp_len(a));
}

static const char *ask(const char *name, uint8_t kind)
{
	send_query(NET + DNS, name, kind);
	return answer();
}

/* What comes to the host's name server is answered with that many TXT bytes, or with the address 10.9.8.7. */
static void serve(unsigned txt)
{
	static uint8_t p[4096];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(server, p, 600, 0, (struct sockaddr *)&from, &len);

	if (n < 12)
		return;
	n -= 11; /* without the OPT record */
	p[2] |= 0x80;
	p[7] = 1;
	p[11] = 0;
	memcpy(p + n, txt ? "\xc0\x0c\0\x10\0\1\0\0\0\5" : "\xc0\x0c\0\1\0\1\0\0\0\5", 10);
	put16(p + n + 10, txt ? txt : 4);
	memcpy(p + n + 12, "\12\11\10\7", 4);
	for (unsigned i = 0; i < txt; i++) /* strings of 99 bytes */
		p[n + 12 + i] = i % 100 ? 'x' : (uint8_t)(txt - i < 100 ? txt - i - 1 : 99);
	if (sendto(server, p, (size_t)n + 12 + (txt ? txt : 4), 0, (struct sockaddr *)&from, len) < 0)
		perror("sendto");
}

static void write_file(const char *path, const char *fmt, int n)
{
	FILE *f = fopen(path, "we");

	fprintf(f, fmt, n);
	fclose(f);
}

static void prepare(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	struct timeval t = { .tv_sec = NIC_PATIENCE_MS / 1000 };
	static char conf[] = "/tmp/usernet-resolv.XXXXXX", hosts[] = "/tmp/usernet-hosts.XXXXXX";

	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (bind(server, (struct sockaddr *)&at, sizeof(at)) < 0)
		exit(1);
	getsockname(server, (struct sockaddr *)&at, &len);
	close(mkstemp(conf));
	close(mkstemp(hosts));
	write_file(conf, "nameserver [127.0.0.1]:%d\n", ntohs(at.sin_port));
	write_file(hosts, "10.0.0.%d inhosts.test\n", 44);
	setenv("LIMA_RESOLV_CONF", conf, 1);
	setenv("LIMA_HOSTS", hosts, 1);
}

static void test_zones(void)
{
	is_num(http("POST", "/services/dns/add",
		    "{\"Name\":\"internal.\",\"Records\":[{\"Name\":\"lima-x\",\"IP\":\"192.168.104.9\"}],\"DefaultIP\":\"\"}"), 200,
	       "a zone is added");
	is_num(http("POST", "/services/dns/add", "{\"Name\":\"internal.\",\"Records\":[{\"Name\":\"lima-x\"}]}"), 400,
	       "a wrong one is not");
	is_num(http("GET", "/services/dns/all", ""), 200, "the zones");
	is_str(http_body, "[{\"Name\":\"internal.\",\"Records\":[{\"Name\":\"lima-x\",\"IP\":\"192.168.104.9\"}],\"DefaultIP\":\"\"}]",
	       "are that one");
	is_str(ask("lima-x.internal", 1), "0 192.168.104.9", "a machine's name");
	is_str(ask("LIMA-x.Internal", 1), "0 192.168.104.9", "in other letters");
	is_str(ask("lima-x.internal", 28), "0", "has no IPv6 address");
	is_str(ask("lima-x.internal", 16), "0", "and no text");
	is_str(ask("9.104.168.192.in-addr.arpa", 12), "0 lima-x.internal", "an address has its name");
	send_query(NET + GATEWAY, "lima-x.internal", 1);
	is_str(answer(), "0 192.168.104.9", "the gateway answers, too");
}

static void test_host(void)
{
	is_str(ask("inhosts.test", 1), "0 10.0.0.44", "a name of the hosts file of this host");
	send_query(NET + DNS, "far.test", 1);
	serve(0);
	is_str(answer(), "0 10.9.8.7", "another name: the host's name server says it");
	send_query(NET + DNS, "unknown.internal", 1);
	serve(0);
	is_str(answer(), "0 10.9.8.7", "also one that its zone does not have");
	send_query(NET + DNS, "long.test", 16);
	serve(1000);
	is_str(answer(), "0 1000 bytes", "a long answer");
	send_query(NET + DNS, "long.test", 16);
	serve(2000);
	is_str(answer(), "tc 0", "one that is longer than a packet: to be asked for by TCP");
}

static void test_tcp(void)
{
	struct tcp t;
	uint8_t p[4200];
	char text[4200];
	size_t n;

	is_num(tcp_open(&t, a, NET + DNS, 40053, 53, NIC_PATIENCE_MS), 1, "the name server takes connections");
	for (int i = 0; i < 2; i++) {
		make_query(i ? "far.test" : "lima-x.internal", 1);
		put16(p, (unsigned)query_len);
		memcpy(p + 2, query, query_len);
		tcp_segment(&t, 0x18, p, query_len + 2);
		if (i)
			serve(0);
		is_num(tcp_read(&t, text, 2), 2, "an answer has a length");
		n = get16((uint8_t *)text);
		is_num(tcp_read(&t, text, n), n, "and so many bytes");
		is_str(describe((uint8_t *)text, n), i ? "0 10.9.8.7" : "0 192.168.104.9", "and is right");
	}
	tcp_segment(&t, 0x11, NULL, 0);
	is_num(tcp_open(&t, a, NET + DNS, 40080, 80, NIC_PATIENCE_MS), 0, "connections elsewhere are refused at once");
}

/* A machine that asks more than is answered: what is beyond the limit is dropped, and it is all right afterwards. */
static void test_many(void)
{
	unsigned came = 0;
	char name[32];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		send_query(NET + DNS, name, 1);
	}
	for (unsigned i = 0; i < 64; i++)
		serve(0);
	while (came < 64 && nic_wait(a, is_udp, 5300, NIC_PATIENCE_MS))
		came++;
	is_num(came, 64, "so many questions are under way");
	is_str(ask("lima-x.internal", 1), "0 192.168.104.9", "then there is room again");
	is_num(http("GET", "/stats", ""), 200, "the counters");
	ok(strstr(http_body, "\"dns\":{\"queries\":") && strstr(http_body, ",\"refused\":36}"), "have what was passed over: %s", strstr(http_body, "\"dns\""));
}

static void test_garbage(void)
{
	const char *said;
	unsigned refused = 0;

	make_query("lima-x.internal", 1);
	for (size_t n = 0; n < query_len; n++)
		nic_udp(a, a->gateway_mac, NET + DNS, 5300, 53, query, n);
	send_query(NET + DNS, "lima-x.internal", 1);
	for (said = answer(); !strcmp(said, "1"); said = answer())
		refused++;
	is_str(said, "0 192.168.104.9", "what is no query is passed over, or said to be wrong");
	ok(refused > 0, "(%u of %zu)", refused, query_len);
}

int main(void)
{
	prepare();
	net_start(NULL, 1500);
	a = nic_open(qemu_path, 1);
	ok(nic_up(a, NET + GATEWAY), "a machine");
	test_zones();
	test_host();
	test_tcp();
	test_garbage();
	test_many();
	nic_close(a);
	is_num(net_stop(SIGINT), 0, "it ends");
	net_remove();
	unlink(getenv("LIMA_RESOLV_CONF"));
	unlink(getenv("LIMA_HOSTS"));
	return done();
}
