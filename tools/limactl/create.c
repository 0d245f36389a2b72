/* create - see create.h. Source: spec/cli.md sections 5, 7, 8.1. */
#include "create.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "inspect.h"
#include "instance_files.h"
#include "life.h"
#include "name.h"
#include "template.h"

const struct flag_spec create_flags[] = {
	{ .name = "list-drivers", .help = "print the names of the drivers" },
	{ .name = "list-templates", .help = "print the names of the templates" },
	{ .name = "name", .type = FLAG_STRING, .help = "the name of the instance" },
	{ 0 },
};

/* --- lists --- */

static int list_templates(struct err *e)
{
	struct locator_ctx ctx = { 0 };
	struct locator_list list = { 0 };
	int r = locator_ctx_init(&ctx, e);

	if (r == 0)
		r = locator_list(&ctx, &list, e);
	for (size_t i = 0; i < list.n; i++)
		if (!list.v[i].hidden)
			puts(list.v[i].name);
	locator_list_free(&list);
	locator_ctx_free(&ctx);
	return r;
}

bool create_listed(const struct ctl *c, int *status, struct err *e)
{
	*status = 0;
	if (flag_bool(c->flags, "list-templates"))
		*status = list_templates(e);
	else if (flag_bool(c->flags, "list-drivers"))
		puts("qemu");
	else
		return false;
	return true;
}

/* --- the argument --- */

/* Templates that went into others. */
static const struct {
	const char *old, *instead;
} retired[] = {
	{ "experimental/vz", "template:default with --vm-type=vz" },
	{ "experimental/riscv64", "template:default with --arch=riscv64" },
	{ "experimental/armv7l", "template:default with --arch=armv7l" },
	{ "vmnet", "template:default with --network=lima:shared" },
	{ "experimental/net-user-v2", "template:default with --network=lima:user-v2" },
	{ "experimental/9p", "template:default with --mount-type=9p" },
	{ "experimental/virtiofs-linux", "template:default with --mount-type=virtiofs" },
};

static void warn_retired(const char *locator)
{
	const char *name = strncmp(locator, "template:", 9) ? "" : locator + 9;

	name += !strncmp(name, "//", 2) ? 2 : 0;
	for (size_t i = 0; i < sizeof(retired) / sizeof(*retired); i++)
		if (!strcmp(name, retired[i].old))
			log_warn("the template %s is gone; use %s", q(locator), retired[i].instead);
}

struct argument {
	char *name;
	char *locator;
};

/* A valid name is an instance, even where a file or a template is called so. */
static int from_name(const char *arg, const char *given, struct argument *a, struct err *e)
{
	if (*given && strcmp(given, arg) != 0)
		return err_set(e, EXIT_NO, "instance name %s and the flag `--name=%s` cannot be used together", q(arg), given);
	a->name = xstrdup(arg);
	a->locator = xstrdup("template:default");
	return 0;
}

static int from_stdin(struct ctl *c, const char *given, struct argument *a, struct err *e)
{
	if (!*given)
		return err_set(e, EXIT_NO, "must pass instance name with --name when reading template from stdin");
	if (flag_given(c->flags, "tty") && flag_bool(c->flags, "tty"))
		return err_set(e, EXIT_NO, "cannot use --tty=true when reading template from stdin");
	c->tty = false;
	a->name = xstrdup(given);
	a->locator = xstrdup("-");
	return 0;
}

static int from_locator(const char *arg, const char *given, struct argument *a, struct err *e)
{
	warn_retired(arg);
	a->locator = template_rewrite(arg, e);
	if (!a->locator)
		return -1;
	a->name = *given ? xstrdup(given) : locator_name(a->locator, e);
	return a->name ? 0 : -1;
}

static int read_argument(struct ctl *c, struct argument *a, struct err *e)
{
	const char *arg = c->args.n ? c->args.v[0] : NULL, *given = flag_string(c->flags, "name");
	struct err ignored = { 0 };

	if (flag_given(c->flags, "name") && life_check_name(given, e) < 0)
		return -1;
	if (!arg)
		return from_name(*given ? given : "default", given, a, e);
	if (name_check_instance(arg, &ignored) == 0)
		return from_name(arg, given, a, e);
	return !strcmp(arg, "-") ? from_stdin(c, given, a, e) : from_locator(arg, given, a, e);
}

/* `limactl create docker` is not what people may think it is. */
static void warn_name_form(const struct ctl *c, const char *name)
{
	if (!c->args.n || strcmp(c->args.v[0], name) != 0 || !strcmp(name, "default"))
		return;
	log_info("Creating the instance %s from the template `template:default`, not from `template:%s`", q(name), name);
	log_warn("this form is deprecated; use `limactl %s --name=%s template:default` instead", c->cmd->name, name);
}

/* --- a new one --- */

static int describe(const char *locator, const struct strv *settings, const struct instance *in, struct buf *text, struct err *e)
{
	struct template t = { 0 };
	struct node *filled;
	int r = template_read(locator, &t, e);

	if (r == 0)
		r = template_embed(&t, EMBED_FOR_INSTANCE, e);
	if (r == 0)
		r = template_edit(t.doc, settings, e);
	if (r == 0) {
		filled = template_fill(t.doc, in->dir, in->home, true, e);
		r = filled ? 0 : -1;
		node_free(filled);
	}
	if (r == 0)
		tree_emit(t.doc, text);
	template_free(&t);
	return r;
}

/* The text from the editor, embedded again. */
static int edit_new(const struct instance *in, struct buf *text, struct err *e)
{
	struct template t = { 0 };
	struct node *filled = NULL;
	char *header = xasprintf("# Please edit the following configuration of the new instance %s.\n"
				 "# An empty file aborts.\n\n", q(in->name)), *path = path_join(in->dir, F_LIMA_YAML);
	int r = editor_edit(header, text, e);

	if (r == 0 && text->len == 0)
		r = err_set(e, EXIT_NO, "Aborting, as requested by saving the file with empty content");
	if (r == 0) {
		r = template_take(text, path, &t, e);
		if (r == 0)
			r = template_embed(&t, EMBED_ALL, e);
		if (r == 0 && !(filled = template_fill(t.doc, in->dir, in->home, true, e)))
			r = -1;
		if (r < 0)
			editor_reject(text, e);
	}
	if (r == 0) {
		buf_free(text);
		tree_emit(t.doc, text);
	}
	node_free(filled);
	template_free(&t);
	free(path);
	free(header);
	return r;
}

/* The templates as choices: a NULL-ended list in *names. */
static int choose_template(struct buf *text, const struct strv *settings, const struct instance *in, struct err *e)
{
	struct locator_ctx ctx = { 0 };
	struct locator_list list = { 0 };
	struct strv names = { 0 };
	char *locator;
	int at, r = locator_ctx_init(&ctx, e);

	if (r == 0)
		r = locator_list(&ctx, &list, e);
	for (size_t i = 0; i < list.n; i++)
		if (!list.v[i].hidden)
			strv_add(&names, list.v[i].name);
	if (r == 0) {
		at = names.n ? ask_choice("Choose a template", (const char *const *)names.v) : -1;
		locator = at < 0 ? NULL : xasprintf("template:%s", names.v[at]);
		buf_free(text);
		r = locator ? describe(locator, settings, in, text, e) : err_set(e, EXIT_NO, "no template was chosen");
		free(locator);
	}
	strv_free(&names);
	locator_list_free(&list);
	locator_ctx_free(&ctx);
	return r;
}

static int menu(struct buf *text, const struct strv *settings, const struct instance *in, struct err *e)
{
	static const char *const choices[] = { "Proceed with the current configuration", "Open an editor to review or modify the current configuration",
					       "Choose another template (docker, podman, archlinux, fedora, ...)", "Exit", NULL };
	char *question = xasprintf("Creating an instance %s", qq(in->name));
	int r = 0;

	for (;;) {
		int choice = ask_choice(question, choices);

		if (choice == 2 && (r = choose_template(text, settings, in, e)) == 0)
			continue;
		if (choice == 1)
			r = edit_new(in, text, e);
		else if (choice != 0 && choice != 2)
			r = err_set(e, EXIT_NO, "no instance was created, as requested");
		break;
	}
	free(question);
	return r;
}

static int plan_new(struct ctl *c, const struct argument *a, struct plan_for *p, struct err *e)
{
	struct strv settings = { 0 };
	int r;

	warn_name_form(c, a->name);
	warn_root();
	r = flags_edit_settings(c, false, &settings, e);
	if (r == 0)
		r = describe(a->locator, &settings, &p->in, &p->text, e);
	if (r == 0 && can_ask(c))
		r = menu(&p->text, &settings, &p->in, e);
	else if (r == 0)
		log_info("Terminal is not available, proceeding without opening an editor");
	strv_free(&settings);
	return r;
}

/* --- one that is there --- */

static int check_configuration(const struct instance *in, struct err *e)
{
	struct inspection i;
	int r = inspect_existing(in->name, &i, e);
	char *errors;

	if (r < 0)
		return -1;
	if (!i.config) {
		errors = inspect_errors(&i);
		r = err_set(e, EXIT_NO, "instance %s has configuration errors: %s", qq(in->name), errors);
		free(errors);
	}
	inspect_free(&i);
	return r;
}

static int plan_existing(struct ctl *c, struct plan_for *p, struct err *e)
{
	struct strv settings = { 0 };
	bool changed;
	int r;

	log_info("Using the existing instance %s", q(p->in.name));
	r = flags_edit_settings(c, true, &settings, e);
	if (r == 0 && settings.n)
		r = instance_lock(&p->in, e);
	if (r == 0 && settings.n)
		r = description_edit(&p->in, &settings, NULL, &changed, e);
	if (r == 0)
		r = check_configuration(&p->in, e);
	strv_free(&settings);
	return r;
}

int create_plan(struct ctl *c, bool may_exist, struct plan_for *p, struct err *e)
{
	struct argument a = { 0 };
	int r;

	*p = (struct plan_for){ .in = { .lock = { -1 } } };
	r = read_argument(c, &a, e);
	if (r == 0)
		r = life_check_path(a.name, e);
	if (r == 0)
		r = instance_open(a.name, &p->in, e);
	if (r == 0) {
		p->existing = instance_exists(&p->in);
		if (p->existing && !may_exist)
			r = err_set(e, EXIT_NO, "instance %s already exists", q(a.name));
		else
			r = p->existing ? plan_existing(c, p, e) : plan_new(c, &a, p, e);
	}
	free(a.name);
	free(a.locator);
	return r;
}

void create_plan_free(struct plan_for *p)
{
	instance_close(&p->in);
	buf_free(&p->text);
}

int create_instance(struct plan_for *p, struct err *e)
{
	struct request rq = { .name = p->in.name, .text = &p->text };

	if (instance_lock(&p->in, e) < 0)
		return -1;
	/* Somebody else may have been faster. */
	if (instance_exists(&p->in))
		return err_set(e, EXIT_NO, "instance %s already exists", q(p->in.name));
	return step_build(&p->in, &rq, "create", e);
}
