/* disk - data disks that outlive the machines that use them. Source: spec/cli.md section 8.12. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "disk.h"
#include "file.h"
#include "image_header.h"
#include "inspect.h"
#include "num.h"
#include "print.h"
#include "tree.h"

#define RAW_BLOCK 512 /* the size of a raw image is a multiple of it */
#define HEAD_BYTES 4096

static int parse_size(const char *text, uint64_t *size, struct err *e)
{
	struct err ignored = { 0 };

	if (size_parse(text, "size", size, &ignored) == 0 && *size > 0)
		return 0;
	return err_set(e, EXIT_NO, "invalid size: '%s'", text);
}

static const char *size_text(uint64_t size, char out[32])
{
	size_format(size, out, 32);
	return out;
}

/* --- create --- */

struct create {
	const char *format;
	uint64_t size;
};

static int fill_new(const char *path, void *arg, struct err *e)
{
	const struct create *c = arg;
	char bytes[32];
	char *argv[] = { (char[]){ "qemu-img" }, (char[]){ "create" }, (char[]){ "-q" }, (char[]){ "-f" }, (char[]){ "qcow2" },
			 xstrdup(path), bytes, NULL };
	int fd, r;

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)c->size);
	if (!strcmp(c->format, "raw")) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		r = fd < 0 || ftruncate(fd, (off_t)c->size) < 0 ? err_sys(e, EXIT_CANTCREATE, "cannot create %s", path) : 0;
		if (fd >= 0)
			close(fd);
	} else {
		r = disk_qemu_img(argv, NULL, e);
	}
	free(argv[5]);
	return r;
}

static int run_create(struct ctl *c, struct err *e)
{
	struct create want = { .format = flag_string(c->flags, "format") };
	const char *name = c->args.v[0];
	char size[32], *dir;

	if (parse_size(flag_string(c->flags, "size"), &want.size, e) < 0)
		return -1;
	if (strcmp(want.format, "qcow2") != 0 && strcmp(want.format, "raw") != 0)
		return err_set(e, EXIT_NO, "disk format %s not supported, use `qcow2` or `raw` instead", q(want.format));
	if (!strcmp(want.format, "raw"))
		want.size = (want.size + RAW_BLOCK - 1) / RAW_BLOCK * RAW_BLOCK;
	if (!disk_exists_named(name))
		log_info("Creating %s disk %s with size %s", want.format, q(name), size_text(want.size, size));
	if (disk_make(name, 0700, want.format, fill_new, &want, &dir, e) < 0)
		return -1;
	free(dir);
	return 0;
}

/* --- import --- */

static int fill_copy(const char *path, void *arg, struct err *e)
{
	return disk_copy(*(int *)arg, path, e);
}

/* An empty raw image begins with zeros, where the check wants a partition table or a file system. */
static bool is_blank(int fd)
{
	char head[HEAD_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	for (ssize_t i = 0; i < n; i++)
		if (head[i])
			return false;
	return n > 0;
}

static int check_image(int fd, const char *file, struct image_info *info, struct err *e)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size > 0 && is_blank(fd)) {
		*info = (struct image_info){ .format = IMAGE_RAW, .virtual_size = (uint64_t)size };
		return 0;
	}
	return image_check_fd(fd, file, info, e);
}

static int run_import(struct ctl *c, struct err *e)
{
	const char *name = c->args.v[0], *file = c->args.v[1];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
	struct image_info info;
	char size[32], *dir = NULL;

	if (fd < 0)
		return err_sys(e, EXIT_NO, "cannot open %s", file);
	r = check_image(fd, file, &info, e);
	if (r == 0)
		r = disk_make(name, 0755, info.format == IMAGE_QCOW2 ? "qcow2" : "raw", fill_copy, &fd, &dir, e);
	if (r == 0)
		log_info("Imported %s with size %s", name, size_text(info.virtual_size, size));
	free(dir);
	close(fd);
	return r;
}

/* --- list --- */

static void print_one_json(const struct disk *d, struct buf *out)
{
	struct node *n = node_new(NODE_MAP);
	char *mount = xasprintf("/mnt/lima-%s", d->name);

	map_set(n, "name", node_str(d->name));
	map_set(n, "size", node_int((int64_t)d->size));
	map_set(n, "format", node_str(d->format));
	map_set(n, "dir", node_str(d->dir));
	map_set(n, "instance", node_str(d->user ? d->user : ""));
	map_set(n, "instanceDir", node_str(d->user_dir ? d->user_dir : ""));
	map_set(n, "mountPoint", node_str(mount));
	print_json(n, false, false, out);
	node_free(n);
	free(mount);
}

static void print_disks(const struct disk *v, size_t n, struct buf *out)
{
	enum { COLUMNS = 5 };
	static const char *const headings[COLUMNS] = { "NAME", "SIZE", "FORMAT", "DIR", "IN-USE-BY" };
	const char **cell = xcalloc((n + 1) * COLUMNS, sizeof(*cell));
	char(*size)[32] = xcalloc(n + 1, sizeof(*size));

	memcpy(cell, headings, sizeof(headings));
	for (size_t i = 0; i < n; i++) {
		const char *row[COLUMNS] = { v[i].name, size_text(v[i].size, size[i]), v[i].format, v[i].dir,
					     v[i].user ? v[i].user : "" };

		memcpy(&cell[(i + 1) * COLUMNS], row, sizeof(row));
	}
	print_table(cell, n + 1, COLUMNS, out);
	free(size);
	free(cell);
}

/* The disks asked for; returns how many. */
static size_t open_all(const struct strv *names, bool asked, struct disk *v)
{
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++) {
		struct err why = { 0 };

		if (disk_open(names->v[i], &v[n], &why) == 0)
			n++;
		else if (asked && (why.code == EXIT_NO || why.code == EXIT_USAGE))
			log_warn("No disk matching %s found.", names->v[i]);
		else
			log_warn("disk %s cannot be used: %s", q(names->v[i]), why.msg);
	}
	return n;
}

static int run_list(struct ctl *c, struct err *e)
{
	bool asked = c->args.n > 0, json = flag_bool(c->flags, "json");
	struct strv all = { 0 };
	struct buf out = { 0 };
	struct disk *v;
	size_t n;

	if (!asked && disk_names(&all, e) < 0)
		return -1;
	v = xcalloc((asked ? c->args.n : all.n) + 1, sizeof(*v));
	n = open_all(asked ? &c->args : &all, asked, v);
	if (!asked && !all.n && !json)
		log_warn("No disk found. Run `limactl disk create DISK --size SIZE` to create a disk.");
	if (!json)
		print_disks(v, n, &out);
	for (size_t i = 0; i < n; i++) {
		if (json)
			print_one_json(&v[i], &out);
		disk_close(&v[i]);
	}
	fwrite(buf_str(&out), 1, out.len, stdout);
	buf_free(&out);
	free(v);
	strv_free(&all);
	return 0;
}

/* --- delete --- */

/* The instances that have the disk in additionalDisks; "" = none. */
static int referrers(const char *disk, struct buf *names, struct err *e)
{
	struct strv all = { 0 };

	if (inspect_names(&all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct err ignored = { 0 };
		struct inspection in;

		if (inspect(all.v[i], &in, &ignored) < 0)
			continue;
		for (size_t k = 0; k < tree_len(in.data, "additionalDisks"); k++)
			if (!strcmp(tree_str(in.data, "", "additionalDisks[%zu].name", k), disk))
				buf_addf(names, "%s%s", names->len ? ", " : "", q(in.name));
		inspect_free(&in);
	}
	strv_free(&all);
	return 0;
}

/* 1: it may go; 0: it stays, as was told. */
static int may_delete(const struct disk *d, struct err *e)
{
	struct buf names = { 0 };
	int r = 1;

	if (d->user)
		return err_set(e, EXIT_NO, "cannot delete disk %s in use by instance %s", q(d->name), q(d->user));
	if (referrers(d->name, &names, e) < 0)
		return -1;
	if (names.len) {
		log_warn("Skipping deleting disk %s, disk is referenced by one or more non-running instances: %s", q(d->name), names.data);
		log_warn("To delete anyway, run `limactl disk delete --force %s`", d->name);
		r = 0;
	}
	buf_free(&names);
	return r;
}

static int delete_one(const char *name, bool force, struct err *e)
{
	struct disk d;
	int r;

	if (!disk_exists_named(name)) {
		log_warn("Ignoring non-existent disk %s", q(name));
		return 0;
	}
	if (disk_open(name, &d, e) < 0)
		return -1;
	r = force ? 1 : may_delete(&d, e);
	if (r == 1) {
		r = dir_remove(d.dir, e);
		if (r == 0)
			log_info("Deleted %s (%s)", q(name), q(d.dir));
	}
	disk_close(&d);
	return r;
}

static int run_delete(struct ctl *c, struct err *e)
{
	for (size_t i = 0; i < c->args.n; i++)
		if (delete_one(c->args.v[i], flag_bool(c->flags, "force"), e) < 0)
			return -1;
	return 0;
}

/* --- unlock and resize --- */

/* Whether the instance that holds the disk runs; *broken: it has errors. */
static bool user_runs(const struct disk *d, bool *broken)
{
	struct err ignored = { 0 };
	struct inspection in;
	bool runs;

	*broken = false;
	if (inspect_existing(d->user, &in, &ignored) < 0)
		return false;
	runs = !strcmp(in.status, "Running");
	*broken = in.errors.n > 0;
	inspect_free(&in);
	return runs;
}

static int unlock_open(const struct disk *d, struct err *e)
{
	char *mark = path_join(d->dir, F_IN_USE_BY);
	bool broken = false, runs = d->user && user_runs(d, &broken);
	int r = 0;

	if (!d->user)
		log_warn("Ignoring unlocked disk %s", q(d->name));
	else if (runs)
		log_warn("Cannot unlock disk %s used by running instance %s", q(d->name), q(d->user));
	else if (broken)
		log_warn("Cannot unlock disk %s, attached instance %s has errors", q(d->name), q(d->user));
	else if (unlink(mark) < 0 && errno != ENOENT)
		r = err_sys(e, EXIT_IOERR, "failed to unlock disk %s", q(d->name));
	else
		log_info("Unlocked disk %s (%s)", q(d->name), q(d->dir));
	free(mark);
	return r;
}

static int run_unlock(struct ctl *c, struct err *e)
{
	for (size_t i = 0; i < c->args.n; i++) {
		struct disk d;
		int r;

		if (!disk_exists_named(c->args.v[i])) {
			log_warn("Ignoring non-existent disk %s", q(c->args.v[i]));
			continue;
		}
		if (disk_open(c->args.v[i], &d, e) < 0)
			return -1;
		r = unlock_open(&d, e);
		disk_close(&d);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int grow(const struct disk *d, uint64_t size, struct err *e)
{
	char a[32], b[32];
	struct strv argv = { 0 };
	bool broken;
	int r;

	if (size < d->size) {
		size_text(size, a);
		return err_set(e, EXIT_NO,
			       "specified size %s is less than the current disk size %s. Disk shrinking is currently unavailable", q(a),
			       q(size_text(d->size, b)));
	}
	if (d->user && user_runs(d, &broken))
		return err_set(e, EXIT_NO, "cannot resize disk %s used by running instance %s. Please stop the instance first",
			       q(d->name), q(d->user));
	for (const char *const *w = (const char *const[]){ "qemu-img", "resize", "-q", "-f", d->format, d->path, NULL }; *w; w++)
		strv_add(&argv, *w);
	strv_addf(&argv, "%llu", (unsigned long long)size);
	r = size == d->size ? 0 : disk_qemu_img(argv.v, NULL, e);
	strv_free(&argv);
	if (r == 0)
		log_info("Resized disk %s (%s)", q(d->name), q(d->dir));
	return r;
}

static int run_resize(struct ctl *c, struct err *e)
{
	struct disk d;
	uint64_t size;
	int r;

	if (parse_size(flag_string(c->flags, "size"), &size, e) < 0 || disk_open(c->args.v[0], &d, e) < 0)
		return -1;
	r = grow(&d, size, e);
	disk_close(&d);
	return r;
}

/* --- the tables --- */

static const struct flag_spec create_flags[] = {
	{ .name = "size", .type = FLAG_STRING, .arg = "SIZE", .required = true, .help = "such as 10GiB" },
	{ .name = "format", .type = FLAG_STRING, .value = "qcow2", .words = "qcow2 raw", .complete = COMPLETE_WORDS,
	  .help = "format of the image" },
	{ 0 },
};
static const struct flag_spec list_flags[] = {
	{ .name = "json", .help = "one JSON object on a line for each" },
	{ 0 },
};
static const struct flag_spec delete_flags[] = {
	{ .name = "force", .letter = 'f', .help = "also disks that are in use or that an instance refers to" },
	{ 0 },
};
static const struct flag_spec resize_flags[] = {
	{ .name = "size", .type = FLAG_STRING, .arg = "SIZE", .required = true, .help = "the new size, not smaller than the old one" },
	{ 0 },
};
#define TABLES(name) static const struct flag_spec *const name##_tables[] = { name##_flags, NULL }
TABLES(create);
TABLES(list);
TABLES(delete);
TABLES(resize);

static const struct command create = {
	.name = "create", .use = "DISK --size SIZE [flags]", .summary = "Make a disk", .min_args = 1, .max_args = 1,
	.flags = create_tables, .run = run_create,
};
static const struct command list = {
	.name = "list", .aliases = "ls", .use = "[flags] [DISK]...", .summary = "List disks", .max_args = ARGS_ANY,
	.flags = list_tables, .complete = COMPLETE_DISK, .run = run_list,
};
static const struct command delete = {
	.name = "delete", .aliases = "remove rm", .use = "[flags] DISK...", .summary = "Delete disks with all data on them",
	.min_args = 1, .max_args = ARGS_ANY, .flags = delete_tables, .complete = COMPLETE_DISK, .run = run_delete,
};
static const struct command unlock = {
	.name = "unlock", .use = "DISK...", .summary = "Take the mark of an instance that no longer uses it from a disk", .min_args = 1,
	.max_args = ARGS_ANY, .complete = COMPLETE_DISK, .run = run_unlock,
};
static const struct command resize = {
	.name = "resize", .use = "DISK --size SIZE", .summary = "Enlarge a disk", .min_args = 1, .max_args = 1,
	.flags = resize_tables, .complete = COMPLETE_DISK, .run = run_resize,
};
static const struct command import = {
	.name = "import", .use = "DISK FILE", .summary = "Make a disk from an image", .min_args = 2, .max_args = 2, .run = run_import,
};
static const struct command *const sub[] = { &create, &delete, &import, &list, &resize, &unlock, NULL };

const struct command cmd_disk = {
	.name = "disk",
	.group = GROUP_ADVANCED,
	.use = "COMMAND",
	.summary = "Disks that instances share one after the other",
	.text = "Examples:\n"
		"  limactl disk create data --size 10GiB\n"
		"  limactl create --set '.additionalDisks = [{\"name\": \"data\"}]' template:default\n"
		"  limactl disk ls",
	.sub = sub,
};
