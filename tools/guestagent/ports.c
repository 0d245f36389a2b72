/* ports - see ports.h. */
#include "ports.h"

#include <errno.h>
#include <string.h>

#include "diag.h"
#include "dns.h"
#include "err.h"
#include "session.h"
#include "wakeup.h"

enum {
	SSH_PORT = 22,
	RECORDS = 256,      /* in a frame */
	DUMP_INTERVAL = 10, /* ms, at least, between two looks */
	SECOND_LOOK = 30,   /* ms after a change, for what the kernel announced a little early */
	POLL_FAST = 50, POLL_FAST_FOR = 5000, POLL_SLOW = 2000, /* ms, where the kernel does not announce everything */
};

static unsigned covered;
static struct timer look_timer, second_timer, poll_timer;
static int64_t last_look, last_change, poll_interval;
static struct listeners told, found; /* what the host knows; what is */
static size_t i_told, i_found;       /* how far the comparison of the two was sent */
static bool restart, comparing, look_again, sshd_told;

static void look(struct timer *t);

static void arm_poll(void)
{
	if (covered == WAKEUP_ALL)
		return;
	if (loop_now() - last_change < POLL_FAST_FOR)
		poll_interval = POLL_FAST;
	else if (poll_interval < POLL_SLOW)
		poll_interval += poll_interval / 2;
	timer_set(&poll_timer, look, poll_interval);
}

/* Our own sockets are no services of the guest. */
static void leave_out_ours(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < found.n; i++)
		if (!dns_is_ours(&found.v[i]))
			found.v[kept++] = found.v[i];
	found.n = kept;
}

static void look(struct timer *t)
{
	struct channel *c = session_channel();

	(void)t;
	if (!c)
		return;
	look_again = comparing; /* not while the last one is still on its way */
	if (comparing)
		return;
	timer_clear(&poll_timer);
	last_look = loop_now();
	if (diag_listeners(&found) < 0) {
		session_debug("cannot list sockets: %s", strerror(errno));
	} else {
		leave_out_ours();
		comparing = true;
		i_told = i_found = 0;
	}
	arm_poll();
}

void ports_look(void)
{
	int64_t since = loop_now() - last_look;

	timer_set(&look_timer, look, since < DUMP_INTERVAL ? DUMP_INTERVAL - since : 0);
}

static void announced(void)
{
	ports_look();
	timer_set(&second_timer, look, SECOND_LOOK);
}

void ports_init(void)
{
	covered = wakeup_init(announced);
	session_debug("kernel announces listeners: %#x of %#x", covered, (unsigned)WAKEUP_ALL);
}

void ports_resend(void)
{
	sshd_told = comparing = false;
	restart = true;
	told.n = 0;
	last_change = loop_now();
	look(NULL);
}

/* The next difference between the two sorted lists: '+', '-' or 0 at their end. */
static char next_change(struct listener *l)
{
	while (i_told < told.n || i_found < found.n) {
		int order = i_told == told.n ? 1 : i_found == found.n ? -1 :
			    memcmp(&told.v[i_told], &found.v[i_found], sizeof(*l));

		*l = order < 0 ? told.v[i_told] : found.v[i_found];
		i_told += order <= 0;
		i_found += order >= 0;
		if (order)
			return order < 0 ? '-' : '+';
	}
	return 0;
}

static size_t fill(uint8_t *p, size_t room)
{
	size_t n = 0;
	struct listener l;
	char op;

	if (restart) {
		wire_port_put(p, '=', NULL);
		n += WIRE_PORT_SIZE;
		restart = false;
	}
	while (n + WIRE_PORT_SIZE <= room && (op = next_change(&l))) {
		struct wire_addr a = { .proto = l.proto, .family = l.family, .port = l.port };

		memcpy(a.ip, l.ip, sizeof(a.ip));
		wire_port_put(p + n, op, &a);
		n += WIRE_PORT_SIZE;
	}
	return n;
}

static bool sshd_listens(void)
{
	for (size_t i = 0; i < found.n; i++)
		if (found.v[i].proto == WIRE_TCP && found.v[i].port == SSH_PORT)
			return true;
	return false;
}

static void compared(void)
{
	struct listeners old = told;

	told = found;
	found = old;
	comparing = false;
	if (look_again)
		ports_look();
}

void ports_pump(struct channel *c)
{
	size_t size = RECORDS * WIRE_PORT_SIZE;

	while (comparing && channel_room_data(c, size)) {
		size_t n;

		if (!sshd_told && sshd_listens())
			sshd_told = channel_send(c, WIRE_SSHD, 0, NULL, 0);
		n = fill(channel_reserve(c, size), size);
		if (n)
			channel_commit(c, WIRE_PORTS, 0, n);
		if (n)
			last_change = loop_now();
		if (n < size)
			compared();
	}
}

bool ports_waiting(void)
{
	return comparing;
}
