/* lima-disk - makes and grows diffdisk, the machine's own disk.
 *
 * diffdisk is the user's data. It is made under another name and then given its own by link(2), which never replaces
 * anything; growing is left to qemu-img, which takes the image's lock and refuses while a machine uses it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "err.h"
#include "file.h"
#include "instance_files.h"
#include "kv.h"
#include "spawn.h"

static const char usage[] =
	"usage: lima-disk create DIR    make DIR/diffdisk, an overlay on DIR/basedisk, when there is none\n"
	"       lima-disk grow DIR      enlarge DIR/diffdisk to the size in DIR/.make/disk.conf\n"
	"       lima-disk --help | --version\n";

struct image {
	bool qcow2;
	uint64_t size; /* what the guest sees, in bytes */
};

/* The qcow2 header (docs/interop/qcow2.txt of QEMU): "QFI\xfb", u32 version, ..., u64 virtual size at 24, big-endian.
 * Everything else is raw. lima-fetch has already refused what is neither. */
static int image_read(const char *path, struct image *img, struct err *e)
{
	unsigned char h[32] = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, h, sizeof(h), 0);

	if (n < 0 || fstat(fd, &st) < 0) {
		err_sys(e, EXIT_IOERR, "cannot read %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	img->qcow2 = n == (ssize_t)sizeof(h) && !memcmp(h, "QFI\xfb", 4);
	img->size = (uint64_t)st.st_size;
	if (img->qcow2) {
		img->size = 0;
		for (int i = 24; i < 32; i++)
			img->size = img->size << 8 | h[i];
	}
	return 0;
}

static int qemu_img(const struct strv *argv, struct err *e)
{
	struct buf out = { 0 };
	int status = 0;
	int r = spawn_run(argv->v, &out, &out, &status, e);

	if (r < 0)
		err_wrap(e, "making disks needs qemu-img (package qemu-utils)");
	if (r == 0 && status != 0) {
		out.data = out.data ? out.data : xstrdup("no message");
		out.data[strcspn(out.data, "\n")] = '\0';
		r = err_set(e, EXIT_IOERR, "qemu-img %s: %s", argv->v[1], out.data);
	}
	buf_free(&out);
	return r;
}

static int wanted_size(uint64_t *size, struct err *e)
{
	struct kv kv;

	if (kv_load(F_DISK_CONF, &kv, e) < 0)
		return -1;
	*size = kv_num(&kv, 0, "size");
	kv_free(&kv);
	return *size ? 0 : err_set(e, EXIT_BADDATA, "%s: no size", F_DISK_CONF);
}

/* Shrinking would cut off data: the smaller number is refused, with both in the message. */
static int refuse_smaller(uint64_t want, uint64_t have, const char *what, struct err *e)
{
	if (want >= have)
		return 0;
	return err_set(e, EXIT_BADDATA, "disk: %llu bytes is smaller than the %s (%llu bytes); choose a larger disk",
		       (unsigned long long)want, what, (unsigned long long)have);
}

static int create(struct err *e)
{
	char *tmp = xasprintf(".diffdisk.tmp.%ld.0", (long)getpid());
	struct strv argv = { 0 };
	struct image base;
	uint64_t size = 0;
	int r = -1;

	tmp_sweep(".");
	if (path_exists(F_DIFFDISK)) {
		r = 0;
		goto out;
	}
	if (wanted_size(&size, e) < 0 || image_read(F_BASEDISK, &base, e) < 0 ||
	    refuse_smaller(size, base.size, "image", e) < 0)
		goto out;
	for (const char *const *a = (const char *const[]){ "qemu-img", "create", "-q", "-f", "qcow2", "-F",
							   base.qcow2 ? "qcow2" : "raw", "-b", F_BASEDISK, tmp, NULL };
	     *a; a++)
		strv_add(&argv, *a);
	strv_addf(&argv, "%llu", (unsigned long long)size);
	if (qemu_img(&argv, e) < 0)
		goto out;
	chmod(tmp, 0600);
	if (link(tmp, F_DIFFDISK) < 0 && errno != EEXIST)
		err_sys(e, EXIT_CANTCREATE, "cannot create %s", F_DIFFDISK);
	else
		r = dir_sync(".", e);
out:
	unlink(tmp);
	strv_free(&argv);
	free(tmp);
	return r;
}

static int grow(struct err *e)
{
	struct strv argv = { 0 };
	struct image disk;
	uint64_t size = 0;
	int r;

	if (wanted_size(&size, e) < 0 || image_read(F_DIFFDISK, &disk, e) < 0 ||
	    refuse_smaller(size, disk.size, "existing disk", e) < 0)
		return -1;
	if (size == disk.size)
		return 0;
	for (const char *const *a = (const char *const[]){ "qemu-img", "resize", "-q", "-f", disk.qcow2 ? "qcow2" : "raw",
							   F_DIFFDISK, NULL };
	     *a; a++)
		strv_add(&argv, *a);
	strv_addf(&argv, "%llu", (unsigned long long)size);
	r = qemu_img(&argv, e);
	strv_free(&argv);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	int r;

	err_program(argv[0]);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to report */
	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return puts("lima-disk " LIMA_VERSION) < 0;
	if (argc != 3 || (strcmp(argv[1], "create") && strcmp(argv[1], "grow")))
		usage_die("expected 'create DIR' or 'grow DIR'");
	if (chdir(argv[2]) < 0) {
		err_sys(&e, EXIT_NO, "cannot enter %s", argv[2]);
		return err_report(&e);
	}
	r = strcmp(argv[1], "create") ? grow(&e) : create(&e);
	return r < 0 ? err_report(&e) : 0;
}
