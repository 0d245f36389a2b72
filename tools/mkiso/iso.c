/* iso - see iso.h.
 *
 * libisofs is the library beneath xorriso. It makes the image in a thread of its own, from which we read; xorriso
 * itself would hand the data to libburn, which waits 100 ms for its own writer. Everything that libisofs would take
 * from the clock, the environment or the files' owners is set here; file contents come through source.c. */
#include "iso.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "source.h"

#define BLOCK 2048
/* Read and written at once. */
#define CHUNK (64 * BLOCK)
/* Blocks that the writer thread may be ahead; libisofs wants at least 32. */
#define FIFO_BLOCKS 128
#define DIR_MODE 0755
#define EXEC_MODE 0755
#define FILE_MODE 0644
/* ISO 9660 file names: 31 characters; 3 only lifts the limit on sizes. */
#define ISO_LEVEL 3
#define RESERVED_SIZE 512

int iso_check_label(const char *label, bool joliet, struct err *e)
{
	size_t n = strlen(label), max = joliet ? LABEL_JOLIET_MAX : LABEL_MAX;

	if (n < 1 || n > max)
		return err_set(e, EXIT_USAGE, "label '%s': it has %zu characters, 1 to %zu are allowed", label, n, max);
	for (size_t i = 0; i < n; i++)
		if (label[i] < 0x20 || label[i] > 0x7e)
			return err_set(e, EXIT_USAGE, "label: only printable ASCII characters are allowed");
	return 0;
}

static int failed(int code, const char *what, struct err *e)
{
	return err_set(e, code == (int)ISO_OUT_OF_MEM ? EXIT_UNAVAIL : EXIT_IOERR, "cannot make the image: %s: %s",
		       what, iso_error_to_msg(code));
}

static void set_node(IsoNode *node, mode_t mode, time_t date)
{
	iso_node_set_permissions(node, mode);
	iso_node_set_uid(node, 0);
	iso_node_set_gid(node, 0);
	iso_node_set_mtime(node, date);
	iso_node_set_atime(node, date);
	iso_node_set_ctime(node, date);
}

static int add_file(IsoDir *parent, struct source_set *set, size_t index, IsoNode **ret, struct err *e)
{
	const struct file *f = &set->files->file[index];
	IsoStream *content = source_stream(set, index);
	IsoFile *node = NULL;
	int r = iso_tree_add_new_file(parent, f->name, content, &node);

	if (r < 0) {
		iso_stream_unref(content);
		return failed(r, f->path, e);
	}
	*ret = (IsoNode *)node;
	return 0;
}

static int add_dir(IsoDir *parent, const struct file *f, IsoDir **ret, struct err *e)
{
	int r = iso_tree_add_new_dir(parent, f->name, ret);

	return r < 0 ? failed(r, f->path, e) : 0;
}

static int fill(IsoImage *image, struct source_set *set, time_t date, struct err *e)
{
	const struct files *f = set->files;
	IsoDir **dirs = xcalloc(f->n, sizeof(*dirs));
	int r = 0;

	dirs[0] = iso_image_get_root(image);
	set_node((IsoNode *)dirs[0], DIR_MODE, date);
	for (size_t i = 1; r == 0 && i < f->n; i++) {
		const struct file *file = &f->file[i];
		IsoDir *parent = dirs[file->parent];
		IsoNode *node = NULL;

		if (file->dir) {
			r = add_dir(parent, file, &dirs[i], e);
			node = (IsoNode *)dirs[i];
		} else {
			r = add_file(parent, set, i, &node, e);
		}
		if (r < 0)
			break;
		set_node(node, file->dir ? DIR_MODE : file->exec ? EXEC_MODE : FILE_MODE, date);
	}
	free(dirs);
	return r;
}

/* The first four descriptor fields would name the library and its version. */
static void set_labels(IsoImage *image, const char *label)
{
	static char reserved[RESERVED_SIZE];

	iso_image_set_volume_id(image, label);
	iso_image_set_volset_id(image, label);
	iso_image_set_system_id(image, "LINUX");
	iso_image_set_application_id(image, "LIMA-MKISO");
	iso_image_set_publisher_id(image, "");
	iso_image_set_data_preparer_id(image, "");
	iso_image_set_app_use(image, reserved, RESERVED_SIZE);
}

static void set_options(IsoWriteOpts *w, const struct iso_opts *o)
{
	char stamp[32];
	struct tm tm;

	gmtime_r(&o->date, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S00", &tm);
	iso_write_opts_set_iso_level(w, ISO_LEVEL);
	iso_write_opts_set_rockridge(w, 1);
	iso_write_opts_set_joliet(w, o->joliet);
	iso_write_opts_set_relaxed_vol_atts(w, 1);
	iso_write_opts_set_rrip_version_1_10(w, 0);
	iso_write_opts_set_hardlinks(w, 0);
	iso_write_opts_set_aaip(w, 0);
	iso_write_opts_set_record_md5(w, 0, 0);
	iso_write_opts_set_dir_rec_mtime(w, 3);
	iso_write_opts_set_always_gmt(w, 1);
	iso_write_opts_set_output_charset(w, "UTF-8");
	iso_write_opts_set_pvd_times(w, o->date, o->date, 0, 0, stamp);
	iso_write_opts_set_fifo_size(w, FIFO_BLOCKS);
}

/* Copies what the writer thread makes. */
static int drain(struct burn_source *src, int fd, const char *name, struct err *e)
{
	unsigned char *chunk = xmalloc(CHUNK);
	off_t left = src->get_size(src);
	int r = 0;

	while (r == 0 && left > 0) {
		int want = left < CHUNK ? (int)left : CHUNK;
		int n = src->version >= 1 ? src->read_xt(src, chunk, want) : src->read(src, chunk, want);

		if (n <= 0)
			r = err_set(e, EXIT_INTERNAL, "cannot make the image: libisofs gave up");
		else if (fd_write_all(fd, chunk, (size_t)n) < 0)
			r = err_sys(e, EXIT_IOERR, "cannot write %s", name);
		left -= n;
	}
	free(chunk);
	return r;
}

static int produce(IsoImage *image, struct source_set *set, const struct iso_opts *o, int fd, const char *name,
		   struct err *e)
{
	IsoWriteOpts *w;
	struct burn_source *src = NULL;
	int r = iso_write_opts_new(&w, 0);

	if (r < 0)
		return failed(r, name, e);
	set_options(w, o);
	r = iso_image_create_burn_source(image, w, &src);
	iso_write_opts_free(w);
	if (r < 0)
		return failed(r, name, e);
	r = drain(src, fd, name, e);
	/* Waits for the thread, in any case. */
	if (src->version >= 1)
		src->cancel(src);
	src->free_data(src);
	free(src);
	/* libisofs goes on with zeros when a file cannot be read. */
	if (set->e.code) {
		*e = set->e;
		return -1;
	}
	return r;
}

int iso_write(const struct files *f, const struct iso_opts *o, int fd, const char *name, struct err *e)
{
	struct source_set set = { .files = f };
	IsoImage *image = NULL;
	int r = iso_init();

	if (r < 0)
		return failed(r, "start", e);
	/* Names are UTF-8 whatever the locale, and the library is to print nothing. */
	iso_set_local_charset((char *)"UTF-8", 0);
	iso_set_msgs_severities((char *)"NEVER", (char *)"NEVER", (char *)"");
	r = iso_image_new(o->label, &image);
	if (r < 0) {
		r = failed(r, "start", e);
	} else {
		set_labels(image, o->label);
		r = fill(image, &set, o->date, e);
		if (r == 0)
			r = produce(image, &set, o, fd, name, e);
		iso_image_unref(image);
	}
	iso_finish();
	return r;
}
