/* snapshot - states of a machine's disk, and when it runs of its memory too, to which it can go back. Source: spec/cli.md section
 * 8.13.
 *
 * QEMU makes them when the machine runs, asked through the host agent; otherwise qemu-img does, in the disk. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "disk.h"
#include "file.h"
#include "inspect.h"
#include "instance_files.h"

#define TIMEOUT_MS (3600 * 1000)

struct target {
	struct instance in;
	bool running;
};

static int open_target(const char *name, struct target *t, struct err *e)
{
	struct inspection i;

	if (inspect_existing(name, &i, e) < 0)
		return -1;
	t->running = i.state.agent_pid != 0;
	inspect_free(&i);
	if (instance_open(name, &t->in, e) < 0)
		return -1;
	if (!t->running && instance_lock(&t->in, e) < 0) {
		instance_close(&t->in);
		return -1;
	}
	return 0;
}

/* --- a machine that runs --- */

static char *request_body(const char *action, const char *tag)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "action", action);
	if (tag)
		cJSON_AddStringToObject(o, "tag", tag);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text ? text : xstrdup("");
}

/* What the monitor said, without carriage returns. */
static void monitor_output(const struct buf *body, struct buf *out)
{
	cJSON *o = cJSON_ParseWithLength(buf_str(body), body->len);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "output"));

	for (; text && *text; text++)
		if (*text != '\r')
			buf_addc(out, *text);
	cJSON_Delete(o);
}

static int ask_agent(const struct instance *in, const char *action, const char *tag, struct buf *out, struct err *e)
{
	char *body = request_body(action, tag), *reason;
	struct buf answer = { 0 };
	int status = agent_exchange(in, "POST", "/v1/snapshot", body, TIMEOUT_MS, &answer, e), r = status < 0 ? -1 : 0;

	if (status == 200) {
		monitor_output(&answer, out);
	} else if (status > 0) {
		reason = agent_reason(&answer);
		r = err_set(e, EXIT_NO, "snapshot of %s: %s (HTTP status %d)", q(in->name), reason, status);
		free(reason);
	}
	buf_free(&answer);
	free(body);
	return r;
}

static int change_running(const struct instance *in, const char *action, const char *tag, struct err *e)
{
	struct buf out = { 0 };
	int r = ask_agent(in, action, tag, &out, e);

	while (out.len && out.data[out.len - 1] == '\n')
		out.data[--out.len] = '\0';
	if (r == 0 && !strncmp(buf_str(&out), "Error", 5))
		r = err_set(e, EXIT_NO, "QEMU could not %s the snapshot %s: %s%s", action, q(tag), out.data,
			    strcmp(action, "apply") ? "" : "; the machine may stand still now, restart it");
	else if (r == 0 && out.len)
		log_warn("output: %s", out.data);
	buf_free(&out);
	return r;
}

/* --- one that does not --- */

/* `option`: of qemu-img snapshot. */
static int change_disk(const struct instance *in, const char *option, const char *tag, struct buf *out, struct err *e)
{
	char *own = instance_path(in, F_DIFFDISK), *other = instance_path(in, "disk");
	const char *disk = path_exists(own) ? own : other;
	struct strv argv = { 0 };
	int r;

	strv_add(&argv, "qemu-img");
	strv_add(&argv, "snapshot");
	strv_add(&argv, option);
	if (tag)
		strv_add(&argv, tag);
	strv_add(&argv, disk);
	if (!path_exists(disk))
		r = err_set(e, EXIT_NO, "instance %s has no disk yet", q(in->name));
	else
		r = disk_qemu_img(argv.v, out, e);
	strv_free(&argv);
	free(other);
	free(own);
	return r;
}

/* --- the commands --- */

static int change(const struct ctl *c, const char *action, const char *option, struct err *e)
{
	const char *tag = flag_string(c->flags, "tag");
	struct target t;
	int r;

	if (open_target(c->args.v[0], &t, e) < 0)
		return -1;
	if (!*tag)
		r = err_set(e, EXIT_NO, "expected tag");
	else if (t.running)
		r = change_running(&t.in, action, tag, e);
	else
		r = change_disk(&t.in, option, tag, NULL, e);
	instance_close(&t.in);
	return r;
}

static int run_create(struct ctl *c, struct err *e)
{
	return change(c, "create", "-c", e);
}

static int run_apply(struct ctl *c, struct err *e)
{
	return change(c, "apply", "-a", e);
}

static int run_delete(struct ctl *c, struct err *e)
{
	return change(c, "delete", "-d", e);
}

/* The lines of a table without its title; what is said instead of one is left out too. */
static void table_lines(const struct buf *said, struct buf *table)
{
	const char *p = buf_str(said);
	bool begun = false;

	while (*p) {
		size_t n = strcspn(p, "\n");
		bool title = !strncmp(p, "List of ", 8) || !strncmp(p, "Snapshot list", 13) || !strncmp(p, "There is no", 11);

		if (title && begun) /* of snapshots that only some disks have */
			return;
		if (!title && n) {
			buf_addf(table, "%.*s\n", (int)n, p);
			begun = true;
		}
		p += n + (p[n] == '\n');
	}
}

/* The second word of a line; its length. */
static size_t second_word(const char *line, const char **word)
{
	const char *p = line + strspn(line, " ");

	p += strcspn(p, " \n");
	p += strspn(p, " ");
	*word = p;
	return strcspn(p, " \n");
}

static int print_tags(const struct buf *table, struct err *e)
{
	const char *line = buf_str(table), *word;
	size_t n = second_word(line, &word);

	if (!*line)
		return 0;
	if (n != 3 || strncmp(word, "TAG", 3) != 0)
		return err_set(e, EXIT_NO, "unknown header: %.*s", (int)strcspn(line, "\n"), line);
	while ((line = strchr(line, '\n')) && line[1]) {
		n = second_word(++line, &word);
		printf("%.*s\n", (int)n, word);
	}
	return 0;
}

static int run_list(struct ctl *c, struct err *e)
{
	struct buf said = { 0 }, table = { 0 };
	struct target t;
	int r;

	if (open_target(c->args.v[0], &t, e) < 0)
		return -1;
	r = t.running ? ask_agent(&t.in, "list", NULL, &said, e) : change_disk(&t.in, "-l", NULL, &said, e);
	instance_close(&t.in);
	table_lines(&said, &table);
	if (r == 0 && flag_bool(c->flags, "quiet"))
		r = print_tags(&table, e);
	else if (r == 0)
		fputs(buf_str(&table), stdout);
	buf_free(&table);
	buf_free(&said);
	return r;
}

static const struct flag_spec tag_flags[] = {
	{ .name = "tag", .type = FLAG_STRING, .arg = "TAG", .help = "the name of the snapshot" },
	{ 0 },
};
static const struct flag_spec list_flags[] = {
	{ .name = "quiet", .letter = 'q', .help = "only the tags" },
	{ 0 },
};
static const struct flag_spec *const tag_tables[] = { tag_flags, NULL };
static const struct flag_spec *const list_tables[] = { list_flags, NULL };

static const struct command create = {
	.name = "create", .aliases = "save", .use = "INSTANCE --tag TAG", .summary = "Make a snapshot", .min_args = 1, .max_args = ARGS_ANY,
	.flags = tag_tables, .complete = COMPLETE_INSTANCE, .own_log = true, .bare_count = true, .run = run_create,
};
static const struct command apply = {
	.name = "apply", .aliases = "load", .use = "INSTANCE --tag TAG", .summary = "Go back to a snapshot", .min_args = 1, .max_args = ARGS_ANY,
	.flags = tag_tables, .complete = COMPLETE_INSTANCE, .own_log = true, .bare_count = true, .run = run_apply,
};
static const struct command delete = {
	.name = "delete", .aliases = "del", .use = "INSTANCE --tag TAG", .summary = "Delete a snapshot", .min_args = 1, .max_args = ARGS_ANY,
	.flags = tag_tables, .complete = COMPLETE_INSTANCE, .own_log = true, .bare_count = true, .run = run_delete,
};
static const struct command list = {
	.name = "list", .aliases = "ls", .use = "[flags] INSTANCE", .summary = "List the snapshots", .min_args = 1, .max_args = ARGS_ANY,
	.flags = list_tables, .complete = COMPLETE_INSTANCE, .own_log = true, .bare_count = true, .run = run_list,
};
static const struct command *const sub[] = { &apply, &create, &delete, &list, NULL };

const struct command cmd_snapshot = {
	.name = "snapshot",
	.group = GROUP_ADVANCED,
	.use = "COMMAND",
	.summary = "Snapshots of instances (experimental)",
	.text = "Of a running instance the memory is part of the snapshot, and going back to it means to go on from there. Its disks\n"
		"must be qcow2, and it must have no mounts of the type 9p.",
	.own_log = true,
	.sub = sub,
};
