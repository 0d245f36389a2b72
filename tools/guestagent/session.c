/* session - see session.h. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "dns.h"
#include "err.h"
#include "ports.h"
#include "status.h"
#include "stream.h"
#include "touch.h"

enum {
	FRAMES_A_TURN = 128,     /* then the streams may speak */
	ANSWER_ROOM = 1024,      /* more than the longest answer to one frame */
	HELLO_INTERVAL = 1000,   /* ms between greetings that garbage provokes */
	DRIFT_ALLOWED = 100,     /* ms */
	ID_SIZE = 17, BOOT_ID_SIZE = 37, VALUE_MAX = 64,
};
#define NS_PER_S 1000000000LL
#define TIME_MIN (946684800 * NS_PER_S) /* the year 2000: an earlier host time is not a time */

static struct channel *active;
static bool debugging, host_known;
static char id[ID_SIZE], boot_id[BOOT_ID_SIZE], host_id[VALUE_MAX];
static struct timer again;

void session_debug(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!debugging)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	warn_msg("%s", line);
}

struct channel *session_channel(void)
{
	return active && active->up ? active : NULL;
}

static void new_id(void)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r)) /* early in the boot: it must differ, not be secret */
		r = (uint64_t)loop_now() << 32 ^ (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)r);
}

void session_init(bool debug)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	debugging = debug;
	if (fd >= 0) {
		ssize_t n = read(fd, boot_id, sizeof(boot_id) - 1);

		boot_id[n > 0 ? n : 0] = '\0';
		close(fd);
	}
	new_id();
}

static void greet(struct channel *c)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "protocol=1\nversion=%s\nsession=%s\nboot_id=%s\ndns=1\n", LIMA_VERSION, id,
			 boot_id);

	channel_send(c, WIRE_HELLO, 0, text, (size_t)n);
}

void session_up(struct channel *c)
{
	session_debug("%s: connected", c->name);
	greet(c);
}

void session_down(struct channel *c)
{
	session_debug("%s: disconnected", c->name);
	if (c != active)
		return;
	stream_close_all();
	dns_withdraw();
	active = NULL;
	host_known = false;
}

/* The value of "key=" at the beginning of a line. */
static bool value_of(const struct wire_frame *f, const char *key, char out[VALUE_MAX])
{
	const char *p = (const char *)f->payload, *end = p + f->len;
	size_t k = strlen(key);

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		size_t n = (size_t)(stop - p);

		if (n > k && n - k < VALUE_MAX && !memcmp(p, key, k)) {
			memcpy(out, p + k, n - k);
			out[n - k] = '\0';
			return true;
		}
		p = stop + 1;
	}
	return false;
}

static void on_hello(struct channel *c, const struct wire_frame *f)
{
	char theirs[VALUE_MAX], address[VALUE_MAX];

	if (!value_of(f, "session=", theirs))
		return;
	if (c != active || !host_known || strcmp(theirs, host_id)) {
		session_debug("%s: host session %s", c->name, theirs);
		stream_close_all();
		active = c;
		host_known = true;
		memcpy(host_id, theirs, sizeof(host_id));
		greet(c);
	}
	/* Only who may administer the guest may change its network. */
	dns_offer(c->peer.uid == 0 && value_of(f, "dns=", address) ? address : NULL);
	status_rewind();
	ports_resend();
}

static void on_time(struct channel *c, const struct wire_frame *f)
{
	int64_t host = f->len == 8 ? (int64_t)wire_get64(f->payload) : 0, drift;
	struct timespec now, set;
	uint8_t answer[9];

	if (host < TIME_MIN)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	drift = (int64_t)((uint64_t)now.tv_sec * (uint64_t)NS_PER_S + (uint64_t)now.tv_nsec - (uint64_t)host);
	set.tv_sec = (time_t)(host / NS_PER_S);
	set.tv_nsec = (long)(host % NS_PER_S);
	answer[8] = 0;
	if (drift > DRIFT_ALLOWED * 1000000LL || drift < -DRIFT_ALLOWED * 1000000LL) {
		answer[8] = clock_settime(CLOCK_REALTIME, &set) == 0;
		session_debug("clock was %lld ms off, %s", (long long)(drift / 1000000),
			      answer[8] ? "set" : strerror(errno));
	}
	wire_put64(answer, (uint64_t)drift);
	channel_send(c, WIRE_TIMED, 0, answer, sizeof(answer));
	ports_look();
}

static void dispatch(struct channel *c, const struct wire_frame *f)
{
	if (f->type == WIRE_HELLO)
		on_hello(c, f);
	else if (c != active)
		return;
	else if (f->type == WIRE_TIME)
		on_time(c, f);
	else if (f->type == WIRE_INOTIFY)
		touch_request(&c->peer, f->payload, f->len);
	else if (f->type == WIRE_DNS)
		dns_frame(f);
	else if (f->type >= WIRE_OPEN && f->type <= WIRE_CREDIT_MORE)
		stream_frame(c, f);
}

static void greet_again(struct timer *t)
{
	(void)t;
	if (!session_channel())
		return;
	stream_close_all();
	new_id();
	greet(active);
}

/* Bytes were lost or made up in the middle of a session: it starts over. */
static void see_to_garbage(struct channel *c)
{
	uint64_t n = c->in.skipped - c->skipped;

	if (n == 0)
		return;
	c->skipped = c->in.skipped;
	session_debug("%s: skipped %llu bytes of garbage", c->name, (unsigned long long)n);
	if (c == active)
		timer_set(&again, greet_again, HELLO_INTERVAL);
}

static int input(struct channel *c, bool *busy)
{
	struct wire_frame f;
	int turn = 0;

	while (c->up && channel_room(c, ANSWER_ROOM)) {
		if (turn++ == FRAMES_A_TURN) {
			*busy = true;
			return 0;
		}
		if (wire_next(&c->in, &f))
			dispatch(c, &f);
		else if (!c->readable)
			break;
		else if (channel_read(c) < 0)
			return -1;
	}
	see_to_garbage(c);
	return 0;
}

int session_run(struct channel *c, bool *busy)
{
	bool was_full;

	if (c->src.fd < 0 || !c->up)
		return 0;
	if (input(c, busy) < 0)
		return -1;
	if (c == active) {
		status_pump(c);
		ports_pump(c);
		if (stream_pump(c))
			*busy = true;
	}
	was_full = !channel_room(c, ANSWER_ROOM);
	if (channel_flush(c) < 0)
		return -1;
	/* What was held back for want of room goes on at once when the kernel took what was queued. */
	if (was_full && channel_room(c, ANSWER_ROOM))
		*busy = true;
	if (c == active && c->head == c->tail && (status_waiting() || ports_waiting() || stream_waiting()))
		*busy = true;
	channel_watch(c, channel_room(c, ANSWER_ROOM));
	return 0;
}
