/* stop, restart, delete, factory-reset. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autostart.h"
#include "file.h"
#include "instance/network.h"
#include "instance_files.h"
#include "life.h"
#include "template.h"

static const struct flag_spec force_flags[] = {
	{ .name = "force", .letter = 'f', .help = "kill the machine instead of shutting it down" },
	{ 0 },
};

static const char *name_of(const struct ctl *c)
{
	return c->args.n ? c->args.v[0] : "default";
}

/* --- stop --- */

static int run_stop(struct ctl *c, struct err *e)
{
	struct instance in;
	int r;

	if (life_open(name_of(c), &in, e) < 0)
		return -1;
	r = instance_lock(&in, e);
	if (r == 0)
		r = life_stop(&in, flag_bool(c->flags, "force"), e);
	instance_close(&in);
	if (r == 0)
		networks_tidy();
	return r;
}

const struct command cmd_stop = {
	.name = "stop",
	.group = GROUP_BASIC,
	.use = "[INST]",
	.summary = "Stop an instance",
	.min_args = 0,
	.max_args = 1,
	.flags = (const struct flag_spec *const[]){ force_flags, NULL },
	.complete = COMPLETE_INSTANCE,
	.run = run_stop,
};

/* --- restart --- */

static const struct flag_spec restart_flags[] = {
	{ .name = "force", .letter = 'f', .help = "kill the machine instead of shutting it down" },
	{ .name = "progress", .help = "tell the steps of the guest's boot too" },
	{ 0 },
};

/* The flags first, so that a wrong one leaves the machine alone. */
static int edit_locked(const struct ctl *c, struct instance *in, struct err *e)
{
	struct strv settings = { 0 };
	bool changed;
	int r = flags_edit_settings(c, true, &settings, e);

	if (r == 0 && settings.n)
		r = description_edit(in, &settings, NULL, &changed, e);
	strv_free(&settings);
	return r;
}

static int run_restart(struct ctl *c, struct err *e)
{
	struct start_options o = { .progress = flag_bool(c->flags, "progress") };
	bool force = flag_bool(c->flags, "force");
	struct instance in;
	enum state state;
	int r;

	if (life_open(name_of(c), &in, e) < 0)
		return -1;
	r = instance_lock(&in, e);
	if (r == 0)
		r = edit_locked(c, &in, e);
	if (r == 0) {
		state = life_state(&in);
		if (force || !strcmp(life_status(state), "Running"))
			r = life_stop(&in, force, e);
		else
			log_warn("expected status `Running`, got %s", q(life_status(state)));
	}
	if (r == 0)
		r = life_start(&in, &o, e);
	instance_close(&in);
	return r;
}

const struct command cmd_restart = {
	.name = "restart",
	.group = GROUP_BASIC,
	.use = "[INST]",
	.summary = "Stop an instance and start it again",
	.min_args = 0,
	.max_args = 1,
	.flags = (const struct flag_spec *const[]){ restart_flags, flags_set_e, NULL },
	.complete = COMPLETE_INSTANCE,
	.run = run_restart,
};

/* --- delete --- */

static const struct flag_spec delete_flags[] = {
	{ .name = "force", .letter = 'f', .help = "kill running machines first" },
	{ 0 },
};

static int must_not_be_protected(const struct instance *in, const char *what, struct err *e)
{
	char *path = instance_path(in, F_PROTECTED);
	bool is_protected = path_exists(path);

	free(path);
	if (!is_protected)
		return 0;
	return err_set(e, EXIT_NO, "failed to %s instance %s: instance is protected to prohibit accidental removal (Hint: use "
		       "`limactl unprotect`)", what, q(in->name));
}

static int delete_locked(struct instance *in, bool force, struct err *e)
{
	enum state state = life_state(in);
	struct err why = { 0 };

	if (must_not_be_protected(in, "delete", e) < 0)
		return -1;
	if (!force && strcmp(life_status(state), "Stopped") != 0)
		return err_set(e, EXIT_NO, "failed to delete instance %s: expected status `Stopped`, got %s", q(in->name),
			       q(life_status(state)));
	if (force && life_stop(in, true, e) < 0)
		return -1;
	if (autostart_unregister(in->name, &why) < 0)
		log_warn("The autostart entry for instance %s stays: %s", q(in->name), why.msg);
	if (step_delete(in, e) < 0)
		return err_wrap(e, "failed to delete instance %s", q(in->name));
	log_info("Deleted %s (%s)", q(in->name), q(in->dir));
	return 0;
}

/* What is no instance is told in *errors, and the others go on. */
static int delete_one(const char *name, bool force, struct buf *errors, struct err *e)
{
	struct instance in;
	int r = 0;

	if (instance_open(name, &in, e) < 0)
		return -1;
	if (!path_exists(in.dir)) {
		log_warn("Ignoring non-existent instance %s", q(name));
	} else if (!instance_exists(&in)) {
		buf_addf(errors, "%sinstance %s directory %s exists but its %s could not be read; remove the directory by hand if nothing "
			 "in it is needed", errors->len ? "\n" : "", q(name), q(in.dir), q(F_LIMA_YAML));
	} else {
		r = instance_lock(&in, e);
		if (r == 0)
			r = delete_locked(&in, force, e);
	}
	instance_close(&in);
	if (r == 0)
		networks_tidy();
	return r;
}

static int run_delete(struct ctl *c, struct err *e)
{
	bool force = flag_bool(c->flags, "force");
	struct buf errors = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->args.n; i++)
		r = delete_one(c->args.v[i], force, &errors, e);
	if (r == 0 && errors.len)
		r = err_set(e, EXIT_NO, "%s", buf_str(&errors));
	buf_free(&errors);
	return r;
}

const struct command cmd_delete = {
	.name = "delete",
	.aliases = "remove rm",
	.group = GROUP_BASIC,
	.use = "INST...",
	.summary = "Delete instances with their disks",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.flags = (const struct flag_spec *const[]){ delete_flags, NULL },
	.complete = COMPLETE_INSTANCE,
	.run = run_delete,
};

/* --- factory-reset --- */

static bool kept(const char *name)
{
	static const char *const names[] = { ".", "..", F_LIMA_VERSION, F_PROTECTED, "vz-identifier" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return (n > 5 && !strcmp(name + n - 5, ".yaml")) || (n > 4 && !strcmp(name + n - 4, ".yml"));
}

/* Removes what the machine became; what the build made goes whole, other folders only when they are empty. */
static void remove_entry(const struct instance *in, const char *name)
{
	char *path = instance_path(in, name);
	struct err why = { 0 };
	struct stat st;

	log_info("Removing %s", q(path));
	if (!strcmp(name, D_MAKE)) {
		if (dir_remove(path, &why) < 0)
			log_error("%s", why.msg);
	} else if (lstat(path, &st) == 0 && (S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path)) < 0) {
		log_error("failed to remove %s: %s", q(path), strerror(errno));
	}
	free(path);
}

static int reset_locked(struct instance *in, struct err *e)
{
	struct dirent **entry = NULL;
	int n;

	if (must_not_be_protected(in, "factory reset", e) < 0 || machine_kill(in, e) < 0)
		return -1;
	n = scandir(in->dir, &entry, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (!kept(entry[i]->d_name))
			remove_entry(in, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	if (n < 0)
		return err_sys(e, EXIT_NO, "cannot read %s", in->dir);
	if (step_render(in, e) < 0)
		return -1;
	log_info("Instance %s has been factory reset", q(in->name));
	return 0;
}

static int run_reset(struct ctl *c, struct err *e)
{
	struct instance in;
	int r = 0;

	if (instance_open(name_of(c), &in, e) < 0)
		return -1;
	if (!instance_exists(&in)) {
		log_info("Instance %s not found", q(in.name));
	} else {
		r = instance_lock(&in, e);
		if (r == 0)
			r = reset_locked(&in, e);
	}
	instance_close(&in);
	if (r == 0)
		networks_tidy();
	return r;
}

const struct command cmd_factory_reset = {
	.name = "factory-reset",
	.group = GROUP_ADVANCED,
	.use = "[INST]",
	.summary = "Put an instance back to the state before its first start",
	.text = "The disk and everything else that the machine became is removed. Its lima.yaml stays.",
	.min_args = 0,
	.max_args = 1,
	.complete = COMPLETE_INSTANCE,
	.run = run_reset,
};
