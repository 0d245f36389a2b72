/* lima-fetch - brings images and other large files: from the cache, the network, a local file or a recipe.
 *
 * The parts: fetch/get.c decides where a location's content comes from, download.c and http.c fetch it, recipe.c
 * builds it, entry.c and stamp.c are the cache, place.c and unpack.c make the file that was asked for, instance.c does
 * all that for an instance directory. /
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "err.h"
#include "fetch/extra.h"
#include "fetch/get.h"
#include "fetch/instance.h"
#include "fetch/intr.h"
#include "fetch/prune.h"
#include "num.h"
#include "oswatch.h"

static const char usage[] =
	"usage: lima-fetch [OPTION]... LOCATION              fill the cache and print the path of the data\n"
	"       lima-fetch [OPTION]... -o FILE LOCATION      put the verified, decompressed data there\n"
	"       lima-fetch [OPTION]... --instance DIR        make DIR/basedisk, kernel, kernel.cmdline, initrd\n"
	"       lima-fetch [OPTION]... --instance DIR --list NAME -o FILE\n"
	"                                                    the first of a list in DIR/.make/image.conf: nerdctl, firmware\n"
	"       lima-fetch --prune [--keep-referred]         empty the cache\n"
	"       lima-fetch --help | --version\n"
	"\n"
	"LOCATION is http://..., https://..., file:///PATH, PATH or recipe:NAME.\n"
	"  --digest ALG:HEX   what the data must have; ALG is sha256, sha384 or sha512\n"
	"  --offline          use the cache only\n"
	"  -o, --output FILE  where to put the data\n"
	"  --no-decompress    leave .gz, .bz2, .xz and .zst as they are\n"
	"  --arch ARCH        for a recipe: x86_64, aarch64, ... (default: this machine's)\n"
	"  --max-size SIZE    refuse what is larger (default 64GiB)\n"
	"  --retries N        how often to try again after an error that may pass (default 4)\n"
	"  --timeout SECONDS  take a connection that sends next to nothing as broken after that time (default 30)\n"
	"  -q, --quiet        no progress, no notes; errors only\n"
	"  --keep-referred    with --prune: keep what an instance's images name\n"
	"  --keep FILE        with --keep-referred: and these, lines of \"ARCH LOCATION\"\n";

struct options {
	struct session se;
	struct digest digest;
	const char *output, *instance, *list, *location, *keep;
	bool has_digest, keep_packed, prune, keep_referred;
};

enum { OPT_DIGEST = 256, OPT_OFFLINE, OPT_KEEP_PACKED, OPT_ARCH, OPT_MAX_SIZE, OPT_RETRIES, OPT_TIMEOUT, OPT_INSTANCE,
       OPT_LIST, OPT_PRUNE, OPT_KEEP_REFERRED, OPT_KEEP, OPT_HELP, OPT_VERSION };

static const struct option longs[] = {
	{ "digest", required_argument, NULL, OPT_DIGEST },
	{ "offline", no_argument, NULL, OPT_OFFLINE },
	{ "output", required_argument, NULL, 'o' },
	{ "no-decompress", no_argument, NULL, OPT_KEEP_PACKED },
	{ "arch", required_argument, NULL, OPT_ARCH },
	{ "max-size", required_argument, NULL, OPT_MAX_SIZE },
	{ "retries", required_argument, NULL, OPT_RETRIES },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "quiet", no_argument, NULL, 'q' },
	{ "instance", required_argument, NULL, OPT_INSTANCE },
	{ "list", required_argument, NULL, OPT_LIST },
	{ "prune", no_argument, NULL, OPT_PRUNE },
	{ "keep-referred", no_argument, NULL, OPT_KEEP_REFERRED },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static unsigned number_option(const char *name, const char *text, uint64_t min, uint64_t max)
{
	struct err e = { 0 };
	uint64_t v = 0;

	if (num_parse(text, min, max, name, &v, &e) < 0)
		usage_die("%s", e.msg);
	return (unsigned)v;
}

static uint64_t size_option(const char *text)
{
	struct err e = { 0 };
	uint64_t v = 0;

	if (size_parse(text, "--max-size", &v, &e) < 0)
		usage_die("%s", e.msg);
	if (v == 0)
		usage_die("--max-size: must not be 0");
	return v;
}

static void set_digest(struct options *o, const char *text)
{
	struct err e = { 0 };

	if (digest_parse(text, &o->digest, &e) < 0)
		usage_die("%s", e.msg);
	o->has_digest = true;
}

static int print_and_exit(const char *text)
{
	exit(fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_IOERR : 0);
}

static void set_option(struct options *o, int c)
{
	switch (c) {
	case OPT_DIGEST: set_digest(o, optarg); break;
	case OPT_OFFLINE: o->se.offline = true; break;
	case 'o': o->output = optarg; break;
	case OPT_KEEP_PACKED: o->keep_packed = true; break;
	case OPT_ARCH: o->se.arch = optarg; break;
	case OPT_MAX_SIZE: o->se.max_size = size_option(optarg); break;
	case OPT_RETRIES: o->se.retries = number_option("--retries", optarg, 0, 100); break;
	case OPT_TIMEOUT: o->se.stall_s = number_option("--timeout", optarg, 1, 3600); break;
	case 'q': o->se.quiet = true; break;
	case OPT_INSTANCE: o->instance = optarg; break;
	case OPT_LIST: o->list = optarg; break;
	case OPT_PRUNE: o->prune = true; break;
	case OPT_KEEP_REFERRED: o->keep_referred = true; break;
	case OPT_KEEP: o->keep = optarg; break;
	case OPT_HELP: print_and_exit(usage); break;
	case OPT_VERSION: print_and_exit("lima-fetch " LIMA_VERSION "\n"); break;
	default: break; /* getopt_long gives no other */
	}
}

/* One of three things to do, with the options that belong to it. */
static void check_options(const struct options *o)
{
	bool single = o->output || o->has_digest || o->keep_packed;

	if (o->prune + (o->instance != NULL) + (o->location != NULL) != 1)
		usage_die("expected one of LOCATION, --instance DIR and --prune");
	if (o->list && !(o->instance && o->output))
		usage_die("--list needs --instance DIR and --output FILE");
	if (single && !o->location && !o->list)
		usage_die("--output, --digest and --no-decompress need a LOCATION");
	if (o->keep_referred && !o->prune)
		usage_die("--keep-referred belongs to --prune");
	if (o->keep && !o->keep_referred)
		usage_die("--keep belongs to --keep-referred");
	if (o->output && !*o->output)
		usage_die("--output: the name is empty");
}

static void read_options(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "+:o:q", longs, NULL)) != -1) {
		if (c == '?')
			usage_die("unknown option '%s'", argv[optind - 1]);
		if (c == ':')
			usage_die("option '%s' needs a value", argv[optind - 1]);
		set_option(o, c);
	}
	if (optind < argc)
		o->location = argv[optind++];
	if (optind < argc)
		usage_die("unexpected argument '%s'", argv[optind]);
	check_options(o);
}

static int fetch_one(struct options *o, struct err *e)
{
	struct place how = { .decompress = !o->keep_packed, .quiet = o->se.quiet, .max_size = o->se.max_size };
	struct got g;
	int r;

	if (get_location(&o->se, o->location, o->has_digest ? &o->digest : NULL, &g, e) < 0)
		return -1;
	if (o->output)
		r = place(&g.data, o->output, &how, e);
	else
		r = puts(g.data.path) < 0 || fflush(stdout) != 0 ? err_sys(e, EXIT_IOERR, "cannot write the path") : 0;
	got_free(&g);
	return r;
}

/* What the configuration calls this machine. */
static const char *machine(const struct utsname *u)
{
	return !strcmp(u->machine, "arm64") ? "aarch64" : u->machine;
}

int main(int argc, char **argv)
{
	struct options o = { .se = { .max_size = FETCH_SIZE_MAX, .stall_s = FETCH_STALL_S, .retries = FETCH_RETRIES } };
	struct utsname u = { 0 };
	struct err e = { 0 };
	int r;

	/* What we inherited and do not know: the shell in the programs that build images cannot do with numbers of two digits. */
	fds_close_all(-1);
	err_program(argv[0]);
	read_options(argc, argv, &o);
	umask(022); /* what is private gets its mode explicitly; a stricter mask would lock us out of our own folders */
	uname(&u);
	if (!o.se.arch)
		o.se.arch = machine(&u);
	intr_install();
	if (o.list)
		r = extra_fetch(&o.se, o.instance, o.list, o.output, !o.keep_packed, &e);
	else if (o.prune)
		r = prune(o.keep_referred, o.keep, o.se.quiet, &e);
	else
		r = o.instance ? instance_fetch(&o.se, o.instance, &e) : fetch_one(&o, &e);
	strv_free(&o.se.dead);
	strv_free(&o.se.dead_why);
	if (r < 0)
		r = err_report(&e);
	intr_exit();
	return r;
}
