/* lima-guestagent - runs in the guest, as root: reports to the host agent how far the machine is and who listens where,
 * and connects the host to it. Static, small, asleep unless something happens. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "guestagent/dns.h"
#include "guestagent/loop.h"
#include "guestagent/ports.h"
#include "guestagent/session.h"
#include "guestagent/status.h"
#include "guestagent/transport.h"
#include "wire.h"

static const char usage[] =
	"usage: lima-guestagent daemon [OPTIONS]\n"
	"Runs in a virtual machine and talks to lima-hostagent, over every way that is named; without one, over\n"
	"the virtio port " WIRE_PORT_NAME ".\n"
	"      --virtio-port NAME   the virtio port of that name, now or when it appears\n"
	"      --vsock-port N       listen on a vsock port\n"
	"      --unix PATH          listen on a unix socket\n"
	"      --socket-owner UID   who may connect to it, besides root (default 0)\n"
	"      --runtime-dir DIR    where the lock is (default /run/lima-guestagent)\n"
	"      --status-file FILE   the boot status (default /run/lima-boot-status)\n"
	"      --debug              say on stderr what happens\n"
	"  -h, --help               print this text\n"
	"      --version            print the version\n";

struct options {
	const char *virtio, *unix_path, *dir, *status;
	uint32_t vsock, owner;
	bool debug;
};

static uint32_t number(const char *option, const char *text)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || v > 0xfffffffe)
		usage_die("--%s: '%s' is not a number from 0 to 4294967294", option, text);
	return (uint32_t)v;
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "virtio-port", required_argument, NULL, 'p' }, { "vsock-port", required_argument, NULL, 's' },
		{ "unix", required_argument, NULL, 'u' }, { "socket-owner", required_argument, NULL, 'o' },
		{ "runtime-dir", required_argument, NULL, 'r' }, { "status-file", required_argument, NULL, 'f' },
		{ "debug", no_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'p': o->virtio = *optarg ? optarg : NULL; break;
		case 's': o->vsock = number("vsock-port", optarg); break;
		case 'u': o->unix_path = *optarg ? optarg : NULL; break;
		case 'o': o->owner = number("socket-owner", optarg); break;
		case 'r': o->dir = optarg; break;
		case 'f': o->status = optarg; break;
		case 'd': o->debug = true; break;
		case 'h': exit(fputs(usage, stdout) < 0);
		case 'v': exit(puts("lima-guestagent " LIMA_VERSION) < 0);
		default: usage_die("wrong option");
		}
	}
	if (optind == argc)
		usage_die("a command is missing: daemon");
	if (strcmp(argv[optind], "daemon"))
		usage_die("'%s' is not a command; there is only daemon", argv[optind]);
	if (optind + 1 < argc)
		usage_die("'%s': no arguments are expected", argv[optind + 1]);
	if (!o->virtio && !o->vsock && !o->unix_path)
		o->virtio = WIRE_PORT_NAME;
}

/* One daemon at a time: a second one would take the socket away from the first. The lock lives as long as we do. */
static int lock(const char *dir, struct err *e)
{
	char path[512];
	int fd;

	if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path))
		return err_set(e, EXIT_USAGE, "--runtime-dir is too long");
	mkdir(dir, 0755);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, EXIT_CANTCREATE, "cannot create %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, EXIT_TRYAGAIN, "%s is locked: another lima-guestagent is running", path);
	return 0;
}

/* Each tunnel needs a descriptor. */
static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max < 4096 ? r.rlim_max : 4096;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	signal(SIGPIPE, SIG_IGN);
}

static int open_transports(const struct options *o, struct err *e)
{
	if (o->virtio && transport_virtio(o->virtio, e) < 0)
		return -1;
	if (o->vsock && transport_vsock(o->vsock, e) < 0) {
		if (!o->virtio && !o->unix_path)
			return -1;
		warn_msg("%s", e->msg); /* a kernel without vsock, but there is another way */
	}
	return o->unix_path ? transport_unix(o->unix_path, o->owner, e) : 0;
}

static void on_signal(struct source *s, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->fd, &info, sizeof(info)) != sizeof(info))
		return;
	dns_withdraw();
	signal((int)info.ssi_signo, SIG_DFL);
	sigprocmask(SIG_SETMASK, &(sigset_t){ 0 }, NULL);
	raise((int)info.ssi_signo);
}

/* What was taken from the guest's network is given back before we end. */
static void watch_signals(void)
{
	static struct source source = { .ready = on_signal };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd >= 0 && loop_add(&source, fd, EPOLLIN) == 0)
		sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	struct options o = { .dir = "/run/lima-guestagent", .status = "/run/lima-boot-status" };
	static struct err e;

	err_program(argv[0]);
	parse(argc, argv, &o);
	raise_limits();
	if (lock(o.dir, &e) < 0)
		return err_report(&e);
	if (loop_open() < 0 || status_follow(o.status) < 0) {
		err_sys(&e, EXIT_UNAVAIL, "cannot start");
		return err_report(&e);
	}
	session_init(o.debug);
	transport_init();
	ports_init();
	dns_init();
	watch_signals();
	if (open_transports(&o, &e) < 0)
		return err_report(&e);
	for (bool busy = transport_run();; busy = transport_run())
		loop_once(busy);
}
