/* lima-qemu-argv - prints the QEMU command line of an instance, and starts nothing. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "err.h"
#include "file.h"
#include "num.h"
#include "qemu-argv/qemu_argv.h"

static const char usage[] =
	"usage: lima-qemu-argv [--null] [--qmp-fd N] [--agent-fd N] [-o FILE] DIR\n"
	"Prints the QEMU command line of the instance directory DIR, the program first, one token a line.\n"
	"  -0, --null         end each token with a NUL byte instead of a newline\n"
	"      --qmp-fd N     QEMU inherits descriptor N, a listening unix socket, as its QMP socket\n"
	"      --agent-fd N   the same for the socket of the guest agent's port\n"
	"  -o, --output FILE  write FILE, atomically, and only when its content changes\n"
	"  -h, --help         print this text\n"
	"      --version      print the version\n";

#define FD_MIN 3
#define FD_MAX 1023

struct options {
	struct qemu_argv_opts argv;
	const char *output;
	char end;
};

static int parse_fd(const char *text, const char *option)
{
	struct err e = { 0 };
	uint64_t n = 0;

	if (num_parse(text, FD_MIN, FD_MAX, option, &n, &e) < 0)
		usage_die("%s", e.msg);
	return (int)n;
}

static void set(struct options *o, int c)
{
	switch (c) {
	case '0':
		o->end = '\0';
		break;
	case 'q':
		o->argv.qmp_fd = parse_fd(optarg, "--qmp-fd");
		break;
	case 'a':
		o->argv.agent_fd = parse_fd(optarg, "--agent-fd");
		break;
	case 'o':
		o->output = optarg;
		break;
	case 'h':
	case 'v':
		exit(printf("%s", c == 'h' ? usage : "lima-qemu-argv " LIMA_VERSION "\n") < 0);
	default:
		usage_die("wrong option");
	}
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "null", no_argument, NULL, '0' },
		{ "qmp-fd", required_argument, NULL, 'q' },
		{ "agent-fd", required_argument, NULL, 'a' },
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+0o:h", table, NULL)) != -1)
		set(o, c);
	if (argc - optind != 1)
		usage_die("one instance directory is expected");
	o->argv.dir = argv[optind];
	if (!*o->argv.dir)
		usage_die("the instance directory is an empty text");
	if (o->argv.qmp_fd != FD_NONE && o->argv.qmp_fd == o->argv.agent_fd)
		usage_die("--qmp-fd and --agent-fd are the same descriptor");
}

static int join(const struct strv *argv, char end, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < argv->n; i++) {
		if (end == '\n' && strchr(argv->v[i], '\n'))
			return err_set(e, EXIT_BADDATA, "a newline in '%s'; use --null, or remove it", argv->v[i]);
		buf_adds(out, argv->v[i]);
		buf_addc(out, end);
	}
	return 0;
}

static int emit(const struct options *o, const struct strv *argv, struct err *e)
{
	struct buf out = { 0 };
	int r = join(argv, o->end, &out, e);

	if (r == 0 && o->output)
		r = file_write_if_changed(o->output, out.data, out.len, 0644, NULL, e);
	else if (r == 0 && fd_write_all(1, out.data, out.len) < 0)
		r = err_sys(e, EXIT_IOERR, "cannot write to standard output");
	buf_free(&out);
	return r;
}

int main(int argc, char **argv)
{
	struct options o = { .argv = { .qmp_fd = FD_NONE, .agent_fd = FD_NONE }, .end = '\n' };
	struct strv tokens = { 0 }, notes = { 0 };
	struct err e = { 0 };
	int r;

	err_program(argv[0]);
	/* A limit on file sizes is to be an error of write(2). */
	signal(SIGXFSZ, SIG_IGN);
	parse(argc, argv, &o);
	r = qemu_argv_build(&o.argv, &tokens, &notes, &e);
	for (size_t i = 0; i < notes.n; i++)
		warn_msg("%s", notes.v[i]);
	if (r == 0)
		r = emit(&o, &tokens, &e);
	strv_free(&tokens);
	strv_free(&notes);
	return r < 0 ? err_report(&e) : 0;
}
