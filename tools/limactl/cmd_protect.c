/* limactl protect, unprotect: a mark that delete and factory-reset respect. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "file.h"
#include "instance/instance.h"
#include "instance_files.h"

/* Whether the instance was left as it was is no error; *e is what went wrong. */
static int mark(const char *name, bool on, struct err *e)
{
	struct instance in;
	char *path;
	bool is;
	int r = 0;

	if (instance_open(name, &in, e) < 0)
		return err_wrap(e, "failed to inspect instance %s", q(name));
	path = instance_path(&in, F_PROTECTED);
	is = path_exists(path);
	if (!instance_exists(&in))
		r = err_set(e, EXIT_NO, "failed to inspect instance %s: open %s/" F_LIMA_YAML ": no such file or directory",
			    q(name), in.dir);
	else if (on && is)
		log_warn("Instance %s is already protected. Skipping.", q(name));
	else if (!on && !is)
		log_warn("Instance %s isn't protected. Skipping.", q(name));
	else if (on)
		r = file_write(path, "", 0, 0400, e);
	else if (unlink(path) < 0)
		r = err_sys(e, EXIT_IOERR, "failed to unprotect instance %s", q(name));
	if (r == 0 && on != is)
		log_info("%s %s", on ? "Protected" : "Unprotected", q(name));
	free(path);
	instance_close(&in);
	return r;
}

/* All of them; what failed is told together. */
static int mark_all(const struct ctl *c, bool on, struct err *e)
{
	struct buf failed = { 0 };
	int r = 0;

	for (size_t i = 0; i < c->args.n; i++) {
		struct err why = { 0 };

		if (mark(c->args.v[i], on, &why) < 0)
			buf_addf(&failed, "%s%s", failed.len ? "\n" : "", why.msg);
	}
	if (failed.len)
		r = err_set(e, EXIT_NO, "%s", failed.data);
	buf_free(&failed);
	return r;
}

static int run_protect(struct ctl *c, struct err *e)
{
	return mark_all(c, true, e);
}

static int run_unprotect(struct ctl *c, struct err *e)
{
	return mark_all(c, false, e);
}

const struct command cmd_protect = {
	.name = "protect",
	.group = GROUP_ADVANCED,
	.use = "INSTANCE [INSTANCE, ...]",
	.summary = "Protect instances from being deleted by accident",
	.text = "`limactl delete` and `limactl factory-reset` refuse a protected instance, even with --force, until\n"
		"`limactl unprotect`.",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.complete = COMPLETE_INSTANCE,
	.run = run_protect,
};

const struct command cmd_unprotect = {
	.name = "unprotect",
	.group = GROUP_ADVANCED,
	.use = "INSTANCE [INSTANCE, ...]",
	.summary = "Allow deleting protected instances again",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.complete = COMPLETE_INSTANCE,
	.run = run_unprotect,
};
