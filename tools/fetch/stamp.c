/* stamp - see stamp.h. */
#include "stamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kv.h"

static const char *const names[STAMP_PARTS] = { E_DATA, E_KERNEL, E_INITRD, E_CMDLINE };

#ifdef __APPLE__
#define MTIME(st) ((st)->st_mtimespec)
#else
#define MTIME(st) ((st)->st_mtim)
#endif

const char *stamp_name(enum stamp_part part)
{
	return names[part];
}

static void load_item(const struct kv *kv, const char *name, struct stamp_item *item)
{
	const char *mtime = kv_get(kv, "", "%s.mtime", name);

	item->size = kv_num(kv, 0, "%s.size", name);
	item->inode = kv_num(kv, 0, "%s.inode", name);
	if (sscanf(mtime, "%" SCNd64 ".%ld", &item->sec, &item->nsec) != 2)
		item->inode = 0; /* no file has it: nothing matches */
	for (int i = 0; i < SHA_ALGS; i++) {
		const char *hex = kv_get(kv, "", "%s.%s", name, sha_name((enum sha_alg)i));
		size_t n = strlen(hex);

		if (n == sha_hex_len((enum sha_alg)i))
			memcpy(item->hex[i], hex, n + 1);
	}
}

void stamp_load(const struct entry *en, struct stamp *s)
{
	struct err ignored = { 0 };
	struct buf text = { 0 };
	const char *etag;
	struct kv kv;

	memset(s, 0, sizeof(*s));
	if (entry_read(en, E_VERIFIED, &text) == 0 &&
	    kv_parse(buf_str(&text), text.len, E_VERIFIED, &kv, &ignored) == 0) {
		for (int i = 0; i < STAMP_PARTS; i++)
			load_item(&kv, names[i], &s->item[i]);
		etag = kv_get(&kv, NULL, "etag");
		s->etag = etag ? xstrdup(etag) : NULL;
		kv_free(&kv);
	}
	buf_free(&text);
}

static void put_item(struct buf *out, const char *name, const struct stamp_item *item)
{
	char key[64];

	snprintf(key, sizeof(key), "%s.size", name);
	kv_putf(out, key, "%" PRIu64, item->size);
	snprintf(key, sizeof(key), "%s.mtime", name);
	kv_putf(out, key, "%" PRId64 ".%09ld", item->sec, item->nsec);
	snprintf(key, sizeof(key), "%s.inode", name);
	kv_putf(out, key, "%" PRIu64, item->inode);
	for (int i = 0; i < SHA_ALGS; i++) {
		if (!item->hex[i][0])
			continue;
		snprintf(key, sizeof(key), "%s.%s", name, sha_name((enum sha_alg)i));
		kv_put(out, key, item->hex[i]);
	}
}

int stamp_save(const struct entry *en, const struct stamp *s, struct err *e)
{
	struct buf out = { 0 };
	int r;

	for (int i = 0; i < STAMP_PARTS; i++)
		if (s->item[i].inode)
			put_item(&out, names[i], &s->item[i]);
	if (s->etag)
		kv_put(&out, "etag", s->etag);
	r = entry_write(en, E_VERIFIED, buf_str(&out), e);
	buf_free(&out);
	return r;
}

void stamp_free(struct stamp *s)
{
	free(s->etag);
	s->etag = NULL;
}

static void identify(struct stamp_item *item, const struct stat *st)
{
	item->size = (uint64_t)st->st_size;
	item->inode = (uint64_t)st->st_ino;
	item->sec = (int64_t)MTIME(st).tv_sec;
	item->nsec = MTIME(st).tv_nsec;
}

static bool same_file(const struct stamp_item *a, const struct stat *st)
{
	struct stamp_item b;

	identify(&b, st);
	return a->inode == b.inode && a->size == b.size && a->sec == b.sec && a->nsec == b.nsec;
}

int stamp_set(struct stamp *s, enum stamp_part part, int fd, const struct digest *d, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, EXIT_IOERR, "cannot look at %s", names[part]);
	memset(&s->item[part], 0, sizeof(s->item[part]));
	identify(&s->item[part], &st);
	memcpy(s->item[part].hex[d->alg], d->hex, sizeof(d->hex));
	return 0;
}

static int hash_fd(int fd, const struct entry *en, enum stamp_part part, struct digest *d, struct err *e)
{
	struct sha *sha = sha_new(d->alg);
	char *path = entry_path(en, names[part]);
	int r = lseek(fd, 0, SEEK_SET) < 0 ? err_sys(e, EXIT_IOERR, "cannot read %s", path)
					   : sha_add_fd(sha, fd, UINT64_MAX, path, e);

	free(path);
	if (r < 0)
		sha_drop(sha);
	else
		sha_end(sha, d->hex);
	return r;
}

/* The digest in ALG.digest, which belongs to data. */
static bool digest_file(const struct entry *en, enum sha_alg alg, char hex[SHA_HEX_SIZE])
{
	struct err ignored = { 0 };
	struct buf text = { 0 };
	struct digest d;
	char name[32];
	bool found;

	snprintf(name, sizeof(name), "%s.digest", sha_name(alg));
	found = entry_read(en, name, &text) == 0 && digest_parse(buf_str(&text), &d, &ignored) == 0 && d.alg == alg;
	if (found)
		memcpy(hex, d.hex, sizeof(d.hex));
	buf_free(&text);
	return found;
}

enum record { RECORD_NONE, RECORD_SAME, RECORD_DIFFERENT };

/* Compares a digest with what was noted down for that file. Two places may disagree after a crash between their writes:
 * it is enough to agree with one. `d` NULL only asks whether there is a note for that algorithm. */
static enum record compare_record(const struct entry *en, const struct stamp *s, enum stamp_part part, enum sha_alg alg,
				  const struct digest *d)
{
	const char *stamped = s->item[part].hex[alg];
	char hex[SHA_HEX_SIZE] = "";
	bool noted = part == STAMP_DATA && digest_file(en, alg, hex);

	if (!stamped[0] && !noted)
		return RECORD_NONE;
	return d && (!strcmp(stamped, d->hex) || !strcmp(hex, d->hex)) ? RECORD_SAME : RECORD_DIFFERENT;
}

static bool wanted(const struct digest *want, const struct digest *has)
{
	return !want || (want->alg == has->alg && !strcmp(want->hex, has->hex));
}

/* Looks up a digest of a file that is known to be what it was, or computes it. */
static int known_digest(const struct entry *en, struct stamp *s, enum stamp_part part, int fd, struct digest *has,
			struct err *e)
{
	char *hex = s->item[part].hex[has->alg];

	if (hex[0]) {
		memcpy(has->hex, hex, SHA_HEX_SIZE);
		return 0;
	}
	if (hash_fd(fd, en, part, has, e) < 0)
		return -1;
	memcpy(hex, has->hex, SHA_HEX_SIZE);
	return stamp_save(en, s, e);
}

/* The file is not the one that was hashed. It may still have the content: touched, copied, or put there by Lima. */
static int judge_doubtful(const struct entry *en, struct stamp *s, enum stamp_part part, int fd,
			  const struct digest *want,
			  struct digest *has, enum verdict *verdict, struct err *e)
{
	enum record record;

	for (int i = 0; !want && i < SHA_ALGS; i++)
		if (compare_record(en, s, part, (enum sha_alg)i, NULL) != RECORD_NONE) {
			has->alg = (enum sha_alg)i;
			break;
		}
	if (hash_fd(fd, en, part, has, e) < 0)
		return -1;
	record = compare_record(en, s, part, has->alg, has);
	*verdict = VERDICT_GOOD;
	if (want && !wanted(want, has))
		*verdict = record == RECORD_DIFFERENT ? VERDICT_DAMAGED : VERDICT_OTHER;
	else if (!want && record == RECORD_DIFFERENT)
		*verdict = VERDICT_DAMAGED;
	if (*verdict != VERDICT_GOOD)
		return 0;
	return stamp_set(s, part, fd, has, e) < 0 ? -1 : stamp_save(en, s, e);
}

static enum sha_alg first_known(const struct stamp_item *item)
{
	for (int i = 0; i < SHA_ALGS; i++)
		if (item->hex[i][0])
			return (enum sha_alg)i;
	return SHA_256;
}

int stamp_verify(const struct entry *en, struct stamp *s, enum stamp_part part, const struct digest *want, int *fd,
		 struct digest *has, enum verdict *verdict, struct err *e)
{
	struct stamp_item *item = &s->item[part];
	bool missing;
	struct stat st;
	int r;

	*fd = entry_open_file(en, names[part], &missing, e);
	*verdict = VERDICT_MISSING;
	if (*fd < 0)
		return missing ? 0 : -1;
	has->alg = want ? want->alg : first_known(item);
	if (fstat(*fd, &st) < 0) {
		r = err_sys(e, EXIT_IOERR, "cannot look at %s/%s", en->dir, names[part]);
	} else if (same_file(item, &st)) {
		r = known_digest(en, s, part, *fd, has, e);
		*verdict = wanted(want, has) ? VERDICT_GOOD : VERDICT_OTHER;
	} else {
		r = judge_doubtful(en, s, part, *fd, want, has, verdict, e);
	}
	if (r < 0 || *verdict == VERDICT_DAMAGED) {
		close(*fd);
		*fd = -1;
	}
	return r;
}

int digest_publish(const struct entry *en, const struct digest *d, struct err *e)
{
	char name[32], text[SHA_TEXT_SIZE];

	for (int i = 0; i < SHA_ALGS; i++) {
		if (i == (int)d->alg)
			continue;
		snprintf(name, sizeof(name), "%s.digest", sha_name((enum sha_alg)i));
		entry_unlink(en, name);
	}
	snprintf(name, sizeof(name), "%s.digest", sha_name(d->alg));
	digest_format(d, text);
	return entry_write(en, name, text, e);
}
