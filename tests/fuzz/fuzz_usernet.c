/* uses: usernet dns loop */
/* A network of three machines that send what they like: the switch, the rules, DHCP, ARP, and names. The input is a list of
 * frames: one byte that says which machine (and bit 7: that the frame gets its address as the source), two of the length, the
 * frame. Only frames that would leave the network are left out: the test is not to send packets into the world.
 *
 * What comes out is checked: whole frames, none of a DHCP server but ours, none from an address that is the receiver's. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "file.h"
#include "usernet/dhcp.h"
#include "usernet/gate.h"
#include "usernet/port.h"
#include "wire.h"

enum { MACHINES = 3, FRAME = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct event_base *base;
static struct outside *outside;
static struct subnet subnet;
static struct gate gate;

static void to_nobody(void *arg, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
}

static enum verdict inspect(void *arg, struct port *from, const struct frame *f, const uint8_t *p, size_t n)
{
	bool ours = mac_equal(&f->dst, &subnet.gateway_mac) || mac_equal(&f->dst, &subnet.dns_mac);
	bool named = f->ip_dst == subnet.dns && !(f->proto == IP_TCP && f->dport == 53);
	bool asks = f->proto == IP_UDP && !f->later && (f->dport == 53 || f->dport == 67);

	if (f->type == ETH_IPV4 && ours && !named && !(asks && (f->ip_dst == subnet.gateway || f->dport == 67)))
		return VERDICT_TAKEN;
	return gate_inspect(arg, from, f, p, n);
}

/* Questions for this host's resolver go to a port where nobody is. */
static void set_up(void)
{
	static const char conf[] = "/tmp/fuzz_usernet.resolv.conf";
	struct err e = { 0 };

	if (base)
		return;
	file_write(conf, "nameserver [127.0.0.1]:9\n", 25, 0600, &e);
	setenv("LIMA_RESOLV_CONF", conf, 1);
	setenv("LIMA_HOSTS", "/dev/null", 1);
	subnet_parse("192.168.104.0/24", 1500, &subnet, &e);
	base = event_base_new();
	outside = outside_new(base, &subnet, 16, to_nobody, NULL, &e);
}

static void check_frame(const uint8_t *p, size_t n, const struct port *receiver)
{
	struct frame f;

	if (n < ETH_HEADER)
		abort();
	if (!frame_parse(p, n, &f))
		abort(); /* what does not parse is not passed on, and we make no such frames */
	if (switch_find(gate.sw, &f.src) == receiver)
		abort();
	if (f.type == ETH_IPV4 && f.proto == IP_UDP && !f.later && f.sport == 67 && f.dport == 68 &&
	    !mac_equal(&f.src, &subnet.gateway_mac))
		abort();
}

static void check_output(int fd, const struct port *receiver)
{
	static uint8_t p[1u << 20];
	ssize_t n = recv(fd, p, sizeof(p), MSG_DONTWAIT);

	for (size_t at = 0; n > 0 && at + 4 <= (size_t)n;) {
		size_t len = wire_get32(p + at);

		if (at + 4 + len > (size_t)n)
			break; /* the socket was full */
		check_frame(p + at + 4, len, receiver);
		at += 4 + len;
	}
}

static void feed(struct port *const *ports, const uint8_t *data, size_t n)
{
	uint8_t wire[4 + FRAME];

	for (size_t at = 0; at + 3 <= n;) {
		uint8_t who = data[at] & 127;
		size_t len = wire_get16(data + at + 1) % FRAME;

		if (len > n - at - 3)
			len = n - at - 3;
		wire_put32(wire, (uint32_t)len);
		memcpy(wire + 4, data + at + 3, len);
		if (data[at] & 128 && len >= ETH_HEADER)
			memcpy(wire + 10, (uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)(who % MACHINES) }, 6);
		switch_input(ports[who % MACHINES], wire, 4 + len);
		at += 3 + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct port *ports[MACHINES];
	struct names names;
	struct leases leases;
	struct knocks knocks;
	struct err e = { 0 };
	int fds[MACHINES][2];
	char *json;

	set_up();
	names_init(&names, base);
	leases_open(&leases, &subnet, NULL, &e);
	gate = (struct gate){ .subnet = &subnet, .leases = &leases, .names = &names, .outside = outside, .knocks = &knocks };
	gate.sw = switch_new(base, inspect, &gate);
	knocks = (struct knocks){ .base = base, .subnet = &subnet, .leases = &leases, .sw = gate.sw };
	switch_reserve(gate.sw, &subnet.gateway_mac);
	switch_reserve(gate.sw, &subnet.dns_mac);
	for (int i = 0; i < MACHINES; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]) < 0 || stream_port(gate.sw, fds[i][1]) < 0)
			abort();
		ports[i] = switch_first(gate.sw);
	}
	feed(ports, data, n);
	switch_flush(gate.sw);
	outside_prepare(outside);
	outside_finish(outside);
	for (int i = 0; i < MACHINES; i++) {
		check_output(fds[i][0], ports[i]);
		close(fds[i][0]);
	}
	json = leases_json(&leases);
	if (json[0] != '{' || json[strlen(json) - 1] != '}')
		abort();
	free(json);
	gate_free(&gate);
	switch_free(gate.sw);
	names_free(&names);
	leases_free(&leases);
	return 0;
}
