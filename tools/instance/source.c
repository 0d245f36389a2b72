/* source - from a template and the request's settings to DIR/lima.yaml, the source of everything else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "spawn.h"

size_t request_settings(const struct request *rq, struct strv *argv)
{
	for (size_t i = 0; i < rq->settings.n; i++)
		strv_add(argv, rq->settings.v[i]);
	return rq->settings.n;
}

/* Runs lima-render on a template or file; *text gets what it prints. */
static int render(const struct request *rq, const char *source, struct buf *text, struct err *e)
{
	char *bin = dirs_bin(e);
	struct strv argv = { 0 };
	struct buf notes = { 0 };
	int status = 0, r;

	if (!bin)
		return -1;
	strv_addf(&argv, "%s/lima-render", bin);
	request_settings(rq, &argv);
	strv_add(&argv, "--");
	strv_add(&argv, source);
	/* Without say_to its messages go to stderr as they are, at once. */
	r = spawn_run(argv.v, text, say_to ? &notes : NULL, &status, e);
	if (r == 0 && say_to && say_collected("lima-render", &notes, status, e))
		r = -1;
	else if (r == 0 && status != 0)
		r = err_set(e, status > 128 ? EXIT_INTERNAL : status, "the template '%s' cannot be used; see the messages above",
			    source);
	buf_free(&notes);
	strv_free(&argv);
	free(bin);
	return r;
}

int step_render(const struct instance *in, struct err *e)
{
	char *bin = dirs_bin(e);
	struct strv argv = { 0 };
	struct buf notes = { 0 };
	int status = 0, r;

	if (!bin)
		return -1;
	strv_addf(&argv, "%s/lima-render", bin);
	strv_add(&argv, "--instance");
	strv_add(&argv, in->dir);
	r = spawn_run(argv.v, NULL, say_to ? &notes : NULL, &status, e);
	if (r == 0 && say_to && say_collected("lima-render", &notes, status, e))
		r = -1;
	else if (r == 0 && status != 0)
		r = err_set(e, status > 128 ? EXIT_INTERNAL : status, "the description of '%s' cannot be used", in->name);
	buf_free(&notes);
	strv_free(&argv);
	free(bin);
	return r;
}

static int write_in(const struct instance *in, const char *file, const char *text, size_t n, mode_t mode, struct err *e)
{
	char *path = instance_path(in, file);
	int r = file_write_if_changed(path, text, n, mode, NULL, e);

	free(path);
	return r;
}

static int write_source(const struct instance *in, const struct buf *text, struct err *e)
{
	struct err ignored = { 0 };

	if (mkdir(in->dir, 0700) < 0 && !path_exists(in->dir))
		return err_sys(e, EXIT_CANTCREATE, "cannot create the instance directory %s", in->dir);
	if (write_in(in, F_LIMA_VERSION, LIMA_VERSION, strlen(LIMA_VERSION), 0444, e) == 0 &&
	    write_in(in, F_LIMA_YAML, buf_str(text), text->len, 0644, e) == 0)
		return 0;
	dir_remove(in->dir, &ignored);
	return -1;
}

static int create_source(const struct instance *in, const struct request *rq, struct err *e)
{
	const char *template = rq->template && *rq->template ? rq->template : "default";
	struct buf text = { 0 };
	int r;

	if (rq->text)
		return write_source(in, rq->text, e);
	say("creating the instance '%s' from the template '%s'", in->name, template);
	r = render(rq, template, &text, e);
	if (r == 0)
		r = write_source(in, &text, e);
	buf_free(&text);
	return r;
}

/* A disk is moved only when nothing can be using it. */
static int must_be_stopped(const struct instance *in, struct err *e)
{
	struct state_info s;
	int r = 0;

	state_read(in, &s);
	if (s.state != ST_STOPPED)
		r = err_set(e, EXIT_NO, "the instance '%s' is %s; its disk can be set aside when it is stopped", in->name,
			    state_name(s.state));
	state_free(&s);
	return r;
}

/* The description is another one than that of the last build: find out what that means, and tell. `yaml` is the edited
 * text, NULL when there are no settings. */
static int apply(const struct instance *in, const struct request *rq, const struct buf *yaml, struct source *s,
		 struct err *e)
{
	struct buf plan = { 0 };
	bool renew;
	int r = plan_read(in, rq, false, yaml != NULL, &plan, e);

	if (r == 0)
		r = plan_allowed(in, rq, &plan, e);
	renew = r == 0 && plan_new_disk(&plan);
	if (renew && disk_exists(in))
		r = must_be_stopped(in, e);
	if (r == 0)
		plan_tell(&plan);
	/* The description first: a run killed before the disk is moved is refused, or confirmed, again. */
	if (r == 0 && yaml)
		r = write_in(in, F_LIMA_YAML, buf_str(yaml), yaml->len, 0644, e);
	if (r == 0 && renew)
		r = disk_set_aside(in, &s->old_disk, e);
	if (r == 0 && s->old_disk)
		say("the disk is in %s now, with its image", s->old_disk);
	buf_free(&plan);
	return r;
}

static int existing_source(const struct instance *in, const struct request *rq, const struct buf *yaml,
			   struct source *s, struct err *e)
{
	if (record_read(in, yaml, &s->record, e) < 0)
		return -1;
	if (!record_equal(in, &s->record))
		return apply(in, rq, yaml, s, e);
	return yaml ? write_in(in, F_LIMA_YAML, buf_str(yaml), yaml->len, 0644, e) : 0;
}

int step_source(const struct instance *in, const struct request *rq, struct source *s, struct err *e)
{
	struct strv settings_given = { 0 };
	struct buf yaml = { 0 };
	char *path;
	int r;

	s->created = !instance_exists(in);
	if (s->created)
		return create_source(in, rq, e) == 0 ? record_read(in, NULL, &s->record, e) : -1;
	if (request_settings(rq, &settings_given) == 0)
		return existing_source(in, rq, NULL, s, e);
	strv_free(&settings_given);
	path = instance_path(in, F_LIMA_YAML);
	r = render(rq, path, &yaml, e);
	if (r == 0)
		r = existing_source(in, rq, &yaml, s, e);
	free(path);
	buf_free(&yaml);
	return r;
}

void source_free(struct source *s)
{
	buf_free(&s->record);
	free(s->old_disk);
	*s = (struct source){ 0 };
}
