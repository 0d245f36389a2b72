/* lima-usernet - runs one network of guests until it is told to end; see man/lima-usernet.8. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "err.h"
#include "num.h"
#include "usernet/usernet.h"

static const char usage[] =
	"usage: lima-usernet --pidfile F --endpoint SOCK --listen-qemu SOCK --listen SOCK --subnet CIDR [OPTION]...\n"
	"Runs one network of virtual machines: a switch between them, addresses, names, and the way out.\n"
	"\n"
	"  -p, --pidfile FILE      where the process number is written; the folder also has the lock\n"
	"  -e, --endpoint SOCKET   where questions are answered, by HTTP\n"
	"      --listen-qemu SOCKET  where QEMU connects to (-netdev stream)\n"
	"      --listen SOCKET     where datagram sockets of machines are handed over\n"
	"      --subnet CIDR       the network, as in 192.168.104.0/24\n"
	"      --mtu N             the longest packet (default 1500)\n"
	"      --leases IP=MAC,... addresses that are given out already\n"
	"      --leases-file FILE  where given addresses are kept\n"
	"      --ready-fd N        write \"ready\" to descriptor N when it serves\n"
	"  -h, --help              print this text\n"
	"      --version           print the version\n";

static unsigned number(const char *text, uint64_t min, uint64_t max, const char *what)
{
	struct err e = { 0 };
	uint64_t v;

	if (num_parse(text, min, max, what, &v, &e) < 0)
		usage_die("%s", e.msg);
	return (unsigned)v;
}

static void parse(int argc, char **argv, struct usernet_options *o)
{
	enum { OPT_QEMU = 256, OPT_LISTEN, OPT_SUBNET, OPT_MTU, OPT_LEASES, OPT_FILE, OPT_READY };
	static const struct option options[] = {
		{ "pidfile", required_argument, NULL, 'p' }, { "endpoint", required_argument, NULL, 'e' },
		{ "listen-qemu", required_argument, NULL, OPT_QEMU }, { "listen", required_argument, NULL, OPT_LISTEN },
		{ "subnet", required_argument, NULL, OPT_SUBNET }, { "mtu", required_argument, NULL, OPT_MTU },
		{ "leases", required_argument, NULL, OPT_LEASES }, { "leases-file", required_argument, NULL, OPT_FILE },
		{ "ready-fd", required_argument, NULL, OPT_READY }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+p:e:h", options, NULL)) != -1) {
		switch (c) {
		case 'p': o->pid_file = optarg; break;
		case 'e': o->endpoint = optarg; break;
		case OPT_QEMU: o->listen_qemu = optarg; break;
		case OPT_LISTEN: o->listen_fd = optarg; break;
		case OPT_SUBNET: o->subnet = optarg; break;
		case OPT_MTU: o->mtu = number(optarg, MTU_MIN, MTU_MAX, "--mtu"); break;
		case OPT_LEASES: o->leases = optarg; break;
		case OPT_FILE: o->leases_file = optarg; break;
		case OPT_READY: o->ready_fd = (int)number(optarg, 1, 1023, "--ready-fd"); break;
		case 'h': exit(fputs(usage, stdout) < 0 || fflush(stdout) ? EXIT_IOERR : 0);
		case 'V': exit(puts("lima-usernet " LIMA_VERSION) < 0 || fflush(stdout) ? EXIT_IOERR : 0);
		default: usage_die("wrong option");
		}
	}
	if (optind != argc)
		usage_die("'%s': no arguments are expected", argv[optind]);
}

int main(int argc, char **argv)
{
	struct usernet_options o = { .mtu = MTU_DEFAULT, .ready_fd = -1 };

	err_program(argv[0]);
	parse(argc, argv, &o);
	if (!o.pid_file || !o.endpoint || !o.listen_qemu || !o.listen_fd || !o.subnet)
		usage_die("--pidfile, --endpoint, --listen-qemu, --listen and --subnet are needed");
	return usernet_run(&o);
}
