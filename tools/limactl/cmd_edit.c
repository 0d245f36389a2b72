/* edit - the description of an instance, or of a file, by flags or in an editor. Source: spec/cli.md section 8.9. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "instance_files.h"
#include "life.h"
#include "name.h"
#include "template.h"

static const struct flag_spec flags[] = {
	{ .name = "start", .help = "start the instance afterwards" },
	{ 0 },
};

/* By flags, in the editor, or not at all: then it is as if the user had emptied it. */
static int get_text(const struct ctl *c, const char *what, const char *path, const struct strv *settings, struct buf *text, struct err *e)
{
	char *header;
	int r;

	if (settings->n || !c->tty)
		return 0;
	if (file_read(path, TREE_TEXT_MAX, text, e) < 0)
		return -1;
	header = xasprintf("# Please edit the following configuration of %s.\n# An empty file aborts the edit.\n\n", what);
	r = editor_edit(header, text, e);
	free(header);
	return r;
}

/* --- an instance --- */

static int edit_locked(const struct ctl *c, struct instance *in, const struct strv *settings, bool *changed, struct err *e)
{
	char *path = instance_path(in, F_LIMA_YAML), *what = xasprintf("the instance %s", q(in->name));
	struct buf text = { 0 };
	int r = get_text(c, what, path, settings, &text, e);

	*changed = false;
	if (r == 0 && !settings->n && !text.len) {
		log_info("Aborting, as requested by saving the file with empty content");
	} else if (r == 0) {
		r = description_edit(in, settings->n ? settings : NULL, &text, changed, e);
		if (r == 0 && !*changed)
			log_info("Aborting, no changes made to the instance");
		else if (r == 0)
			log_info("Instance %s configuration edited", q(in->name));
	}
	buf_free(&text);
	free(what);
	free(path);
	return r;
}

static int start_edited(const struct ctl *c, struct instance *in, struct err *e)
{
	const struct start_options o = { 0 };
	bool start = flag_bool(c->flags, "start");

	if (!flag_given(c->flags, "start") && can_ask(c))
		start = ask_yes("Do you want to start the instance now?", true);
	return start ? life_start(in, &o, e) : 0;
}

static int edit_instance(const struct ctl *c, const char *name, const struct strv *settings, struct err *e)
{
	struct instance in;
	bool changed = false;
	int r = 0;

	if (instance_open(name, &in, e) < 0)
		return -1;
	if (!instance_exists(&in))
		r = err_set(e, EXIT_NO, "instance %s not found", q(name));
	if (r == 0)
		r = instance_lock(&in, e);
	if (r == 0 && !strcmp(life_status(life_state(&in)), "Running"))
		r = err_set(e, EXIT_NO, "cannot edit a running instance");
	if (r == 0)
		r = edit_locked(c, &in, settings, &changed, e);
	if (r == 0 && changed)
		r = start_edited(c, &in, e);
	instance_close(&in);
	return r;
}

/* --- a file --- */

static int check_text(const struct buf *text, const char *path, struct err *e)
{
	struct template t = { 0 };
	struct node *filled = NULL;
	char *dir;
	int r = template_take(text, path, &t, e);

	if (r == 0)
		r = template_embed(&t, EMBED_ALL, e);
	if (r == 0) {
		dir = path_join(t.ctx.home, "default");
		filled = template_fill(t.doc, dir, t.ctx.home, true, e);
		r = filled ? 0 : -1;
		free(dir);
	}
	node_free(filled);
	template_free(&t);
	return r;
}

/* The text of a file with settings applied; bases stay what they are. */
static int edited_text(const char *path, const struct strv *settings, struct buf *text, struct err *e)
{
	struct buf old = { 0 };
	struct node *doc = NULL;
	int r = file_read(path, TREE_TEXT_MAX, &old, e);

	if (r == 0)
		doc = tree_parse(buf_str(&old), old.len, path, e);
	r = doc ? template_edit(doc, settings, e) : -1;
	if (r == 0)
		tree_emit(doc, text);
	node_free(doc);
	buf_free(&old);
	return r;
}

static int edit_file(const struct ctl *c, const char *arg, const struct strv *settings, struct err *e)
{
	char *path = realpath(arg, NULL);
	struct buf text = { 0 };
	bool changed = false;
	int r;

	if (!path)
		return err_sys(e, EXIT_NO, "cannot open %s", arg);
	r = get_text(c, q(path), path, settings, &text, e);
	if (r == 0 && settings->n)
		r = edited_text(path, settings, &text, e);
	if (r == 0 && !text.len) {
		log_info("Aborting, as requested by saving the file with empty content");
	} else if (r == 0) {
		r = check_text(&text, path, e);
		if (r < 0)
			editor_reject(&text, e);
		if (r == 0)
			r = file_write_if_changed(path, buf_str(&text), text.len, 0644, &changed, e);
		if (r == 0 && !changed)
			log_info("Aborting, no changes made to the instance");
	}
	buf_free(&text);
	free(path);
	return r;
}

static int run(struct ctl *c, struct err *e)
{
	const char *arg = c->args.n ? c->args.v[0] : "default";
	struct strv settings = { 0 };
	struct err ignored = { 0 };
	bool name = name_check_instance(arg, &ignored) == 0;
	int r = flags_edit_settings(c, name, &settings, e);

	if (r == 0)
		r = name ? edit_instance(c, arg, &settings, e) : edit_file(c, arg, &settings, e);
	strv_free(&settings);
	return r;
}

const struct command cmd_edit = {
	.name = "edit",
	.group = GROUP_BASIC,
	.use = "[INST|FILE.yaml]",
	.summary = "Change the description of an instance, or a template file",
	.text = "With flags these are applied; else the text is opened in $VISUAL or $EDITOR. An invalid text is kept as\n"
		"lima.REJECTED.yaml in the current directory and changes nothing.",
	.min_args = 0,
	.max_args = 1,
	.flags = (const struct flag_spec *const[]){ flags, flags_set_e, NULL },
	.complete = COMPLETE_INSTANCE,
	.run = run,
};
