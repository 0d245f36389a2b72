/* lima-mkiso - a directory as an ISO 9660 image whose bytes depend on its files' names, contents and x bits only. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "file.h"
#include "mkiso/files.h"
#include "mkiso/iso.h"
#include "num.h"

static const char usage[] =
	"usage: lima-mkiso [-V LABEL] [--joliet] [-o FILE] DIR\n"
	"Makes an ISO 9660 image with Rock Ridge names from the directory DIR. The same files give the same bytes.\n"
	"  -V, --label LABEL  the volume's label (default: cidata)\n"
	"      --joliet       add Joliet names\n"
	"  -o, --output FILE  write FILE, atomically, readable by its owner only (default: standard output)\n"
	"  -h, --help         print this text\n"
	"      --version      print the version\n"
	"All dates in the image are $SOURCE_DATE_EPOCH, when that is set, else a constant.\n";

struct options {
	struct iso_opts iso;
	const char *output, *dir;
};

static time_t fixed_date(void)
{
	const char *env = getenv("SOURCE_DATE_EPOCH");
	struct err e = { 0 };
	uint64_t n = DATE_DEFAULT;

	if (env && *env && num_parse(env, 0, DATE_MAX, "SOURCE_DATE_EPOCH", &n, &e) < 0)
		usage_die("%s", e.msg);
	return (time_t)n;
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "label", required_argument, NULL, 'V' },  { "joliet", no_argument, NULL, 'j' },
		{ "output", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },	    { 0 },
	};
	struct err e = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "+V:o:h", table, NULL)) != -1) {
		if (c == 'V')
			o->iso.label = optarg;
		else if (c == 'j')
			o->iso.joliet = true;
		else if (c == 'o')
			o->output = optarg;
		else if (c == 'h' || c == 'v')
			exit(printf("%s", c == 'h' ? usage : "lima-mkiso " LIMA_VERSION "\n") < 0);
		else
			usage_die("wrong option");
	}
	if (argc - optind != 1)
		usage_die("one directory is expected");
	o->dir = argv[optind];
	if (iso_check_label(o->iso.label, o->iso.joliet, &e) < 0)
		usage_die("%s", e.msg);
	if (!o->output && isatty(1))
		usage_die("standard output is a terminal; name a file with -o");
}

/* What a killed run has left beside the output. */
static void sweep(const char *output)
{
	const char *slash = strrchr(output, '/');
	char *dir = slash ? xstrndup(output, (size_t)(slash - output) + 1) : xstrdup(".");

	tmp_sweep(dir);
	free(dir);
}

static int to_file(const struct options *o, const struct files *f, struct err *e)
{
	struct tmpfile t;

	sweep(o->output);
	if (file_begin(o->output, &t, e) < 0)
		return -1;
	if (iso_write(f, &o->iso, t.fd, o->output, e) < 0) {
		file_abort(&t);
		return -1;
	}
	return file_commit(&t, 0600, e);
}

static int run(const struct options *o, struct err *e)
{
	struct stat out;
	struct files f;
	bool exists = o->output && stat(o->output, &out) == 0;
	int r = files_read(o->dir, exists ? &out : NULL, &f, e);

	if (r == 0)
		r = o->output ? to_file(o, &f, e) : iso_write(&f, &o->iso, 1, "standard output", e);
	files_free(&f);
	return r;
}

int main(int argc, char **argv)
{
	struct options o = { .iso = { .label = "cidata" } };
	struct err e = { 0 };

	err_program(argv[0]);
	/* A limit on file sizes is to be an error of write(2), after which the temporary file can be removed. */
	signal(SIGXFSZ, SIG_IGN);
	o.iso.date = fixed_date();
	parse(argc, argv, &o);
	return run(&o, &e) < 0 ? err_report(&e) : 0;
}
