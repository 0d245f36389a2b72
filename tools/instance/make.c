/* make - runs the rules of mk/instance.mk inside an instance directory. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "spawn.h"

#define SIGNALLED 128 /* spawn_wait: and the number of the signal */

/* What the make above us put in the environment must not reach the inner one: its goals, its -n or -k, its variables
 * (which it would expand) and its job server are not ours. */
static void forget_outer_make(void)
{
	static const char *const names[] = { "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MAKE_TERMOUT",
					     "MAKE_TERMERR", "MAKEFILES", "GNUMAKEFLAGS" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
}

/* What killed runs left behind; their processes may still have been dying when the run after them looked. */
static void sweep(const struct instance *in)
{
	char *make = instance_path(in, D_MAKE);

	tmp_sweep(in->dir);
	tmp_sweep(make);
	free(make);
}

int step_make(const struct instance *in, const char *goal, struct err *e)
{
	const char *other = getenv("LIMA_MAKE");
	char *make = xstrdup(other && *other ? other : "make"); /* setenv may move what getenv gave */
	char *bin = dirs_bin(e), *share = bin ? dirs_share(e) : NULL;
	struct strv argv = { 0 };
	int status = 0, r = -1;

	if (!share)
		goto out;
	sweep(in);
	setenv("LIMA_BIN", bin, 1);
	setenv("LIMA_SHARE", share, 1);
	setenv("LIMA_HOME", in->home, 1);
	forget_outer_make();
	strv_add(&argv, make);
	if (!make_is_verbose())
		strv_add(&argv, "-s");
	strv_add(&argv, "-j4");
	strv_add(&argv, "--no-print-directory");
	/* As words of their own: GNU make 4.4.1 takes the first f in any word of options for a -f, and crashes. */
	strv_add(&argv, "-C");
	strv_add(&argv, in->dir);
	strv_add(&argv, "-f");
	strv_addf(&argv, "%s/mk/instance.mk", share);
	strv_add(&argv, goal);
	r = make_run(argv.v, &status, e);
	if (r == 0 && status != 0 && e->code)
		r = err_wrap(e, "the instance '%s' could not be built", in->name);
	else if (r == 0 && status > SIGNALLED)
		r = err_set(e, EXIT_UNAVAIL, "the instance '%s' could not be built: %s was ended by signal %d (%s)", in->name, argv.v[0],
			    status - SIGNALLED, strsignal(status - SIGNALLED));
	else if (r == 0 && status != 0)
		r = err_set(e, EXIT_UNAVAIL,
			    "the instance '%s' could not be built; the reason is above: when that is put right, run the same command "
			    "again (V=1 shows each step)", in->name);
out:
	strv_free(&argv);
	free(make);
	free(share);
	free(bin);
	return r;
}
