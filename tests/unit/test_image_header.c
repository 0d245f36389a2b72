/* image_header: headers made by hand, after docs/interop/qcow2.txt of QEMU, the UEFI specification and the ext4
 * documentation. What qemu-img itself makes is tested in tests/tool/lima-fetch-instance.bats. */
#include "image_header.h"

#include "tap.h"

#define SIZE (1u << 20)
#define CLUSTER 65536u

static uint8_t disk[SIZE];
static uint64_t size;

static ssize_t read_disk(void *ctx, uint64_t at, void *buf, size_t n)
{
	(void)ctx;
	if (at >= size)
		return 0;
	/* Short reads are allowed. */
	if (n > 1000)
		n = 1000;
	if (n > size - at)
		n = (size_t)(size - at);
	memcpy(buf, disk + at, n);
	return (ssize_t)n;
}

static int check(struct image_info *info, struct err *e)
{
	struct image_source src = { .read = read_disk, .size = size };

	return image_check(&src, "disk", info, e);
}

static void good(enum image_format format, uint64_t virtual_size, const char *what)
{
	struct image_info info = { 0 };
	struct err e = { 0 };

	ok(check(&info, &e) == 0, "%s: taken %s", what, e.msg);
	is_num(info.format, format, "its format");
	is_num(info.virtual_size, virtual_size, "its size");
}

static void bad(const char *reason, const char *what)
{
	struct image_info info;
	struct err e = { 0 };

	ok(check(&info, &e) < 0 && e.code == EXIT_BADDATA && strstr(e.msg, reason), "%s: %s", what, e.msg);
}

static void be(uint64_t at, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		disk[at + i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

static void le(uint64_t at, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		disk[at + i] = (uint8_t)(v >> (8 * i));
}

/* A version 3 image of 1 GiB: header, reference counts, L1 table and one L2 table, a cluster each. */
static void qcow2(void)
{
	memset(disk, 0, sizeof(disk));
	size = 4 * CLUSTER;
	memcpy(disk, "QFI\xfb", 4);
	be(4, 4, 3);
	be(20, 4, 16);
	be(24, 8, 1u << 30);
	be(36, 4, 2);
	be(40, 8, 2 * CLUSTER);
	be(48, 8, CLUSTER);
	be(56, 4, 1);
	be(96, 4, 4);
	be(100, 4, 104);
	be(2 * CLUSTER, 8, (1ull << 63) | 3 * CLUSTER);
}

static void qcow2_cases(void)
{
	static const struct {
		uint64_t at, value;
		unsigned bytes;
		const char *reason;
	} cases[] = {
		{ 4, 0, 4, "unknown version" },      { 4, 4, 4, "unknown version" },
		{ 8, 4096, 8, "backing file" },      { 16, 5, 4, "backing file" },
		{ 20, 8, 4, "cluster size" },        { 20, 22, 4, "cluster size" },
		{ 20, 0xffffffff, 4, "cluster size" }, { 24, 0, 8, "no size" },
		{ 24, (16ull << 40) + 1, 8, "larger than 16TiB" }, { 24, ~0ull, 8, "larger than 16TiB" },
		{ 32, 1, 4, "encrypted" },           { 32, 2, 4, "encrypted" },
		{ 36, 1, 4, "L1 table" },            { 36, 0x01000000, 4, "L1 table" },
		{ 36, 0xffffffff, 4, "L1 table" },   { 40, 0, 8, "L1 table" },
		{ 40, 2 * CLUSTER + 8, 8, "L1 table" }, { 40, 1u << 30, 8, "L1 table" },
		{ 40, ~0ull << 16, 8, "L1 table" },  { 48, 0, 8, "reference count" },
		{ 48, 4 * CLUSTER, 8, "reference count" }, { 56, 0, 4, "reference count" },
		{ 56, 4, 4, "reference count" },     { 56, 0xffffffff, 4, "reference count" },
		{ 60, 70000, 4, "snapshot" },        { 60, 1, 4, "snapshot" },
		{ 72, 2, 8, "corrupt" },             { 72, 4, 8, "external data file" },
		{ 72, 32, 8, "unknown qcow2 feature" }, { 72, 1ull << 63, 8, "unknown qcow2 feature" },
		{ 72, 8, 8, "compression type" },    { 96, 7, 4, "reference count width" },
		{ 100, 96, 4, "header length" },     { 100, 108, 4, "header length" },
		{ 100, CLUSTER + 8, 4, "header length" }, { 104, 0x44415441, 4, "external data file" },
		{ 104, 0x0537be77, 4, "encrypted" }, { 2 * CLUSTER, 4 * CLUSTER, 8, "L2 table" },
		{ 2 * CLUSTER, 512, 8, "L2 table" }, { 2 * CLUSTER + 8, 3 * CLUSTER + 512, 8, "L2 table" },
	};

	qcow2();
	good(IMAGE_QCOW2, 1u << 30, "qcow2");
	be(72, 8, 1 | 16); /* dirty, extended L2: one cluster of L2 covers 256 MiB, so four are needed */
	bad("L1 table", "extended L2 with too small a table");
	be(36, 4, 4);
	good(IMAGE_QCOW2, 1u << 30, "extended L2");
	qcow2();
	be(4, 4, 2);
	memset(disk + 72, 0xff, 8); /* data in version 2: an extension of unknown type, which is too long */
	bad("extension is too long", "version 2 with a broken extension");
	memset(disk + 72, 0, 40);
	good(IMAGE_QCOW2, 1u << 30, "version 2");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		qcow2();
		be(cases[i].at, cases[i].bytes, cases[i].value);
		bad(cases[i].reason, cases[i].reason);
	}
	/* An extension is skipped by its padded length. */
	qcow2();
	be(104, 4, 0x6803f857);
	be(108, 4, 9);
	be(128, 4, 0x44415441);
	bad("external data file", "an extension behind another one");
	qcow2();
	size = 3 * CLUSTER + 1;
	good(IMAGE_QCOW2, 1u << 30, "the last cluster may be short");
	size = 3 * CLUSTER;
	bad("L2 table", "cut off before the L2 table");
	size = 2 * CLUSTER + 8;
	bad("L1 table", "cut off inside the L1 table");
	size = 600;
	bad("cut off inside its header", "cut off in the first cluster");
}

static void mbr(uint32_t first, uint32_t count)
{
	memset(disk, 0, sizeof(disk));
	size = SIZE;
	disk[446] = 0x80;
	disk[450] = 0x83;
	le(454, 4, first);
	le(458, 4, count);
	disk[510] = 0x55;
	disk[511] = 0xaa;
}

static void gpt(uint64_t last)
{
	mbr(1, 0xffffffff);
	disk[450] = 0xee;
	memcpy(disk + 512, "EFI PART", 8);
	le(512 + 72, 8, 2);
	le(512 + 80, 4, 128);
	le(512 + 84, 4, 128);
	disk[1024] = 1;
	le(1024 + 32, 8, 34);
	le(1024 + 40, 8, last);
}

static void ext(uint32_t blocks, uint32_t log)
{
	memset(disk, 0, sizeof(disk));
	size = SIZE;
	le(1024 + 4, 4, blocks);
	le(1024 + 24, 4, log);
	disk[1080] = 0x53;
	disk[1081] = 0xef;
}

static void raw_cases(void)
{
	mbr(1, 2047);
	good(IMAGE_RAW, SIZE, "MBR");
	mbr(1, 2048);
	bad("a partition reaches beyond the end", "MBR, cut off");
	mbr(0xffffffff, 0xffffffff);
	bad("a partition reaches beyond the end", "MBR, far away");
	disk[446] = 'x';
	good(IMAGE_RAW, SIZE, "a boot sector without partition table");
	gpt(2047);
	good(IMAGE_RAW, SIZE, "GPT");
	gpt(2048);
	bad("a partition reaches beyond the end", "GPT, cut off");
	gpt(~0ull);
	bad("a partition reaches beyond the end", "GPT, endless");
	gpt(2047);
	le(512 + 84, 4, 0);
	bad("partition table (GPT) is not valid", "GPT with entries of no size");
	gpt(2047);
	le(512 + 72, 8, ~0ull);
	bad("partition table (GPT) is not valid", "GPT with its table elsewhere");
	gpt(2047);
	le(512 + 72, 8, 2047);
	bad("ends too early", "GPT with its table at the end");
	ext(1024, 0);
	good(IMAGE_RAW, SIZE, "ext4");
	ext(257, 2);
	bad("file system reaches beyond the end", "ext4, cut off");
	ext(1, 99);
	bad("file system is not valid", "ext4 with huge blocks");
	ext(1, 0);
	le(1024 + 96, 4, 0x80);
	le(1024 + 0x150, 4, 1);
	bad("file system reaches beyond the end", "ext4 with more than 2^32 blocks");
	memset(disk, 0, sizeof(disk));
	bad("neither qcow2 nor a raw disk", "zeros");
	size = 0;
	bad("only 0 bytes", "nothing");
	size = 1;
	bad("only 1 bytes", "one byte");
	size = 1ull << 60;
	disk[510] = 0x55;
	disk[511] = 0xaa;
	disk[450] = 1;
	bad("larger than 16TiB", "an exbibyte");
}

static void refused(uint64_t at, const char *magic, size_t n, const char *reason)
{
	mbr(1, 2047);
	memcpy(disk + at, magic, n);
	bad(reason, reason);
}

int main(void)
{
	qcow2_cases();
	raw_cases();
	refused(32769, "CD001", 5, "ISO 9660");
	refused(0, "KDMV", 4, "VMDK");
	refused(0, "# Disk DescriptorFile\n", 22, "VMDK descriptor");
	refused(64, "\x7f\x10\xda\xbe", 4, "VDI");
	refused(0, "vhdxfile", 8, "VHDX");
	refused(0, "conectix", 8, "VHD image");
	refused(0, "LUKS\xba\xbe", 6, "LUKS");
	refused(0, "json:{", 6, "names other files");
	refused(0, "\x1f\x8b", 2, "gzip");
	refused(0, "QFI\xfb", 4, "unknown version");
	refused(0, "<html", 5, "web page");
	return done();
}
