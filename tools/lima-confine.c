/* lima-confine - runs a program that can reach one folder and nothing else, whatever it is asked for. The host agent starts
 * the servers of shared folders with it: a guest that has been taken over decides what those are asked for. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"
#include "confine/confine.h"
#include "err.h"

static const char usage[] =
	"usage: lima-confine [OPTION]... DIR PROGRAM [ARG]...\n"
	"Runs PROGRAM where the file system holds DIR, under its own name, and what PROGRAM is loaded from.\n"
	"  -r, --read-only    DIR cannot be changed either\n"
	"  -k, --keep-root    all else stays as it is; with --read-only, DIR alone cannot be changed\n"
	"  -h, --help         print this text\n"
	"      --version      print the version\n"
	"Exits with 69 when this system cannot do it, 1 when there is no DIR, and nothing was run; else as PROGRAM does.\n";

static void parse(int argc, char **argv, struct confine *c)
{
	static const struct option table[] = {
		{ "read-only", no_argument, NULL, 'r' }, { "keep-root", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },	 { "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "+rkh", table, NULL)) != -1) {
		switch (o) {
		case 'r': c->read_only = true; break;
		case 'k': c->keep_root = true; break;
		case 'h': exit(fputs(usage, stdout) < 0);
		case 'v': exit(puts("lima-confine " LIMA_VERSION) < 0);
		default: usage_die("wrong option");
		}
	}
	if (argc - optind < 2)
		usage_die("a folder and a program are expected");
	c->dir = argv[optind];
	if (c->dir[0] != '/')
		usage_die("'%s' is not an absolute path", c->dir);
}

int main(int argc, char **argv)
{
	struct strv files = { 0 };
	struct confine c = { .files = &files };
	struct err e = { 0 };

	err_program(argv[0]);
	parse(argc, argv, &c);
	if (!c.keep_root && confine_needs(argv[optind + 1], &files, &e) < 0)
		return err_report(&e);
	if (confine_enter(&c, &e) < 0)
		return err_report(&e);
	execvp(files.n ? files.v[0] : argv[optind + 1], argv + optind + 1);
	err_sys(&e, EXIT_UNAVAIL, "cannot run %s", argv[optind + 1]);
	return err_report(&e);
}
