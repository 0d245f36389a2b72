/* lima-probe - finds out, once per boot, which QEMU there is, what it can do, and whether KVM really works. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "err.h"
#include "file.h"
#include "probe/probe.h"

static const char usage[] =
	"usage: lima-probe [--arch ARCH] [--accel kvm|tcg] [-o FILE]\n"
	"Prints what the QEMU of this machine can do, as key=value lines. The answer is kept until the next boot or\n"
	"until QEMU changes.\n"
	"      --arch ARCH    the guest's architecture: x86_64, aarch64, armv7l, riscv64, ppc64le, s390x\n"
	"                     (default: this machine's)\n"
	"      --accel ACCEL  do not try kvm: the answer is this one\n"
	"  -o, --output FILE  write FILE, atomically, and only when its content changes\n"
	"  -h, --help         print this text\n"
	"      --version      print the version\n";

struct options {
	const struct probe_arch *arch;
	const char *accel, *output;
};

static const struct probe_arch *default_arch(void)
{
	const char *host = probe_host_arch();

	if (!host)
		usage_die("this machine's architecture is unknown; name the guest's with --arch");
	return probe_arch(host);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "arch", required_argument, NULL, 'a' },   { "accel", required_argument, NULL, 'c' },
		{ "output", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },	    { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+o:h", table, NULL)) != -1) {
		if (c == 'a' && !(o->arch = probe_arch(optarg)))
			usage_die("--arch: no architecture '%s'", optarg);
		else if (c == 'c' && strcmp(optarg, "kvm") && strcmp(optarg, "tcg"))
			usage_die("--accel: '%s' is neither kvm nor tcg", optarg);
		else if (c == 'c')
			o->accel = optarg;
		else if (c == 'o')
			o->output = optarg;
		else if (c == 'h' || c == 'v')
			exit(printf("%s", c == 'h' ? usage : "lima-probe " LIMA_VERSION "\n") < 0);
		else if (c == '?')
			usage_die("wrong option");
	}
	if (optind < argc)
		usage_die("'%s': no arguments are expected", argv[optind]);
	if (!o->arch)
		o->arch = default_arch();
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct buf out = { 0 };
	struct err e = { 0 };
	int r;

	err_program(argv[0]);
	/* A limit on file sizes is to be an error of write(2). */
	signal(SIGXFSZ, SIG_IGN);
	parse(argc, argv, &o);
	r = probe_run(o.arch, o.accel, &out, &e);
	if (r == 0 && o.output)
		r = file_write_if_changed(o.output, out.data, out.len, 0644, NULL, &e);
	else if (r == 0 && fd_write_all(1, out.data, out.len) < 0)
		r = err_sys(&e, EXIT_IOERR, "cannot write to standard output");
	buf_free(&out);
	return r < 0 ? err_report(&e) : 0;
}
