/* cache - see cache.h.
 *
 * One file for each (architecture, wish, program, arguments), named by a hash of them, so that old entries are
 * replaced and never pile up. Its first line is the key in full: a colliding hash or an entry of another boot
 * is no match. */
#include "cache.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "kv.h"
#include "kvm.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64
#define ENTRY_MAX (64u << 10)
/* Raise it when the answer gets other lines. */
#define FORMAT "1"
#define SEP '\037'

/* FNV-1a, 64 bits. It only spreads names; the key decides. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h;
}

static void add(struct buf *b, const char *text)
{
	buf_adds(b, text);
	buf_addc(b, SEP);
}

static void add_stat(struct buf *b, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		add(b, "-");
		return;
	}
	buf_addf(b, "%jd.%09ld %jd %ju %o %u %u", (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (intmax_t)st.st_size,
		 (uintmax_t)st.st_ino, (unsigned)st.st_mode, (unsigned)st.st_uid, (unsigned)st.st_gid);
	buf_addc(b, SEP);
}

/* The device's times change whenever somebody writes to it; what counts is whether we may open it, and which it is. */
static void add_kvm(struct buf *b)
{
	struct stat st;

	if (stat(KVM_DEVICE, &st) < 0)
		add(b, "none");
	else
		buf_addf(b, "%ju %d%c", (uintmax_t)st.st_rdev, access(KVM_DEVICE, R_OK | W_OK) == 0, SEP);
}

static char *place(const char *name)
{
	struct err ignored = { 0 };
	char *cache = dirs_cache(&ignored), *path;

	if (!cache)
		return NULL;
	path = xasprintf("%s/probe/%016" PRIx64, cache, hash(name));
	free(cache);
	return path;
}

void cache_slot(const struct probe_arch *arch, const char *accel, const struct probe_qemu *q, struct cache_slot *s)
{
	struct err ignored = { 0 };
	struct buf key = { 0 };

	add(&key, FORMAT);
	add(&key, LIMA_VERSION);
	add(&key, arch->name);
	add(&key, accel ? accel : "any");
	add(&key, q->program);
	for (size_t i = 0; i < q->args.n; i++)
		add(&key, q->args.v[i]);
	s->path = place(buf_str(&key));
	add_stat(&key, q->program);
	add_kvm(&key);
	file_read(BOOT_ID, BOOT_ID_MAX, &key, &ignored);
	s->key = buf_detach(&key);
}

static void key_line(const struct cache_slot *s, struct buf *line)
{
	kv_put(line, "cache.key", s->key);
}

bool cache_get(const struct cache_slot *s, struct buf *out)
{
	struct buf want = { 0 }, text = { 0 };
	struct err ignored = { 0 };
	bool hit = false;

	if (!s->path || file_read(s->path, ENTRY_MAX, &text, &ignored) < 0)
		goto out;
	key_line(s, &want);
	hit = text.len > want.len && !memcmp(text.data, want.data, want.len);
	if (hit)
		buf_add(out, text.data + want.len, text.len - want.len);
out:
	buf_free(&want);
	buf_free(&text);
	return hit;
}

void cache_put(const struct cache_slot *s, const struct buf *answer)
{
	struct err ignored = { 0 };
	struct buf text = { 0 };
	char *dir;

	if (!s->path)
		return;
	dir = xstrndup(s->path, (size_t)(strrchr(s->path, '/') - s->path));
	key_line(s, &text);
	buf_add(&text, buf_str(answer), answer->len);
	if (dir_make(dir, 0700, &ignored) == 0)
		file_write(s->path, text.data, text.len, 0600, &ignored);
	free(dir);
	buf_free(&text);
}

void cache_free(struct cache_slot *s)
{
	free(s->path);
	free(s->key);
}
