/* lima-hostagent - runs and supervises the machine of one instance until it ends; see man/lima-hostagent.8. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "hostagent/agent.h"
#include "hostagent/dns/dns_serve.h"
#include "hostagent/log.h"
#include "num.h"

#define QMP_TIMEOUT_S 60
#define STOP_TIMEOUT_S 180
#define TIMEOUT_MAX_S 86400

static const char usage[] =
	"usage: lima-hostagent [--debug] [--notify-fd N] [--qmp-timeout S] [--stop-timeout S] [--auto-started UNIT] DIR\n"
	"       lima-hostagent --dns UDPPORT[:TCPPORT] [--ipv6] [--host NAME=VALUE]...\n"
	"Runs the machine of the instance directory DIR and supervises it until it ends.\n"
	"With --dns: serves its resolver on 127.0.0.1, for tests of names.\n"
	"\n"
	"  --debug           log more\n"
	"  --notify-fd N     write \"ok\" or \"error CODE MESSAGE\" to descriptor N when the start is decided\n"
	"  --qmp-timeout S   seconds until QEMU must answer (default 60)\n"
	"  --stop-timeout S  seconds that a guest has for powering off (default 180)\n"
	"  --auto-started UNIT  the unit of the service manager that starts this, for /v1/info\n"
	"  --dns PORTS       the UDP port and, behind a colon, the TCP port; 0: a free one\n"
	"  --ipv6            answer with IPv6 addresses too\n"
	"  --host NAME=VALUE an address, or another name, for NAME\n"
	"  --help --version\n"
	"\n"
	"Events go to standard output, the log to standard error, both as JSON lines. DIR/ha.sock answers questions.\n";

static int number(const char *text, uint64_t min, uint64_t max, const char *what)
{
	struct err e = { 0 };
	uint64_t v;

	if (num_parse(text, min, max, what, &v, &e) < 0)
		usage_die("%s", e.msg);
	return (int)v;
}

static uint16_t port(const char *text)
{
	return (uint16_t)number(text, 0, 65535, "--dns");
}

static bool parse_ports(char *text, struct dns_serve_options *o)
{
	char *tcp = strchr(text, ':');

	if (tcp) {
		*tcp++ = '\0';
		o->tcp = true;
		o->tcp_port = port(tcp);
	}
	o->udp_port = port(text);
	return true;
}

int main(int argc, char **argv)
{
	enum { OPT_NOTIFY = 256, OPT_QMP, OPT_STOP, OPT_AUTO, OPT_DNS, OPT_HOST };
	static const struct option options[] = {
		{ "debug", no_argument, NULL, 'd' },
		{ "notify-fd", required_argument, NULL, OPT_NOTIFY },
		{ "qmp-timeout", required_argument, NULL, OPT_QMP },
		{ "stop-timeout", required_argument, NULL, OPT_STOP },
		{ "dns", required_argument, NULL, OPT_DNS },
		{ "ipv6", no_argument, NULL, '6' },
		{ "host", required_argument, NULL, OPT_HOST },
		{ "auto-started", required_argument, NULL, OPT_AUTO },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct agent_options opt = { .notify_fd = -1, .qmp_timeout_s = QMP_TIMEOUT_S, .stop_timeout_s = STOP_TIMEOUT_S };
	struct dns_serve_options dns = { 0 };
	bool serve = false;
	int c;

	err_program(argv[0]);
	while ((c = getopt_long(argc, argv, "+h6", options, NULL)) != -1) {
		if (c == 'd')
			log_debug_on(true);
		else if (c == OPT_NOTIFY)
			opt.notify_fd = number(optarg, 3, 1023, "--notify-fd");
		else if (c == OPT_QMP)
			opt.qmp_timeout_s = number(optarg, 1, TIMEOUT_MAX_S, "--qmp-timeout");
		else if (c == OPT_STOP)
			opt.stop_timeout_s = number(optarg, 1, TIMEOUT_MAX_S, "--stop-timeout");
		else if (c == OPT_DNS)
			serve = parse_ports(optarg, &dns);
		else if (c == '6')
			dns.ipv6 = true;
		else if (c == OPT_HOST)
			strv_add(&dns.hosts, optarg);
		else if (c == OPT_AUTO)
			opt.auto_started = optarg;
		else if (c == 'h')
			return fputs(usage, stdout) < 0 || fflush(stdout) ? EXIT_IOERR : 0;
		else if (c == 'V')
			return printf("lima-hostagent %s\n", LIMA_VERSION) < 0 || fflush(stdout) ? EXIT_IOERR : 0;
		else
			usage_die("wrong option");
	}
	if (serve && argc != optind)
		usage_die("--dns needs no directory");
	if (serve)
		return dns_serve(&dns);
	if (dns.ipv6 || dns.hosts.n)
		usage_die("--ipv6 and --host belong to --dns");
	if (argc - optind != 1)
		usage_die("exactly one instance directory is needed");
	return agent_run(argv[optind], &opt);
}
