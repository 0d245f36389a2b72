/* uses: usernet dns loop */
/* The switch alone: who gets which frame, whose address is whose, queues that end, streams that are cut anywhere, datagram
 * sockets, and ports that go. The rule in the place of the gate's is that frames of type 0x9999 are refused. */
#include "fake_nic.h"

#include <event2/event.h>

#include "usernet/port.h"
#include "usernet/switch.h"

static struct event_base *base;
static struct net_switch *sw;
static struct nic cards[4];

static enum verdict inspect(void *arg, struct port *from, const struct frame *f, const uint8_t *p, size_t n)
{
	(void)arg;
	(void)from;
	(void)p;
	(void)n;
	return f->type == 0x9999 ? VERDICT_REFUSE : f->type == 0x8888 ? VERDICT_TAKEN : VERDICT_SWITCH;
}

/* Rounds of the loop until nothing happens any more. */
static void settle(void)
{
	for (int i = 0; i < 20; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		switch_flush(sw);
	}
}

static const struct port *port_of(const struct nic *c)
{
	struct mac m;

	memcpy(&m, c->mac, 6);
	return switch_find(sw, &m);
}

static void plug(struct nic *c, uint8_t number, int type)
{
	int p[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, p) < 0)
		exit(1);
	*c = (struct nic){ .fd = p[0], .dgram = type == SOCK_DGRAM };
	memcpy(c->mac, (uint8_t[]){ 0x52, 0x55, 0x55, 0, 0, number }, 6);
	if ((type == SOCK_DGRAM ? dgram_port : stream_port)(sw, p[1]) < 0)
		exit(1);
}

static size_t make(uint8_t *f, const struct nic *from, const uint8_t *to, uint16_t type, uint8_t mark, size_t n)
{
	memset(f, mark, n);
	memcpy(f, to, 6);
	memcpy(f + 6, from->mac, 6);
	put16(f + 12, type);
	return n;
}

static void say(struct nic *from, const uint8_t *to, uint16_t type, uint8_t mark, size_t n)
{
	static uint8_t f[NIC_FRAME_MAX];

	nic_send(from, f, make(f, from, to, type, mark, n));
	settle();
}

/* The mark and the length of the next frame of a card; 0 when there is none. */
static size_t heard(struct nic *c, uint8_t mark)
{
	return nic_next(c, nic_now()) && c->frame[14] == mark ? c->len : 0;
}

static void test_who(void)
{
	say(&cards[0], everybody, 0x7777, 1, 100);
	ok(heard(&cards[1], 1) == 100 && heard(&cards[2], 1) == 100, "a frame for all comes to all others");
	is_num(heard(&cards[0], 1), 0, "not back");
	say(&cards[1], cards[0].mac, 0x7777, 2, 60);
	is_num(heard(&cards[0], 2), 60, "one for a known address comes to its port");
	is_num(heard(&cards[2], 2), 0, "and nowhere else");
	say(&cards[0], (const uint8_t *)"\2\0\0\0\0\x77", 0x7777, 3, 60);
	ok(!heard(&cards[1], 3) && !heard(&cards[2], 3), "one for an unknown address comes nowhere");
	say(&cards[0], everybody, 0x9999, 4, 60);
	say(&cards[0], everybody, 0x8888, 4, 60);
	ok(!heard(&cards[1], 4), "what is refused or taken comes nowhere");
	is_num(port_of(&cards[0])->counts.refused, 1, "what is refused is counted");
	say(&cards[0], cards[0].mac, 0x7777, 5, 60);
	is_num(heard(&cards[0], 5), 0, "nobody gets what he sends to himself");
	nic_write(&cards[0], "\0\0\0\5hello", 9);
	settle();
	is_num(port_of(&cards[0])->counts.refused, 2, "what is too short to be a frame is refused");
}

static void test_addresses(void)
{
	struct mac own = { { 0x52, 0x55, 1, 2, 3, 4 } };
	struct nic thief = cards[2];
	uint8_t many[6] = { 2, 9, 9, 9, 9, 0 };

	memcpy(thief.mac, cards[1].mac, 6);
	say(&thief, everybody, 0x7777, 6, 60);
	ok(!heard(&cards[0], 6), "a frame from another port's address is refused");
	say(&cards[0], cards[1].mac, 0x7777, 7, 60);
	ok(heard(&cards[1], 7) && !heard(&cards[2], 7), "and does not move it");
	switch_reserve(sw, &own);
	memcpy(thief.mac, &own, 6);
	say(&thief, everybody, 0x7777, 8, 60);
	ok(!heard(&cards[0], 8) && !switch_find(sw, &own), "nobody can have ours");
	memcpy(thief.mac, everybody, 6);
	say(&thief, cards[0].mac, 0x7777, 9, 60);
	ok(!heard(&cards[0], 9), "nobody is everybody");
	for (unsigned i = 0; i < 40; i++) {
		many[5] = (uint8_t)i;
		memcpy(thief.mac, many, 6);
		say(&thief, everybody, 0x7777, 10, 60);
	}
	is_num(port_of(&cards[2])->mac_count, PORT_MACS_MAX, "a port has so many addresses");
	for (unsigned i = 0; i < PORT_MACS_MAX - 1; i++)
		heard(&cards[0], 10), heard(&cards[1], 10);
	ok(!heard(&cards[0], 10), "frames from more are refused");
	cards[2].n = thief.n;
}

/* The same bytes, cut into every two pieces, and all at once. */
static void test_pieces(void)
{
	uint8_t wire[200], f[100];
	size_t n = 0;
	unsigned good = 0;

	for (uint8_t i = 0; i < 3; i++) {
		size_t len = make(f, &cards[0], cards[1].mac, 0x7777, (uint8_t)(20 + i), 20u + i);

		put32(wire + n, (uint32_t)len);
		memcpy(wire + n + 4, f, len);
		n += 4 + len;
	}
	for (size_t cut = 1; cut < n; cut++) {
		nic_write(&cards[0], wire, cut);
		settle();
		nic_write(&cards[0], wire + cut, n - cut);
		settle();
		good += heard(&cards[1], 20) == 20 && heard(&cards[1], 21) == 21 && heard(&cards[1], 22) == 22;
	}
	is_num(good, n - 1, "a stream may be cut anywhere");
}

/* Alternating targets, so that runs begin and end. */
static void test_runs(void)
{
	static uint8_t wire[100 * 64], f[60];
	unsigned good = 0;
	size_t n = 0;

	for (unsigned i = 0; i < 100; i++) {
		const uint8_t *to = i % 7 == 6 ? everybody : i % 5 < 3 ? cards[1].mac : cards[2].mac;

		make(f, &cards[0], to, i % 11 == 10 ? 0x9999 : 0x7777, (uint8_t)(100 + i), 60);
		put32(wire + n, 60);
		memcpy(wire + n + 4, f, 60);
		n += 64;
	}
	nic_write(&cards[0], wire, n);
	settle();
	for (unsigned i = 0; i < 100; i++) {
		bool all = i % 7 == 6, one = i % 5 < 3, refused = i % 11 == 10;

		if (refused)
			good++;
		else
			good += (!(all || one) || heard(&cards[1], (uint8_t)(100 + i))) && (!(all || !one) || heard(&cards[2], (uint8_t)(100 + i)));
	}
	is_num(good, 100, "frames for several ports come in their order");
	ok(!heard(&cards[1], 0) && cards[1].n == cards[1].eaten && !heard(&cards[2], 0) && cards[2].n == cards[2].eaten, "no others");
}

/* A machine that does not read: what is sent to it is dropped when its queue is full, and what it gets then is whole frames. */
static void test_slow(void)
{
	const struct port *p = port_of(&cards[1]);
	uint64_t sent = 0, read = 0;
	size_t worst = 0;

	for (int i = 0; i < 200; i++) {
		say(&cards[0], cards[1].mac, 0x7777, 33, 60000);
		sent++;
		worst = p->len - p->at > worst ? p->len - p->at : worst;
	}
	ok(worst <= PORT_QUEUE_MAX, "a queue has an end (%zu bytes)", worst);
	ok(p->counts.dropped > 0, "what is beyond it is dropped (%llu frames)", (unsigned long long)p->counts.dropped);
	say(&cards[0], cards[2].mac, 0x7777, 34, 60);
	is_num(heard(&cards[2], 34), 60, "others do not notice");
	for (int i = 0; i < 400; i++) {
		if (heard(&cards[1], 33) == 60000)
			read++;
		settle();
	}
	is_num(read, sent - p->counts.dropped, "what was not dropped comes whole");
	say(&cards[0], cards[1].mac, 0x7777, 35, 60);
	is_num(heard(&cards[1], 35), 60, "then all is as before");
}

static void test_dgram(void)
{
	struct nic *d = &cards[3], again;

	plug(d, 4, SOCK_DGRAM);
	say(d, cards[0].mac, 0x7777, 40, 1514);
	is_num(heard(&cards[0], 40), 1514, "a datagram is a frame");
	say(&cards[0], d->mac, 0x7777, 41, 1514);
	is_num(heard(d, 41), 1514, "and a frame a datagram");
	for (uint8_t i = 0; i < 5; i++)
		say(&cards[0], everybody, 0x7777, (uint8_t)(50 + i), 60);
	for (uint8_t i = 0; i < 5; i++)
		ok(heard(d, (uint8_t)(50 + i)) == 60, "one by one");
	for (uint8_t i = 0; i < 5; i++)
		heard(&cards[1], 0), heard(&cards[2], 0);
	nic_write(d, "short", 5);
	settle();
	is_num(port_of(d)->counts.refused, 1, "what is too short to be a frame is refused");
	close(d->fd);
	say(&cards[0], d->mac, 0x7777, 42, 60);
	ok(!port_of(d), "when the other end is gone, the first frame to it closes the port");
	plug(d, 4, SOCK_DGRAM);
	say(d, everybody, 0x7777, 43, 60);
	again = *d;
	plug(&again, 4, SOCK_DGRAM);
	say(&again, cards[0].mac, 0x7777, 44, 60);
	ok(heard(&cards[0], 43) && !heard(&cards[0], 44), "as long as it is there, nobody else has its address");
	close(d->fd);
	say(&again, cards[0].mac, 0x7777, 45, 60);
	ok(heard(&cards[0], 45) == 60, "when it is gone, it is noticed by who comes with that address");
	close(again.fd);
	heard(&cards[1], 43), heard(&cards[2], 43);
}

static void test_ends(void)
{
	struct nic other;
	unsigned count = 0;
	int fds[2];

	close(cards[1].fd);
	settle();
	ok(!port_of(&cards[1]), "a machine that is gone is forgotten");
	plug(&other, 2, SOCK_STREAM);
	say(&other, everybody, 0x7777, 60, 60);
	ok(heard(&cards[0], 60) && port_of(&other), "its address can be used again");
	nic_write(&other, "\xff\xff\xff\xff", 4);
	settle();
	ok(!port_of(&other), "a length that no frame has ends the connection");
	close(other.fd);
	while (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0 && stream_port(sw, fds[1]) == 0)
		count++;
	is_num(count, PORTS_MAX - 2, "there are so many ports (and two that were there)");
	ok(dgram_port(sw, dup(0)) < 0, "what is no datagram socket is not taken");
}

int main(void)
{
	base = event_base_new();
	sw = switch_new(base, inspect, NULL);
	for (uint8_t i = 0; i < 3; i++)
		plug(&cards[i], (uint8_t)(i + 1), SOCK_STREAM);
	for (int i = 1; i < 3; i++)
		say(&cards[i], cards[0].mac, 0x8888, 0, 60);
	test_who();
	test_addresses();
	test_pieces();
	test_runs();
	test_slow();
	test_dgram();
	test_ends();
	switch_free(sw);
	event_base_free(base);
	return done();
}
