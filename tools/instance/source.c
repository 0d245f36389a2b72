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

/* Settings that lima-render takes as options; the field is where the request has them. */
static const struct {
	const char *option;
	size_t field;
} settings[] = {
	{ "--set", offsetof(struct request, set) },
	{ "--cpus", offsetof(struct request, cpus) },
	{ "--memory", offsetof(struct request, memory) },
	{ "--disk", offsetof(struct request, disk) },
};

static size_t add_settings(const struct request *rq, struct strv *argv)
{
	size_t given = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const char *value = *(const char *const *)((const char *)rq + settings[i].field);

		if (!value || !*value)
			continue;
		strv_add(argv, settings[i].option);
		strv_add(argv, value);
		given++;
	}
	return given;
}

/* Runs lima-render on a template or file; *text gets what it prints. Its messages go to stderr as they are. */
static int render(const struct request *rq, const char *source, struct buf *text, struct err *e)
{
	char *bin = dirs_bin(e);
	struct strv argv = { 0 };
	int status = 0, r;

	if (!bin)
		return -1;
	strv_addf(&argv, "%s/lima-render", bin);
	add_settings(rq, &argv);
	strv_add(&argv, "--");
	strv_add(&argv, source);
	r = spawn_run(argv.v, text, NULL, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, status > 128 ? EXIT_INTERNAL : status, "the template '%s' cannot be used; see the messages above",
			    source);
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

static int create_source(const struct instance *in, const struct request *rq, struct err *e)
{
	const char *template = rq->template && *rq->template ? rq->template : "default";
	struct buf text = { 0 };
	int r = -1;

	say("creating the instance '%s' from the template '%s'", in->name, template);
	if (render(rq, template, &text, e) < 0)
		goto out;
	if (mkdir(in->dir, 0700) < 0 && !path_exists(in->dir)) {
		err_sys(e, EXIT_CANTCREATE, "cannot create the instance directory %s", in->dir);
		goto out;
	}
	if (write_in(in, F_LIMA_VERSION, LIMA_VERSION, strlen(LIMA_VERSION), 0444, e) < 0 ||
	    write_in(in, F_LIMA_YAML, buf_str(&text), text.len, 0644, e) < 0) {
		struct err ignored = { 0 };

		dir_remove(in->dir, &ignored);
		goto out;
	}
	r = 0;
out:
	buf_free(&text);
	return r;
}

int step_source(const struct instance *in, const struct request *rq, bool *created, struct err *e)
{
	struct strv probe = { 0 };
	struct buf text = { 0 };
	size_t given;
	char *yaml;
	int r;

	*created = !instance_exists(in);
	if (*created)
		return create_source(in, rq, e);
	given = add_settings(rq, &probe);
	strv_free(&probe);
	if (given == 0)
		return 0;
	yaml = instance_path(in, F_LIMA_YAML);
	r = render(rq, yaml, &text, e);
	if (r == 0)
		r = file_write_if_changed(yaml, buf_str(&text), text.len, 0644, NULL, e);
	buf_free(&text);
	free(yaml);
	return r;
}
