/* image_header - see image_header.h: the table of what is refused by name, raw disks, and the entry points. qcow2 has
 * a file of its own. */
#include "image_header.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "image_qcow2.h"

#define HEAD (68u << 10) /* how far the magics reach: btrfs stands at 64 KiB + 64 */
#define SECTOR 512u
#define GPT_ENTRIES_MAX 128u

#define CONVERT "; convert it to qcow2 first"

struct magic {
	uint32_t at;
	uint8_t len;
	const char *bytes, *what;
};

/* Never a disk for us. The text completes "it is ...". */
static const struct magic refused[] = {
	{ 32769, 5, "CD001", "an ISO 9660 image, and installing from one is not supported yet; use a cloud image" },
	{ 0, 4, "KDMV", "a VMDK image" CONVERT },
	{ 0, 4, "COWD", "a VMDK image" CONVERT },
	{ 0, 21, "# Disk DescriptorFile", "a VMDK descriptor, which names other files" CONVERT },
	{ 64, 4, "\x7f\x10\xda\xbe", "a VDI image" CONVERT },
	{ 0, 8, "vhdxfile", "a VHDX image" CONVERT },
	{ 0, 8, "conectix", "a VHD image" CONVERT },
	{ 0, 4, "QED\0", "a QED image" CONVERT },
	{ 0, 16, "WithoutFreeSpace", "a Parallels image" CONVERT },
	{ 0, 16, "WithouFreSpacExt", "a Parallels image" CONVERT },
	{ 0, 22, "Bochs Virtual HD Image", "a Bochs image" CONVERT },
	{ 0, 6, "LUKS\xba\xbe", "encrypted (LUKS)" },
	{ 0, 5, "json:", "a QEMU block description, which names other files" },
	{ 0, 2, "\x1f\x8b", "compressed (gzip)" },
	{ 0, 3, "BZh", "compressed (bzip2)" },
	{ 0, 6, "\xfd" "7zXZ\0", "compressed (xz)" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "compressed (zstd)" },
	{ 0, 4, "PK\x03\x04", "a zip archive" },
	{ 257, 5, "ustar", "a tar archive" },
	{ 0, 9, "<!DOCTYPE", "a web page; the server may want a login, or the location is wrong" },
	{ 0, 5, "<html", "a web page; the server may want a login, or the location is wrong" },
	{ 0, 5, "<?xml", "an XML document; the location may be wrong" },
};

/* What a raw disk begins with. */
static const struct magic disks[] = {
	{ 510, 2, "\x55\xaa", "MBR" },
	{ 512, 8, "EFI PART", "GPT" },
	{ 4096, 8, "EFI PART", "GPT with sectors of 4 KiB" },
	{ 1080, 2, "\x53\xef", "ext2, ext3 or ext4" },
	{ 0, 4, "XFSB", "XFS" },
	{ 65600, 8, "_BHRfS_M", "btrfs" },
	{ 512, 8, "LABELONE", "LVM" },
	{ 0, 4, "hsqs", "squashfs" },
	{ 1024, 4, "\xe2\xe1\xf5\xe0", "EROFS" },
	{ 1024, 4, "\x10\x20\xf5\xf2", "F2FS" },
};

static const struct magic *find(const struct magic *m, size_t count, const uint8_t *head, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (m[i].at + m[i].len <= n && !memcmp(head + m[i].at, m[i].bytes, m[i].len))
			return &m[i];
	return NULL;
}

static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

/* Reads exactly n bytes; fewer are an error. */
int image_read(const struct image_source *src, uint64_t at, void *buf, size_t n, const char *name, struct err *e)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = src->read(src->ctx, at + have, (char *)buf + have, n - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, EXIT_IOERR, "cannot read %s", name);
		if (got == 0)
			return err_set(e, EXIT_BADDATA, "%s: refused as disk image: it ends too early", name);
		have += (size_t)got;
	}
	return 0;
}

static int cut_off(const char *name, const char *what, struct err *e)
{
	return err_set(e, EXIT_BADDATA, "%s: refused as disk image: it is cut off: %s reaches beyond the end", name,
		       what);
}

/* Partitions of an MBR. A boot sector without a table has code there: then the first bytes of its entries are not
 * flags. */
static int check_mbr(const uint8_t *head, uint64_t size, const char *name, struct err *e)
{
	const uint8_t *p = head + 446;

	for (int i = 0; i < 4; i++)
		if (p[16 * i] != 0 && p[16 * i] != 0x80)
			return 0;
	for (int i = 0; i < 4; i++, p += 16) {
		uint64_t first = le(p + 8, 4), count = le(p + 12, 4);

		if (p[4] != 0 && p[4] != 0xee && (first + count) * SECTOR > size)
			return cut_off(name, "a partition", e);
	}
	return 0;
}

static int check_gpt(const struct image_source *src, const uint8_t *header, uint64_t sector, const char *name,
		     struct err *e)
{
	uint64_t table = le(header + 72, 8), count = le(header + 80, 4), step = le(header + 84, 4);
	uint8_t entry[48];

	if (step < 128 || step > 4096 || table > src->size / sector)
		return err_set(e, EXIT_BADDATA, "%s: refused as disk image: its partition table (GPT) is not valid",
			       name);
	for (uint64_t i = 0; i < count && i < GPT_ENTRIES_MAX; i++) {
		if (image_read(src, table * sector + i * step, entry, sizeof(entry), name, e) < 0)
			return -1;
		/* The type is a GUID; all zeros: not used. */
		if (le(entry, 8) | le(entry + 8, 8) && le(entry + 40, 8) >= src->size / sector)
			return cut_off(name, "a partition", e);
	}
	return 0;
}

static int check_ext(const uint8_t *super, uint64_t size, const char *name, struct err *e)
{
	uint64_t blocks = le(super + 4, 4), shift = le(super + 24, 4);

	if (le(super + 96, 4) & 0x80) /* 64bit */
		blocks |= le(super + 0x150, 4) << 32;
	if (shift > 6)
		return err_set(e, EXIT_BADDATA, "%s: refused as disk image: its file system is not valid", name);
	return blocks > size >> (10 + shift) ? cut_off(name, "its file system", e) : 0;
}

static int check_raw(const struct image_source *src, const uint8_t *head, const char *name, struct err *e)
{
	const struct magic *m = find(disks, sizeof(disks) / sizeof(*disks), head, HEAD);

	if (!m)
		return err_set(e, EXIT_BADDATA,
			       "%s: refused as disk image: neither qcow2 nor a raw disk with partitions or a file system",
			       name);
	if (src->size > IMAGE_VIRTUAL_MAX)
		return err_set(e, EXIT_BADDATA, "%s: refused as disk image: it is larger than 16TiB", name);
	if (!memcmp(head + 512, "EFI PART", 8))
		return check_gpt(src, head + 512, 512, name, e);
	if (!memcmp(head + 4096, "EFI PART", 8))
		return check_gpt(src, head + 4096, 4096, name, e);
	if (m->at == 510)
		return check_mbr(head, src->size, name, e);
	return m->at == 1080 ? check_ext(head + 1024, src->size, name, e) : 0;
}

/* `head` has HEAD bytes, those beyond the end of the image zero. */
static int check(const struct image_source *src, const uint8_t *head, const char *name, struct image_info *info,
		 struct err *e)
{
	const struct magic *m = find(refused, sizeof(refused) / sizeof(*refused), head, HEAD);

	if (m)
		return err_set(e, EXIT_BADDATA, "%s: refused as disk image: it is %s", name, m->what);
	if (src->size < SECTOR)
		return err_set(e, EXIT_BADDATA, "%s: refused as disk image: it has only %llu bytes", name,
			       (unsigned long long)src->size);
	if (!memcmp(head, "QFI\xfb", 4)) {
		info->format = IMAGE_QCOW2;
		return qcow2_check(src, head, name, &info->virtual_size, e);
	}
	info->format = IMAGE_RAW;
	info->virtual_size = src->size;
	return check_raw(src, head, name, e);
}

int image_check(const struct image_source *src, const char *name, struct image_info *info, struct err *e)
{
	size_t n = src->size < HEAD ? (size_t)src->size : HEAD;
	uint8_t *head = xcalloc(1, HEAD);
	int r = image_read(src, 0, head, n, name, e);

	if (r == 0)
		r = check(src, head, name, info, e);
	free(head);
	return r;
}

static ssize_t read_fd(void *ctx, uint64_t at, void *buf, size_t n)
{
	return pread(*(int *)ctx, buf, n, (off_t)at);
}

int image_check_fd(int fd, const char *name, struct image_info *info, struct err *e)
{
	struct image_source src = { .read = read_fd, .ctx = &fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, EXIT_IOERR, "cannot look at %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EXIT_BADDATA, "%s: refused as disk image: it is not a regular file", name);
	src.size = (uint64_t)st.st_size;
	return image_check(&src, name, info, e);
}
