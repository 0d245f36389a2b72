/* unpack - see unpack.h. libarchive's filters do the work, except for gzip: there libarchive does not look at the
 * checksum, and zlib does. */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "buf.h"
#include "fetch/intr.h"
#include "num.h"

#define CHUNK (256u << 10)
#define HOLE 4096u /* zeros of this size, so aligned, are not written */

static const struct {
	const char *ext, *magic;
	size_t magic_len;
	int filter;
	const char *name;
} packs[] = {
	[PACK_NONE] = { "", "", 0, ARCHIVE_FILTER_NONE, "plain" },
	[PACK_GZIP] = { ".gz", "\x1f\x8b", 2, ARCHIVE_FILTER_GZIP, "gzip" },
	[PACK_BZIP2] = { ".bz2", "BZh", 3, ARCHIVE_FILTER_BZIP2, "bzip2" },
	[PACK_XZ] = { ".xz", "\xfd" "7zXZ\0", 6, ARCHIVE_FILTER_XZ, "xz" },
	[PACK_ZSTD] = { ".zst", "\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD, "zstd" },
};
#define PACKS (sizeof(packs) / sizeof(*packs))

static enum pack pack_by_magic(int fd)
{
	unsigned char head[8];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	for (size_t i = 1; i < PACKS; i++)
		if (n >= (ssize_t)packs[i].magic_len && !memcmp(head, packs[i].magic, packs[i].magic_len))
			return (enum pack)i;
	return PACK_NONE;
}

enum pack pack_of(const char *location, int fd)
{
	size_t n = strstr(location, "://") ? strcspn(location, "?#") : strlen(location);

	for (size_t i = 1; i < PACKS; i++) {
		size_t len = strlen(packs[i].ext);

		if (n > len && !strncasecmp(location + n - len, packs[i].ext, len))
			return (enum pack)i;
	}
	return pack_by_magic(fd);
}

/* Where the output stands. Holes are made by not writing; the last one by setting the size. */
struct sink {
	int fd;
	uint64_t at, max;
	const char *name;
};

static bool all_zero(const char *p, size_t n)
{
	return n > 0 && p[0] == 0 && !memcmp(p, p + 1, n - 1);
}

static int too_large(const struct sink *s, struct err *e)
{
	char limit[32];

	size_format(s->max, limit, sizeof(limit));
	return err_set(e, EXIT_BADDATA, "%s: unpacks to more than the limit of %s; --max-size raises it", s->name,
		       limit);
}

static int write_at(const struct sink *s, const char *data, size_t n, struct err *e)
{
	uint64_t at = s->at;

	while (n > 0) {
		ssize_t w = pwrite(s->fd, data, n, (off_t)at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(e, EXIT_IOERR, "cannot write the content of %s", s->name);
		data += w, at += (uint64_t)w, n -= (size_t)w;
	}
	return 0;
}

static int sink_add(struct sink *s, const char *data, size_t n, struct err *e)
{
	if (n > s->max - s->at)
		return too_large(s, e);
	while (n > 0) {
		size_t piece = HOLE - (size_t)(s->at % HOLE);

		if (piece > n)
			piece = n;
		if (piece == HOLE && all_zero(data, piece)) {
			s->at += piece, data += piece, n -= piece;
			continue;
		}
		/* As many pieces in one write as hold data. */
		while (piece + HOLE <= n && !all_zero(data + piece, HOLE))
			piece += HOLE;
		if (n - piece < HOLE)
			piece = n;
		if (write_at(s, data, piece, e) < 0)
			return -1;
		s->at += piece, data += piece, n -= piece;
	}
	return 0;
}

static int sink_end(const struct sink *s, struct err *e)
{
	if (ftruncate(s->fd, (off_t)s->at) == 0)
		return 0;
	return err_sys(e, EXIT_IOERR, "cannot write the content of %s", s->name);
}

static void show(struct progress *p, int in, uint64_t total)
{
	off_t at = lseek(in, 0, SEEK_CUR);

	progress_bytes(p, at > 0 ? (uint64_t)at : 0, total);
}

/* Goes over the data of a file, leaving out its holes where the file system tells them. */
static int copy_plain(int in, struct sink *s, uint64_t size, struct progress *p, struct err *e)
{
	char *chunk = xmalloc(CHUNK);
	int r = 0;

	while (r == 0) {
		off_t data = lseek(in, (off_t)s->at, SEEK_DATA);
		ssize_t n;

		if (data < 0 && errno == ENXIO && s->at < size)
			data = (off_t)size;
		if (data > (off_t)s->at) {
			r = (uint64_t)data > s->max ? too_large(s, e) : 0;
			s->at = (uint64_t)data;
		}
		n = pread(in, chunk, CHUNK, (off_t)s->at);
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			r = err_sys(e, EXIT_IOERR, "cannot read %s", s->name);
		if (n > 0 && r == 0)
			r = sink_add(s, chunk, (size_t)n, e);
		if (r == 0)
			r = intr_check(e);
		progress_bytes(p, s->at, size);
	}
	free(chunk);
	return r;
}

static int broken(const struct sink *s, enum pack pack, const char *why, struct err *e)
{
	return err_set(e, EXIT_BADDATA, "%s: damaged %s data: %s", s->name, packs[pack].name,
		       why ? why : "unknown error");
}

/* A stream that gives decompressed bytes: read returns how many, 0 at the end, -1. */
struct stream {
	ssize_t (*read)(void *ctx, void *buf, size_t n);
	const char *(*why)(void *ctx);
	void *ctx;
	enum pack pack;
};

static int pump(const struct stream *from, int in, struct sink *s, uint64_t size, struct progress *p, struct err *e)
{
	char *chunk = xmalloc(CHUNK);
	ssize_t n = 0;
	int r = 0;

	while (r == 0 && (n = from->read(from->ctx, chunk, CHUNK)) > 0) {
		r = sink_add(s, chunk, (size_t)n, e);
		if (r == 0)
			r = intr_check(e);
		show(p, in, size);
	}
	if (r == 0 && n < 0)
		r = broken(s, from->pack, from->why(from->ctx), e);
	free(chunk);
	return r;
}

static ssize_t read_gzip(void *ctx, void *buf, size_t n)
{
	return gzread(ctx, buf, (unsigned)n);
}

static const char *why_gzip(void *ctx)
{
	int code;

	return gzerror(ctx, &code);
}

static int gunzip(int in, struct sink *s, uint64_t size, struct progress *p, struct err *e)
{
	int fd = fcntl(in, F_DUPFD_CLOEXEC, 0);
	gzFile g = fd < 0 ? NULL : gzdopen(fd, "rb");
	struct stream from = { .read = read_gzip, .why = why_gzip, .ctx = g, .pack = PACK_GZIP };
	int r;

	if (!g) {
		if (fd >= 0)
			close(fd);
		return err_sys(e, EXIT_UNAVAIL, "cannot read %s", s->name);
	}
	gzbuffer(g, CHUNK);
	r = pump(&from, in, s, size, p, e);
	/* A file that ends too early shows only here. */
	if (gzclose_r(g) != Z_OK && r == 0)
		r = broken(s, PACK_GZIP, "it is cut off", e);
	return r;
}

static ssize_t read_archive(void *ctx, void *buf, size_t n)
{
	return (ssize_t)archive_read_data(ctx, buf, n);
}

static const char *why_archive(void *ctx)
{
	return archive_error_string(ctx);
}

/* The filter is named, not guessed: an xz file in an xz file is unpacked once, as xz does. */
static int open_archive(struct archive *a, int in, enum pack pack, const struct sink *s, struct err *e)
{
	if (archive_read_append_filter(a, packs[pack].filter) != ARCHIVE_OK)
		return err_set(e, EXIT_UNAVAIL, "%s: this libarchive cannot unpack %s", s->name, packs[pack].name);
	if (archive_read_support_format_raw(a) != ARCHIVE_OK || archive_read_open_fd(a, in, CHUNK) != ARCHIVE_OK)
		return broken(s, pack, archive_error_string(a), e);
	return 0;
}

static int decompress(int in, struct sink *s, enum pack pack, uint64_t size, struct progress *p, struct err *e)
{
	struct archive *a = archive_read_new();
	struct stream from = { .read = read_archive, .why = why_archive, .ctx = a, .pack = pack };
	struct archive_entry *entry;
	int r;

	if (!a)
		return err_set(e, EXIT_UNAVAIL, "%s: libarchive: out of memory", s->name);
	r = open_archive(a, in, pack, s, e);
	/* libarchive does not tell a file that holds nothing from one that is cut off before its first byte. */
	if (r == 0 && archive_read_next_header(a, &entry) != ARCHIVE_OK)
		r = broken(s, pack, "it holds nothing, or is cut off", e);
	if (r == 0)
		r = pump(&from, in, s, size, p, e);
	archive_read_free(a);
	return r;
}

int unpack(int in, int out, enum pack pack, uint64_t max, const char *name, struct progress *p, struct err *e)
{
	struct sink s = { .fd = out, .max = max, .name = name };
	struct stat st;
	int r;

	if (fstat(in, &st) < 0 || lseek(in, 0, SEEK_SET) < 0)
		return err_sys(e, EXIT_IOERR, "cannot read %s", name);
	if (pack != PACK_NONE && pack_by_magic(in) != pack)
		return err_set(e, EXIT_BADDATA, "%s: it is no %s file in spite of its name", name, packs[pack].name);
	progress_bytes(p, 0, (uint64_t)st.st_size);
	if (pack == PACK_NONE)
		r = copy_plain(in, &s, (uint64_t)st.st_size, p, e);
	else if (pack == PACK_GZIP)
		r = gunzip(in, &s, (uint64_t)st.st_size, p, e);
	else
		r = decompress(in, &s, pack, (uint64_t)st.st_size, p, e);
	return r < 0 ? -1 : sink_end(&s, e);
}
