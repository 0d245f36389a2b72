/* create, start. */
#include <stdlib.h>

#include "create.h"
#include "life.h"

static int run_create(struct ctl *c, struct err *e)
{
	struct plan_for p;
	int status;

	if (create_listed(c, &status, e))
		return status;
	status = create_plan(c, false, &p, e);
	if (status == 0)
		status = create_instance(&p, e);
	if (status == 0)
		log_info("Run `limactl start %s` to start the instance.", p.in.name);
	create_plan_free(&p);
	return status;
}

const struct command cmd_create = {
	.name = "create",
	.group = GROUP_BASIC,
	.use = "[FILE.yaml|URL|NAME]",
	.summary = "Make an instance",
	.text = "The argument is a template (template:NAME, a file, a URL, an image, - for standard input) or the name of an instance\n"
		"that is made from template:default. Everything that needs the network is done now.\n"
		"\n"
		"Example:\n"
		"  limactl create\n"
		"  limactl create --name=ci --cpus=2 --memory=2 template:debian-12\n"
		"  limactl create --set='.cpus = 2 | .memory = \"2GiB\"' --name=two template:default\n"
		"  cat template.yaml | limactl create --name=local -\n",
	.min_args = 0,
	.max_args = 1,
	.flags = (const struct flag_spec *const[]){ create_flags, flags_set_e, flags_set_c, NULL },
	.complete = COMPLETE_TEMPLATE,
	.run = run_create,
};

static const struct flag_spec start_flags[] = {
	{ .name = "foreground", .help = "stay, as the host agent of the instance" },
	{ .name = "progress", .help = "tell the steps of the guest's boot too" },
	{ .name = "timeout", .type = FLAG_DURATION, .value = "10m0s", .help = "how long to wait for the instance" },
	{ 0 },
};

static int run_start(struct ctl *c, struct err *e)
{
	struct start_options o = { 0 };
	struct plan_for p;
	int status;

	if (create_listed(c, &status, e))
		return status;
	o.timeout_s = (int)flag_seconds(c->flags, "timeout");
	o.foreground = flag_bool(c->flags, "foreground");
	o.progress = flag_bool(c->flags, "progress");
	status = create_plan(c, true, &p, e);
	o.text = p.existing ? NULL : &p.text;
	if (status == 0)
		status = life_start(&p.in, &o, e);
	create_plan_free(&p);
	return status;
}

const struct command cmd_start = {
	.name = "start",
	.group = GROUP_BASIC,
	.use = "[NAME|FILE.yaml|URL]",
	.summary = "Start an instance and wait until it is usable; make it when there is none",
	.text = "The argument is that of `limactl create`. Flags that change a template also change an instance that exists.\n"
		"\n"
		"Example:\n"
		"  limactl start\n"
		"  limactl start --name=ci template:debian-12\n"
		"  limactl start ci\n",
	.min_args = 0,
	.max_args = 1,
	.flags = (const struct flag_spec *const[]){ start_flags, create_flags, flags_set_e, flags_set_c, NULL },
	.shared = "Flags shared with create",
	.complete = COMPLETE_TEMPLATE,
	.run = run_start,
};
