/* wakeup - see wakeup.h. */
#include "wakeup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "buf.h"
#include "loop.h"

enum { CPUS_MAX = 512 };

#define KPROBE "/sys/bus/event_source/devices/kprobe/"

/* The ring of one CPU. What is written into it is of no interest, only that something was. */
struct ring {
	struct source src;
	uint8_t *map;
};

static struct source destroyed = { .fd = -1 };
static void (*tell)(void);
static long page;

/* The number behind `prefix` in a file of one line; -1: there is none. */
static long number_in(const char *path, const char *prefix)
{
	char text[64] = "", *end;
	size_t skip = strlen(prefix);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	long v;

	if (fd >= 0)
		close(fd);
	if (n <= 0 || strncmp(text, prefix, skip))
		return -1;
	v = strtol(text + skip, &end, 10);
	return end > text + skip ? v : -1;
}

static void ring_ready(struct source *s, uint32_t events)
{
	struct ring *r = (struct ring *)((char *)s - offsetof(struct ring, src));
	uint64_t head = __atomic_load_n((uint64_t *)(void *)(r->map + ABI_PERF_HEAD), __ATOMIC_ACQUIRE);

	(void)events;
	__atomic_store_n((uint64_t *)(void *)(r->map + ABI_PERF_TAIL), head, __ATOMIC_RELEASE);
	tell();
}

static int event_open(struct abi_perf_attr *a, int cpu)
{
	a->size = sizeof(*a);
	a->sample_period = 1;
	a->wakeup_events = 1;
	return (int)syscall(SYS_perf_event_open, a, -1, cpu, -1, ABI_PERF_FLAG_FD_CLOEXEC);
}

/* Makes `fd` write into the CPU's ring; the first one brings the ring with it. */
static bool into_ring(struct ring *r, int fd)
{
	if (r->map) {
		if (ioctl(fd, ABI_PERF_SET_OUTPUT, r->src.fd) == 0)
			return true; /* the descriptor stays open for as long as we live */
		close(fd);
		return false;
	}
	r->map = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r->src.ready = ring_ready;
	if (r->map != MAP_FAILED && loop_add(&r->src, fd, EPOLLIN) == 0)
		return true;
	if (r->map != MAP_FAILED)
		munmap(r->map, 2 * (size_t)page);
	r->map = NULL;
	close(fd);
	return false;
}

/* The same event on every CPU that is there. */
static bool everywhere(struct ring *rings, int cpus, struct abi_perf_attr *a, const char *filter)
{
	int opened = 0;

	for (int cpu = 0; cpu < cpus; cpu++) {
		int fd = event_open(a, cpu);

		if (fd < 0 && errno == ENODEV) /* offline */
			continue;
		if (fd < 0)
			return false;
		if (filter && ioctl(fd, ABI_PERF_SET_FILTER, filter) < 0) {
			close(fd);
			return false;
		}
		if (!into_ring(&rings[cpu], fd))
			return false;
		opened++;
	}
	return opened > 0;
}

static bool kretprobe(struct ring *rings, int cpus, const char *function)
{
	long type = number_in(KPROBE "type", ""), bit = number_in(KPROBE "format/retprobe", "config:");
	struct abi_perf_attr a = { 0 };

	if (type < 0 || bit < 0 || bit > 63)
		return false;
	a.type = (uint32_t)type;
	a.config = 1ull << bit;
	a.config1 = (uintptr_t)function;
	return everywhere(rings, cpus, &a, NULL);
}

static bool tracepoint(struct ring *rings, int cpus, const char *name, const char *filter)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	struct abi_perf_attr a = { .type = ABI_PERF_TYPE_TRACEPOINT };
	char path[160];

	for (int i = 0; i < 2; i++) {
		long id;

		snprintf(path, sizeof(path), "%s/events/%s/id", roots[i], name);
		id = number_in(path, "");
		a.config = (uint64_t)id;
		if (id >= 0)
			return everywhere(rings, cpus, &a, filter);
	}
	return false;
}

/* The return of inet_csk_listen_start is the moment from which a connection succeeds, and after which a dump shows the
 * socket; the tracepoint comes a little earlier. bind() covers UDP, and is called for little else. */
static unsigned probes(struct ring *rings, int cpus)
{
	unsigned covered = 0;

	if (kretprobe(rings, cpus, "inet_csk_listen_start"))
		covered |= WAKEUP_TCP_ADDED;
	if (kretprobe(rings, cpus, "inet_csk_listen_stop"))
		covered |= WAKEUP_TCP_REMOVED;
	if (kretprobe(rings, cpus, "inet_bind") && kretprobe(rings, cpus, "inet6_bind"))
		covered |= WAKEUP_UDP_ADDED;
	if ((covered & (WAKEUP_TCP_ADDED | WAKEUP_TCP_REMOVED)) != (WAKEUP_TCP_ADDED | WAKEUP_TCP_REMOVED) &&
	    tracepoint(rings, cpus, "sock/inet_sock_set_state", "newstate==10 || oldstate==10"))
		covered |= WAKEUP_TCP_ADDED | WAKEUP_TCP_REMOVED;
	return covered;
}

static void destroyed_ready(struct source *s, uint32_t events)
{
	char buf[512];

	(void)events;
	while (recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		;
	tell();
}

/* Most UDP sockets that end are connected ones, of resolvers: those are filtered out in the kernel. The destination
 * port is 22 bytes into the message (struct abi_nlmsg, struct abi_diag_answer). */
static bool udp_destroyed(void)
{
	struct { uint16_t code; uint8_t jt, jf; uint32_t k; } code[] = {
		{ 0x28, 0, 0, 22 },         /* ldh [22] */
		{ 0x15, 0, 1, 0 },          /* jeq #0 */
		{ 0x06, 0, 0, 0xffffffff }, /* ret: whole */
		{ 0x06, 0, 0, 0 },          /* ret: nothing */
	};
	struct { uint16_t len; void *code; } filter = { 4, code };
	struct abi_netlink_addr addr = { .family = AF_NETLINK,
					 .groups = ABI_GROUP_UDP_DESTROY | ABI_GROUP_UDP6_DESTROY };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, ABI_NETLINK_SOCK_DIAG);

	destroyed.ready = destroyed_ready;
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && loop_add(&destroyed, fd, EPOLLIN) == 0)
		return true;
	if (fd >= 0)
		close(fd);
	return false;
}

unsigned wakeup_init(void (*changed)(void))
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct ring *rings;
	unsigned covered;

	tell = changed;
	page = sysconf(_SC_PAGESIZE);
	if (cpus < 1 || cpus > CPUS_MAX)
		cpus = 1;
	rings = xcalloc((size_t)cpus, sizeof(*rings));
	covered = probes(rings, (int)cpus);
	return covered | (udp_destroyed() ? WAKEUP_UDP_REMOVED : 0);
}
