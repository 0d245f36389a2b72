/* ga - see ga.h. */
#include "ga.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "hostagent/agent.h"
#include "hostagent/dns/dns_guest.h"
#include "instance_files.h"
#include "oswatch.h"
#include "unixsock.h"

#define TIME_EVERY_S 60
#define RECONNECT_S 1
#define TIME_LOST_MS 180000      /* an answer to TIME is not waited for any longer */
#define TIME_LATE_MS 1000        /* the guest took a TIME so late that it needs another */
#define OUT_MAX (1u << 20)       /* bytes that may wait for the guest */
#define HELLO_WINDOW_MS 10000    /* the guest can make us send ... */
#define HELLO_WINDOW_MAX 10      /* ... at most so many HELLOs in that time */
#define GREETS_FIRST_S 1         /* that a guest agent which opened the port has for its HELLO */
#define READ_MAX 65536           /* taken from the socket at once */

static void set_timer(struct agent *a, struct event **ev, event_callback_fn fn, int seconds)
{
	struct timeval t = { .tv_sec = seconds };

	if (*ev)
		event_free(*ev);
	*ev = evtimer_new(a->base, fn, a);
	evtimer_add(*ev, &t);
}

static void clear_timer(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

int ga_send(struct agent *a, uint8_t type, uint32_t stream, const void *data, uint32_t n)
{
	uint8_t header[WIRE_HEADER];
	struct evbuffer *out;

	if (!a->ga.bev)
		return -1;
	out = bufferevent_get_output(a->ga.bev);
	if (evbuffer_get_length(out) + n > OUT_MAX)
		return -1;
	wire_header(header, type, stream, n);
	evbuffer_add(out, header, sizeof(header));
	evbuffer_add(out, data, n);
	return 0;
}

static void new_session(struct ga *g)
{
	uint64_t id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (uint64_t)mono_ms();
	snprintf(g->session, sizeof(g->session), "%016" PRIx64, id);
}

static void send_hello(struct agent *a)
{
	struct buf b = { 0 };

	a->ga.hello_owed = false;
	a->ga.hello_sent = true;
	kv_put(&b, "protocol", WIRE_PROTOCOL);
	kv_put(&b, "version", LIMA_VERSION);
	kv_put(&b, "session", a->ga.session);
	if (a->dns)
		kv_put(&b, "dns", dns_guest_address(a->dns));
	ga_send(a, WIRE_HELLO, 0, b.data, (uint32_t)b.len);
	buf_free(&b);
}

/* Our predecessor may have left half a frame on a port that stayed open: the guest takes what comes as its rest. As many
 * zeros as a frame can have complete it, and what is too much is garbage to skip (wire.h). */
static void send_padding(struct agent *a)
{
	static const char zeros[WIRE_PAYLOAD_MAX];

	if (evbuffer_get_length(bufferevent_get_output(a->ga.bev)) + sizeof(zeros) <= OUT_MAX)
		bufferevent_write(a->ga.bev, zeros, sizeof(zeros));
}

static void on_hello_timer(evutil_socket_t unused, short what, void *arg)
{
	struct agent *a = arg;

	(void)unused;
	(void)what;
	if (!a->ga.bev || (a->ga.heard && !a->ga.hello_owed))
		return;
	if (!a->ga.heard && a->ga.hello_sent && !a->ga.padded) {
		a->ga.padded = true;
		send_padding(a);
	}
	send_hello(a);
	/* Once more, with the padding, when this one is not answered either. */
	if (!a->ga.heard && !a->ga.padded)
		set_timer(a, &a->ga.hello_timer, on_hello_timer, GREETS_FIRST_S);
}

/* Because of something that the guest sent. */
static void hello_again(struct agent *a)
{
	int64_t now = mono_ms();

	if (now - a->ga.hello_since > HELLO_WINDOW_MS) {
		a->ga.hello_since = now;
		a->ga.hello_count = 0;
	}
	a->ga.hello_owed = true;
	if (a->ga.hello_count++ < HELLO_WINDOW_MAX)
		send_hello(a);
	else
		set_timer(a, &a->ga.hello_timer, on_hello_timer, HELLO_WINDOW_MS / 1000);
}

static void on_time(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	ga_send_time(arg);
}

void ga_send_time(struct agent *a)
{
	struct timespec now;
	uint8_t ns[8];

	if (!a->ga.bev || !a->ga.heard)
		return;
	set_timer(a, &a->ga.timer, on_time, TIME_EVERY_S);
	/* A guest that was stopped finds one old time when it goes on, not a heap of them; see on_timed. */
	if (a->ga.time_ms && mono_ms() - a->ga.time_ms < TIME_LOST_MS)
		return;
	a->ga.time_ms = mono_ms();
	clock_gettime(CLOCK_REALTIME, &now);
	wire_put64(ns, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	ga_send(a, WIRE_TIME, 0, ns, sizeof(ns));
}

/* --- frames of the guest --- */

/* The value of a key of HELLO, made fit to be shown. */
static void take_key(const struct kv *kv, const char *key, char *out, size_t size)
{
	const char *v = kv_get(kv, "", "%s", key);
	char *clean = text_clean(v, strlen(v), size - 1);

	snprintf(out, size, "%s", clean);
	free(clean);
}

static void on_hello(struct agent *a, const struct wire_frame *f)
{
	char session[20], boot_id[40], protocol[16];
	struct err e = { 0 };
	struct kv kv = { 0 };
	bool known;

	if (kv_parse((const char *)f->payload, f->len, "HELLO", &kv, &e) < 0) {
		log_limited(&a->ga.limit, "the guest agent sent a HELLO that cannot be read");
		return;
	}
	take_key(&kv, "protocol", protocol, sizeof(protocol));
	if (strcmp(protocol, WIRE_PROTOCOL) != 0) {
		kv_free(&kv);
		boot_on_foreign_agent(a, protocol);
		return;
	}
	take_key(&kv, "session", session, sizeof(session));
	take_key(&kv, "boot_id", boot_id, sizeof(boot_id));
	take_key(&kv, "version", a->ga.peer_version, sizeof(a->ga.peer_version));
	kv_free(&kv);
	known = a->ga.heard && !strcmp(session, a->ga.peer) && !strcmp(boot_id, a->ga.peer_boot);
	snprintf(a->ga.peer, sizeof(a->ga.peer), "%s", session);
	snprintf(a->ga.peer_boot, sizeof(a->ga.peer_boot), "%s", boot_id);
	if (!a->ga.heard)
		ga_ssh_heard(a);
	a->ga.heard = true;
	if (!known) {
		dns_guest_gone(a->dns);
		hello_again(a);
		a->ga.time_ms = 0;
		ga_send_time(a);
	}
	boot_on_hello(a, boot_id, a->ga.peer_version);
	if (!known)
		ports_guest_up(a);
}

static void on_status(struct agent *a, const struct wire_frame *f)
{
	if (f->len < 8)
		return;
	if (boot_on_status(a, wire_get64(f->payload), (const char *)f->payload + 8, f->len - 8) < 0) {
		log_limited(&a->ga.limit, "a part of the guest's boot status is missing; asking for it again");
		hello_again(a);
	}
}

static void on_sshd(struct agent *a, const struct wire_frame *f)
{
	(void)f;
	boot_on_sshd(a);
}

static void on_timed(struct agent *a, const struct wire_frame *f)
{
	int64_t sent = a->ga.time_ms;

	a->ga.time_ms = 0;
	if (f->len >= 9 && f->payload[8])
		log_limited(&a->ga.limit, "the guest's clock was %.3f s off and was set",
			    (double)(int64_t)wire_get64(f->payload) / 1e9);
	if (sent && mono_ms() - sent > TIME_LATE_MS)
		ga_send_time(a);
}

static void on_dns(struct agent *a, const struct wire_frame *f)
{
	dns_guest_frame(a->dns, f);
}

int ga_send_dns(void *arg, uint32_t stream, const void *data, uint32_t n)
{
	return ga_send(arg, WIRE_DNS, stream, data, n);
}

static void on_frame(struct agent *a, const struct wire_frame *f)
{
	static const struct {
		uint8_t type;
		void (*fn)(struct agent *a, const struct wire_frame *f);
	} known[] = {
		{ WIRE_HELLO, on_hello },
		{ WIRE_STATUS, on_status },
		{ WIRE_SSHD, on_sshd },
		{ WIRE_TIMED, on_timed },
		{ WIRE_PORTS, ports_frame },
		{ WIRE_OPENED, ports_frame },
		{ WIRE_DATA, ports_frame },
		{ WIRE_EOF, ports_frame },
		{ WIRE_RESET, ports_frame },
		{ WIRE_CREDIT_MORE, ports_frame },
		{ WIRE_DNS, on_dns },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (f->type == known[i].type && (a->ga.heard || f->type == WIRE_HELLO))
			known[i].fn(a, f);
}

/* What was lost in the middle of a session is not known, so that a new one begins (wire.h). */
static void on_garbage(struct agent *a)
{
	struct ga *g = &a->ga;

	log_limited(&g->limit, "%" PRIu64 " bytes on ga.sock were no frames and were skipped",
		    g->reader->skipped - g->skipped);
	g->skipped = g->reader->skipped;
	if (!g->heard)
		return;
	g->heard = false;
	ports_guest_gone(a);
	dns_guest_gone(a->dns);
	new_session(g);
	hello_again(a);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct agent *a = arg;
	struct wire_reader *r = a->ga.reader;
	struct wire_frame f;

	while (a->ga.bev == bev && evbuffer_get_length(in) > 0) {
		size_t room;
		uint8_t *at = wire_space(r, &room);
		int n = evbuffer_remove(in, at, room);

		if (n <= 0)
			break;
		wire_fed(r, (size_t)n);
		while (a->ga.bev == bev && wire_next(r, &f) == 1)
			on_frame(a, &f);
	}
	if (a->ga.bev == bev && r->skipped != a->ga.skipped)
		on_garbage(a);
}

/* --- the connection --- */

static void on_reconnect(evutil_socket_t unused, short what, void *arg)
{
	(void)unused;
	(void)what;
	ga_connect(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct agent *a = arg;

	(void)bev;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	log_debug("the connection to the guest agent ended");
	if (a->ga.ssh.active) {
		ga_ssh_ended(a, a->ga.heard);
		return;
	}
	ga_close(a);
	set_timer(a, &a->ga.timer, on_reconnect, RECONNECT_S);
}

void ga_connect(struct agent *a)
{
	struct err e = { 0 };
	int fd;

	ga_close(a);
	a->ga.ssh.active = false;
	fd = unixsock_connect(F_GA_SOCK, 0, &e);
	if (fd >= 0) {
		ga_use(a, fd);
		return;
	}
	log_limited(&a->ga.limit, "%s", e.msg);
	set_timer(a, &a->ga.timer, on_reconnect, RECONNECT_S);
}

void ga_use(struct agent *a, int fd)
{
	struct ga *g = &a->ga;

	ga_close(a);
	if (!*g->session)
		new_session(g);
	evutil_make_socket_nonblocking(fd);
	g->reader = xmalloc(sizeof(*g->reader));
	wire_reset(g->reader);
	g->skipped = 0;
	g->hello_sent = g->padded = false;
	g->bev = bufferevent_socket_new(a->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(g->bev, on_read, NULL, on_event, a);
	bufferevent_setwatermark(g->bev, EV_READ, 0, READ_MAX);
	bufferevent_enable(g->bev, EV_READ | EV_WRITE);
	/* A guest that is still to boot greets first; one that runs already waits for us. */
	if (a->m.adopted || a->m.up) {
		send_hello(a);
		set_timer(a, &g->hello_timer, on_hello_timer, GREETS_FIRST_S);
	}
}

void ga_anew(struct agent *a)
{
	a->ga.session[0] = '\0';
	ga_connect(a);
}

void ga_port_open(struct agent *a)
{
	bool heard = a->ga.heard;

	log_debug("the guest opened its end of ga.sock");
	if (a->ga.ssh.active) {
		ga_connect(a);
		return;
	}
	a->ga.heard = false;
	ports_guest_gone(a);
	dns_guest_gone(a->dns);
	/* QMP is another socket: what a new guest agent has said may have come before this news. With a session that is new
	 * to it, it says all again. */
	new_session(&a->ga);
	if (a->ga.bev && heard)
		hello_again(a);
	else if (a->ga.bev)
		set_timer(a, &a->ga.hello_timer, on_hello_timer, GREETS_FIRST_S);
}

void ga_repeat(struct agent *a)
{
	if (!a->ga.bev || !a->ga.heard)
		return;
	boot_on_hello(a, a->ga.peer_boot, a->ga.peer_version);
	ports_guest_up(a);
	send_hello(a);
}

void ga_close(struct agent *a)
{
	struct ga *g = &a->ga;

	clear_timer(&g->timer);
	clear_timer(&g->hello_timer);
	ports_guest_gone(a);
	dns_guest_gone(a->dns);
	if (g->bev)
		bufferevent_free(g->bev);
	g->bev = NULL;
	free(g->reader);
	g->reader = NULL;
	g->heard = false;
}
