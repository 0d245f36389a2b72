/* clone, rename. Source: spec/cli.md section 8.15. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "instance/clone.h"
#include "instance_files.h"
#include "life.h"
#include "name.h"
#include "template.h"

static const struct flag_spec flags[] = {
	{ .name = "start", .help = "start the new instance" },
	{ 0 },
};

/* Both, in an order that cannot lock two commands against each other. */
static int lock_both(struct instance *a, struct instance *b, struct err *e)
{
	bool first = strcmp(a->name, b->name) < 0;

	return instance_lock(first ? a : b, e) < 0 || instance_lock(first ? b : a, e) < 0 ? -1 : 0;
}

static int check(const struct instance *old, const struct instance *new, const char *verb, struct err *e)
{
	enum state state;

	if (!instance_exists(old))
		return err_set(e, EXIT_NO, "instance %s not found", q(old->name));
	if (path_exists(new->dir))
		return err_set(e, EXIT_NO, "instance %s already exists", q(new->name));
	state = life_state(old);
	if (state != ST_STOPPED)
		return err_set(e, EXIT_NO, "cannot %s a running instance", verb);
	return 0;
}

/* A copy that could not be finished is taken away; what was renamed gets its name back. */
static void undo(const struct instance *old, const struct instance *new, bool rename)
{
	struct err why = { 0 };

	if (!rename)
		dir_remove(new->dir, &why);
	else if (instance_rename(new, old, &why) == 0)
		step_render(old, &why);
	if (why.code)
		log_error("%s", why.msg);
}

static int make_new(const struct instance *old, const struct instance *new, bool rename, const struct strv *settings, struct err *e)
{
	bool changed;
	int r = rename ? instance_rename(old, new, e) : instance_clone(old, new, e);

	if (r < 0)
		return -1;
	if (settings->n)
		r = description_edit(new, settings, NULL, &changed, e);
	if (r == 0)
		r = step_render(new, e);
	if (r < 0)
		undo(old, new, rename);
	return r;
}

static int start_new(struct ctl *c, struct instance *in, struct err *e)
{
	const struct start_options o = { 0 };
	bool start = flag_bool(c->flags, "start");

	if (!flag_given(c->flags, "start") && can_ask(c))
		start = ask_yes("Do you want to start the instance now?", true);
	return start ? life_start(in, &o, e) : 0;
}

static int run(struct ctl *c, bool rename, struct err *e)
{
	struct instance old = { .lock = { -1 } }, new = { .lock = { -1 } };
	struct strv settings = { 0 };
	int r = flags_edit_settings(c, true, &settings, e);

	if (r == 0 && !strcmp(c->args.v[0], c->args.v[1]))
		r = err_set(e, EXIT_NO, "instance %s already exists", q(c->args.v[1]));
	if (r == 0)
		r = life_check_name(c->args.v[1], e);
	if (r == 0)
		r = life_check_path(c->args.v[1], e);
	if (r == 0)
		r = instance_open(c->args.v[0], &old, e);
	if (r == 0)
		r = instance_open(c->args.v[1], &new, e);
	if (r == 0)
		r = lock_both(&old, &new, e);
	if (r == 0)
		r = check(&old, &new, rename ? "rename" : "clone", e);
	if (r == 0)
		r = make_new(&old, &new, rename, &settings, e);
	lock_release(&old.lock);
	if (r == 0)
		r = start_new(c, &new, e);
	strv_free(&settings);
	instance_close(&old);
	instance_close(&new);
	return r;
}

static int run_clone(struct ctl *c, struct err *e)
{
	return run(c, false, e);
}

static int run_rename(struct ctl *c, struct err *e)
{
	return run(c, true, e);
}

const struct command cmd_clone = {
	.name = "clone",
	.group = GROUP_ADVANCED,
	.use = "OLD NEW",
	.summary = "Make a copy of a stopped instance, disk included",
	.text = "The copy has its own name, host key and network addresses. Flags change its template.",
	.min_args = 2,
	.max_args = 2,
	.flags = (const struct flag_spec *const[]){ flags, flags_set_e, NULL },
	.complete = COMPLETE_INSTANCE,
	.run = run_clone,
};

const struct command cmd_rename = {
	.name = "rename",
	.group = GROUP_ADVANCED,
	.use = "OLD NEW",
	.summary = "Give a stopped instance another name",
	.min_args = 2,
	.max_args = 2,
	.flags = (const struct flag_spec *const[]){ flags, flags_set_e, NULL },
	.complete = COMPLETE_INSTANCE,
	.run = run_rename,
};
