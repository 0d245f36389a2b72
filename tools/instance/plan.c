/* plan - what an edited lima.yaml would change on an instance that exists, and the guard in front of its disk.
 *
 * The description is compared with the one that the instance was last built from. That is needed only when it changed:
 * DIR/.make/applied.yaml holds the texts that count (lima.yaml and _config/{default,override}.yaml), so an unchanged
 * instance costs three small reads and no process. DIR/.make/applied.json is the same description resolved; lima-render
 * compares with it. Both are written when a build has succeeded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "spawn.h"
#include "tree.h"

#define RECORD_MAX (4 * (size_t)TREE_TEXT_MAX)
/* The last line of lima-render --plan, and the class that only a new disk can satisfy. */
#define VERDICT "in all: "
#define NEW_DISK "new-disk"

static int add_file(const char *path, bool may_miss, struct buf *record, struct err *e)
{
	if (may_miss && !path_exists(path))
		return 0;
	return file_read(path, TREE_TEXT_MAX, record, e);
}

int record_read(const struct instance *in, const struct buf *yaml, struct buf *record, struct err *e)
{
	static const char *const layers[] = { "_config/default.yaml", "_config/override.yaml" };
	char *own = instance_path(in, F_LIMA_YAML);
	int r = 0;

	if (yaml)
		buf_add(record, buf_str(yaml), yaml->len);
	else
		r = add_file(own, false, record, e);
	for (size_t i = 0; r == 0 && i < sizeof(layers) / sizeof(*layers); i++) {
		char *path = path_join(in->home, layers[i]);

		buf_addf(record, "# %s\n", layers[i]);
		r = add_file(path, true, record, e);
		free(path);
	}
	free(own);
	return r;
}

bool record_equal(const struct instance *in, const struct buf *record)
{
	char *path = instance_path(in, F_APPLIED_YAML);
	struct err ignored = { 0 };
	struct buf old = { 0 };
	bool same = path_exists(path) && file_read(path, RECORD_MAX, &old, &ignored) == 0 && old.len == record->len &&
		    !memcmp(buf_str(&old), buf_str(record), old.len);

	buf_free(&old);
	free(path);
	return same;
}

int record_write(const struct instance *in, const struct buf *record, struct err *e)
{
	char *resolved = instance_path(in, F_RESOLVED_JSON), *json = instance_path(in, F_APPLIED_JSON);
	char *yaml = instance_path(in, F_APPLIED_YAML);
	struct buf text = { 0 };
	int r = file_read(resolved, RECORD_MAX, &text, e);

	if (r == 0)
		r = file_write_if_changed(json, buf_str(&text), text.len, 0600, NULL, e);
	if (r == 0)
		r = file_write_if_changed(yaml, buf_str(record), record->len, 0600, NULL, e);
	buf_free(&text);
	free(yaml);
	free(json);
	free(resolved);
	return r;
}

int plan_read(const struct instance *in, const struct request *rq, bool use_template, bool told, struct buf *text,
	      struct err *e)
{
	struct buf notes = { 0 };
	char *bin = dirs_bin(e);
	struct strv argv = { 0 };
	int status = 0, r;

	if (!bin)
		return -1;
	strv_addf(&argv, "%s/lima-render", bin);
	strv_add(&argv, "--plan");
	strv_add(&argv, in->dir);
	if (use_template && rq->template && *rq->template) {
		strv_add(&argv, "--template");
		strv_add(&argv, rq->template);
	}
	request_settings(rq, &argv);
	r = spawn_run(argv.v, text, &notes, &status, e);
	if ((status != 0 || !told) && r == 0 && say_collected("lima-render", &notes, status, e))
		r = -1;
	else if (r == 0 && status != 0)
		r = err_set(e, status > 128 ? EXIT_INTERNAL : status,
			    "the description of '%s' cannot be used; see the messages above", in->name);
	buf_free(&notes);
	strv_free(&argv);
	free(bin);
	return r;
}

/* The text behind the last VERDICT; "" when there is none. */
static const char *verdict(const struct buf *plan)
{
	const char *found = "";

	for (const char *line = buf_str(plan); line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (!strncmp(line, VERDICT, strlen(VERDICT)))
			found = line + strlen(VERDICT);
	return found;
}

bool plan_new_disk(const struct buf *plan)
{
	return !strncmp(verdict(plan), NEW_DISK, strlen(NEW_DISK));
}

/* Calls for each line of the plan but the verdict. */
static void each_line(const struct buf *plan, void (*call)(const char *line, void *arg), void *arg)
{
	const char *line = buf_str(plan);

	while (*line) {
		size_t n = strcspn(line, "\n");
		char *copy = xstrndup(line, n);

		if (strncmp(copy, VERDICT, strlen(VERDICT)) != 0)
			call(copy, arg);
		free(copy);
		line += n + (line[n] == '\n');
	}
}

static void say_line(const char *line, void *arg)
{
	(void)arg;
	say("%s", line);
}

void plan_tell(const struct buf *plan)
{
	if (*verdict(plan))
		each_line(plan, say_line, NULL);
}

/* Collects the first line that asks for a new disk. */
static void find_reason(const char *line, void *arg)
{
	char **reason = arg;
	size_t n = strlen(line);
	static const char end[] = " (" NEW_DISK ")";

	if (!*reason && n > sizeof(end) && !strcmp(line + n - strlen(end), end))
		*reason = xstrndup(line, n - strlen(end));
}

int plan_allowed(const struct instance *in, const struct request *rq, const struct buf *plan, struct err *e)
{
	char *reason = NULL;

	if (rq->confirm || !plan_new_disk(plan) || !disk_exists(in))
		return 0;
	each_line(plan, find_reason, &reason);
	err_set(e, EXIT_NO,
		"refused: '%s' would need a new disk for this: %s; nothing was changed: take it back in %s/%s, or add CONFIRM=yes "
		"to set the disk with all its data aside and make a new one", in->name, reason ? reason : "?", in->dir, F_LIMA_YAML);
	free(reason);
	return -1;
}

int step_check(const struct instance *in, const struct request *rq, struct err *e)
{
	struct buf plan = { 0 };
	int r = plan_read(in, rq, false, true, &plan, e);

	if (r == 0)
		r = plan_allowed(in, rq, &plan, e);
	buf_free(&plan);
	return r;
}

static int print(const struct buf *text, struct err *e)
{
	if (fwrite(buf_str(text), 1, text->len, stdout) == text->len && fflush(stdout) == 0)
		return 0;
	return err_sys(e, EXIT_IOERR, "cannot write to standard output");
}

static void tell_waiting(const struct instance *in, const struct state_info *s)
{
	char *waiting = s->state == ST_STOPPED ? xstrdup("") : live_waiting(in, s->json);

	if (*waiting)
		say("the instance '%s' is running; what was applied since its start waits for a restart: %s", in->name, waiting);
	free(waiting);
}

int verb_plan(const struct request *rq, struct err *e)
{
	struct buf plan = { 0 };
	struct state_info s;
	struct instance in;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	r = instance_must_exist(&in, e);
	if (r == 0)
		r = plan_read(&in, rq, true, false, &plan, e);
	if (r == 0)
		r = print(&plan, e);
	if (r == 0) {
		state_read(&in, &s);
		tell_waiting(&in, &s);
		state_free(&s);
	}
	buf_free(&plan);
	instance_close(&in);
	return r;
}
