/* out_disks - the data disks of additionalDisks: where they are and what format they have. See out.h.
 *
 * The format is never guessed from what a guest could have written: a raw disk that begins like a qcow2 image with a
 * backing file would let the guest read that file of the host. The folder of the disk says it in the file `format`;
 * for disks without one (made by Lima) the first look counts, remembered in qemu.conf, and a raw disk that later looks
 * like qcow2 is refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "instance_files.h"
#include "name.h"
#include "out.h"
#include "out_parts.h"

#define FORMAT_FILE_MAX 64

static const char *const formats[] = { "qcow2", "raw" };

static const char *known_format(const char *text, size_t n)
{
	for (size_t i = 0; i < 2; i++)
		if (strlen(formats[i]) == n && !strncmp(formats[i], text, n))
			return formats[i];
	return NULL;
}

/* What DIR/format says, NULL when it says nothing. */
static const char *written_format(const char *dir)
{
	char *path = path_join(dir, "format");
	struct err ignored = { 0 };
	struct buf text = { 0 };
	const char *format = NULL;

	if (path_exists(path) && file_read(path, FORMAT_FILE_MAX, &text, &ignored) == 0)
		format = known_format(buf_str(&text), strcspn(buf_str(&text), " \r\n"));
	buf_free(&text);
	free(path);
	return format;
}

static const char *remembered_format(const struct out *o, const char *path)
{
	char *conf = path_join(o->in.dir, F_QEMU_CONF);
	struct err ignored = { 0 };
	const char *format = NULL;
	struct kv kv;

	if (path_exists(conf) && kv_load(conf, &kv, &ignored) == 0) {
		for (uint64_t i = 0; i < kv_num(&kv, 0, "disks") && !format; i++) {
			const char *was = kv_get(&kv, "", "disks.%llu.format", (unsigned long long)i);

			if (!strcmp(kv_get(&kv, "", "disks.%llu.path", (unsigned long long)i), path))
				format = known_format(was, strlen(was));
		}
		kv_free(&kv);
	}
	free(conf);
	return format;
}

static const char *header_format(const char *path)
{
	char head[4] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	if (fd >= 0)
		close(fd);
	return n == sizeof(head) && !memcmp(head, "QFI\xfb", 4) ? "qcow2" : "raw";
}

static void find_format(struct out *o, struct data_disk *k, struct pos at, const char *key)
{
	const char *looks, *was;

	k->format = written_format(k->dir);
	if (k->format)
		return;
	looks = header_format(k->path);
	was = remembered_format(o, k->path);
	k->format = was ? was : looks;
	if (was && strcmp(was, looks))
		diag_error(o->diag, at, key,
			   "the disk '%s' was %s and now looks like %s; if that is right, write the format into "
			   "%s/format", k->name, was, looks, k->dir);
}

/* Finds the disk's folder; false when there is none. */
static bool find_folder(const struct out *o, struct data_disk *k)
{
	static const char *const folders[] = { "_disk", "_disks" };

	for (size_t f = 0; f < 2; f++) {
		k->dir = xasprintf("%s/%s/%s", o->in.home, folders[f], k->name);
		k->path = path_join(k->dir, "datadisk");
		if (path_exists(k->path))
			return true;
		free(k->dir);
		free(k->path);
	}
	*k = (struct data_disk){ .name = k->name };
	return false;
}

void out_disks(struct out *o)
{
	const struct node *list = tree_seq(o->doc, "additionalDisks");

	o->ndisk = 0;
	o->disk = xcalloc((list ? list->n : 0) + 1, sizeof(*o->disk));
	for (size_t i = 0; list && i < list->n; i++) {
		const struct node *n = list->item[i];
		struct data_disk *k = &o->disk[o->ndisk];
		char *key = xasprintf("additionalDisks[%zu].name", i);
		struct err e = { 0 };

		k->name = n->type == NODE_STR ? n->str : tree_str(n, "", "name");
		if (name_check(k->name, "the disk's name", &e) < 0) {
			diag_error(o->diag, n->pos, key, "%s", e.msg);
		} else if (!find_folder(o, k)) {
			diag_error(o->diag, n->pos, key,
				   "there is no disk '%s' (%s/_disk/%s/datadisk); make it with 'limactl disk create'",
				   k->name, o->in.home, k->name);
		} else {
			find_format(o, k, n->pos, key);
			o->ndisk++;
		}
		free(key);
	}
}
