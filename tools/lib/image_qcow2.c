/* image_qcow2 - see image_header.h. A qcow2 header, believed in nothing: every offset and count is compared with the
 * file before it is used. Format: docs/interop/qcow2.txt of QEMU. All numbers are big-endian. */
#include "image_qcow2.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

/* The limits are those of QEMU's reader. */
#define L1_BYTES_MAX (32u << 20)
#define REFTABLE_BYTES_MAX (8u << 20)
#define SNAPSHOTS_MAX 65536u
#define SNAPSHOT_MIN 40u /* bytes of an entry of the snapshot table, at least */
#define HEADER_MAX 4096u /* how much of the header is looked at; extensions behind it are read one by one */

/* incompatible_features */
#define FEATURE_DIRTY (1u << 0)
#define FEATURE_CORRUPT (1u << 1)
#define FEATURE_DATA_FILE (1u << 2)
#define FEATURE_COMPRESSION (1u << 3)
#define FEATURE_EXTENDED_L2 (1u << 4)
#define FEATURES_GOOD (FEATURE_DIRTY | FEATURE_COMPRESSION | FEATURE_EXTENDED_L2)

#define EXT_END 0u
#define EXT_DATA_FILE 0x44415441u
#define EXT_CRYPTO 0x0537be77u

#define L1_OFFSET 0x00fffffffffffe00ull /* the bits of an L1 entry that are an offset */

struct qcow2 {
	const struct image_source *src;
	const char *name;
	struct err *e;
	uint32_t version, cluster_bits, crypt, l1_entries, reftable_clusters, snapshots, header_len, refcount_order,
		backing_len;
	uint64_t backing, size, l1, reftable, snapshot_table, features, cluster;
	uint8_t compression;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static int refuse(const struct qcow2 *q, const char *why)
{
	return err_set(q->e, EXIT_BADDATA, "%s: refused as disk image: %s", q->name, why);
}

static void decode(struct qcow2 *q, const uint8_t *h)
{
	q->version = be32(h + 4);
	q->backing = be64(h + 8);
	q->backing_len = be32(h + 16);
	q->cluster_bits = be32(h + 20);
	q->size = be64(h + 24);
	q->crypt = be32(h + 32);
	q->l1_entries = be32(h + 36);
	q->l1 = be64(h + 40);
	q->reftable = be64(h + 48);
	q->reftable_clusters = be32(h + 56);
	q->snapshots = be32(h + 60);
	q->snapshot_table = be64(h + 64);
	q->header_len = 72;
	if (q->version < 3)
		return;
	q->features = be64(h + 72);
	q->refcount_order = be32(h + 96);
	q->header_len = be32(h + 100);
	q->compression = q->header_len > 104 ? h[104] : 0;
}

/* What the image says about itself and other files. */
static int check_kind(const struct qcow2 *q)
{
	if (q->version != 2 && q->version != 3)
		return refuse(q, "it is qcow2 of an unknown version");
	if (q->backing || q->backing_len)
		return refuse(q, "it names a backing file on this machine; flatten it with qemu-img convert");
	if (q->crypt)
		return refuse(q, "it is encrypted");
	if (q->features & FEATURE_DATA_FILE)
		return refuse(q, "it names an external data file; flatten it with qemu-img convert");
	if (q->features & FEATURE_CORRUPT)
		return refuse(q, "it is marked as corrupt");
	if (q->features & ~(uint64_t)FEATURES_GOOD)
		return refuse(q, "it uses unknown qcow2 features");
	if (q->refcount_order > 6)
		return refuse(q, "its header is not valid (reference count width)");
	if ((q->features & FEATURE_COMPRESSION ? q->compression != 1 : q->compression != 0))
		return refuse(q, "its header is not valid (compression type)");
	return 0;
}

static int check_sizes(struct qcow2 *q)
{
	if (q->cluster_bits < 9 || q->cluster_bits > 21)
		return refuse(q, "its header is not valid (cluster size)");
	q->cluster = 1ull << q->cluster_bits;
	if (q->src->size < q->cluster)
		return refuse(q, "it is cut off inside its header");
	if (q->version == 3 && (q->header_len < 104 || q->header_len % 8 || q->header_len > q->cluster))
		return refuse(q, "its header is not valid (header length)");
	if (q->size == 0)
		return refuse(q, "the disk in it has no size");
	if (q->size > IMAGE_VIRTUAL_MAX)
		return refuse(q, "the disk in it is larger than 16TiB");
	return 0;
}

/* A table must begin at a cluster, behind the header, and end inside the file. */
static bool inside(const struct qcow2 *q, uint64_t at, uint64_t bytes)
{
	return at >= q->cluster && (at & (q->cluster - 1)) == 0 && at <= q->src->size && bytes <= q->src->size - at;
}

static int check_tables(const struct qcow2 *q)
{
	/* An L2 table is one cluster of entries of 8 (extended: 16) bytes; the L1 table has an entry for each. */
	unsigned covered_bits = 2 * q->cluster_bits - (q->features & FEATURE_EXTENDED_L2 ? 4 : 3);
	uint64_t l2_tables = (q->size + (1ull << covered_bits) - 1) >> covered_bits;
	uint64_t l1_bytes = (uint64_t)q->l1_entries * 8, ref_bytes = (uint64_t)q->reftable_clusters << q->cluster_bits;

	if (l1_bytes > L1_BYTES_MAX || q->l1_entries < l2_tables)
		return refuse(q, "its header is not valid (size of the L1 table)");
	if (!inside(q, q->l1, l1_bytes))
		return refuse(q, "it is cut off or not valid (place of the L1 table)");
	if (ref_bytes == 0 || ref_bytes > REFTABLE_BYTES_MAX)
		return refuse(q, "its header is not valid (size of the reference count table)");
	if (!inside(q, q->reftable, ref_bytes))
		return refuse(q, "it is cut off or not valid (place of the reference count table)");
	if (q->snapshots > SNAPSHOTS_MAX ||
	    (q->snapshots && !inside(q, q->snapshot_table, (uint64_t)q->snapshots * SNAPSHOT_MIN)))
		return refuse(q, "its header is not valid (snapshot table)");
	return 0;
}

/* Header extensions: u32 type, u32 length, data padded to 8 bytes; all inside the first cluster. */
static int check_extensions(const struct qcow2 *q)
{
	uint64_t at = q->header_len;
	uint8_t h[8];

	while (at + 8 <= q->cluster) {
		if (image_read(q->src, at, h, sizeof(h), q->name, q->e) < 0)
			return -1;
		switch (be32(h)) {
		case EXT_END:
			return 0;
		case EXT_DATA_FILE:
			return refuse(q, "it names an external data file; flatten it with qemu-img convert");
		case EXT_CRYPTO:
			return refuse(q, "it is encrypted");
		default: /* a reader may pass over what it does not know (docs/interop/qcow2.txt of QEMU) */
			break;
		}
		if (be32(h + 4) > q->cluster - at - 8)
			return refuse(q, "its header is not valid (an extension is too long)");
		at += 8 + (((uint64_t)be32(h + 4) + 7) & ~7ull);
	}
	return 0;
}

/* Every L2 table must stand in the file: a download that was cut off shows here. */
static int check_l1(const struct qcow2 *q)
{
	uint8_t chunk[4096];
	uint64_t left = (uint64_t)q->l1_entries * 8, at = q->l1;

	while (left > 0) {
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

		if (image_read(q->src, at, chunk, n, q->name, q->e) < 0)
			return -1;
		for (size_t i = 0; i < n; i += 8) {
			uint64_t l2 = be64(chunk + i) & L1_OFFSET;

			if (l2 && ((l2 & (q->cluster - 1)) || l2 < q->cluster || l2 >= q->src->size))
				return refuse(q, "it is cut off or not valid (place of an L2 table)");
		}
		at += n;
		left -= n;
	}
	return 0;
}

int qcow2_check(const struct image_source *src, const uint8_t *head, const char *name, uint64_t *virtual_size,
		struct err *e)
{
	struct qcow2 q = { .src = src, .name = name, .e = e };

	decode(&q, head);
	if (check_kind(&q) < 0 || check_sizes(&q) < 0 || check_tables(&q) < 0 || check_extensions(&q) < 0 ||
	    check_l1(&q) < 0)
		return -1;
	*virtual_size = q.size;
	return 0;
}
