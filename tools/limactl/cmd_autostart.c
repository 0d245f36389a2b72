/* limactl autostart enable|disable, and the older start-at-login. */
#include <stdlib.h>
#include <string.h>

#include "autostart.h"
#include "command.h"
#include "instance/instance.h"

static int find(const char *name, bool *there, struct err *e)
{
	struct instance in;

	if (instance_open(name, &in, e) < 0)
		return -1;
	*there = instance_exists(&in);
	instance_close(&in);
	return 0;
}

static const struct flag_spec enable_flags[] = {
	{ .name = "condition", .type = FLAG_STRING, .value = "login", .help = "when to start it: login", .words = "login",
	  .complete = COMPLETE_WORDS },
	{ .name = "user", .type = FLAG_STRING, .help = "start it for this user (macOS only)" },
	{ 0 },
};
static const struct flag_spec *const enable_tables[] = { enable_flags, NULL };

static int must_exist(const char *name, struct err *e)
{
	bool there = false;

	if (find(name, &there, e) < 0)
		return -1;
	return there ? 0 : err_set(e, EXIT_NO, "instance %s not found", qq(name));
}

static int run_enable(struct ctl *c, struct err *e)
{
	const char *name = c->args.v[0], *condition = flag_string(c->flags, "condition");
	bool existed;

	if (!strcmp(condition, "boot"))
		return err_set(e, EXIT_NO, "--condition=boot is only supported on macOS");
	if (strcmp(condition, "login") != 0)
		return err_set(e, EXIT_NO, "unknown condition %s, must be login", q(condition));
	if (flag_given(c->flags, "user"))
		return err_set(e, EXIT_NO, "--user belongs to --condition=boot, which is only supported on macOS");
	if (must_exist(name, e) < 0 || autostart_supported(e) < 0 || autostart_register(name, &existed, e) < 0)
		return -1;
	log_info("Instance %s registered to start at login", q(name));
	return 0;
}

static int run_disable(struct ctl *c, struct err *e)
{
	const char *name = c->args.v[0];

	if (must_exist(name, e) < 0 || autostart_supported(e) < 0)
		return -1;
	if (!autostart_registered(name)) {
		log_info("Instance %s is not registered for automatic startup", q(name));
		return 0;
	}
	if (autostart_unregister(name, e) < 0)
		return -1;
	log_info("Instance %s unregistered from start at login", q(name));
	return 0;
}

static const struct command enable = {
	.name = "enable",
	.use = "INSTANCE",
	.summary = "Start an instance when you log in",
	.text = "Writes the unit lima-vm@INSTANCE.service of the user's systemd and enables it.",
	.min_args = 1,
	.max_args = 1,
	.flags = enable_tables,
	.complete = COMPLETE_INSTANCE,
	.run = run_enable,
};

static const struct command disable = {
	.name = "disable",
	.use = "INSTANCE",
	.summary = "Start it by hand again",
	.min_args = 1,
	.max_args = 1,
	.complete = COMPLETE_INSTANCE,
	.run = run_disable,
};

static const struct command *const autostart_sub[] = { &enable, &disable, NULL };

const struct command cmd_autostart = {
	.name = "autostart",
	.group = GROUP_ADVANCED,
	.summary = "Start instances when you log in (needs systemd)",
	.sub = autostart_sub,
};

/* --- start-at-login --- */

static const struct flag_spec login_flags[] = {
	{ .name = "enabled", .value = "true", .help = "whether it starts at login" },
	{ 0 },
};
static const struct flag_spec *const login_tables[] = { login_flags, NULL };

static int login_off(const char *name, struct err *e)
{
	if (!autostart_registered(name)) {
		log_info("The autostart entry for instance %s is not registered", q(name));
		return 0;
	}
	if (autostart_unregister(name, e) < 0)
		return -1;
	log_info("The autostart entry for instance %s has been unregistered", q(name));
	return 0;
}

static int run_login(struct ctl *c, struct err *e)
{
	const char *name = c->args.n ? c->args.v[0] : "default";
	bool there = false, existed = false;

	if (find(name, &there, e) < 0)
		return -1;
	if (!there) {
		log_info("Instance %s not found", q(name));
		return 0;
	}
	if (autostart_supported(e) < 0)
		return -1;
	if (!flag_bool(c->flags, "enabled"))
		return login_off(name, e);
	if (autostart_register(name, &existed, e) < 0)
		return -1;
	log_info("The autostart entry for instance %s has been %s", q(name), existed ? "updated" : "created");
	return 0;
}

const struct command cmd_start_at_login = {
	.name = "start-at-login",
	.group = GROUP_ADVANCED,
	.use = "[INSTANCE]",
	.summary = "Start an instance when you log in, or not",
	.max_args = 1,
	.flags = login_tables,
	.complete = COMPLETE_INSTANCE,
	.deprecated = "use `limactl autostart` instead",
	.run = run_login,
};
