/* part - see part.h. */
#include "part.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "file.h"
#include "kv.h"
#include "num.h"

#define PUSH_STEP (16u << 20)
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* "" where the system has none: then it never changes. */
static char *boot_id(void)
{
	struct err ignored = { 0 };
	struct buf text = { 0 };

	if (file_read(BOOT_ID, 64, &text, &ignored) < 0)
		buf_free(&text);
	while (text.len && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	return buf_detach(&text);
}

static void set_validator(struct part *p, const char *etag, const char *modified)
{
	free(p->validator);
	p->etag = *etag;
	p->validator = *etag ? xstrdup(etag) : *modified ? xstrdup(modified) : NULL;
}

static bool read_note(struct part *p, bool trusted)
{
	struct err ignored = { 0 };
	struct buf text = { 0 };
	char *boot = boot_id();
	struct kv kv = { 0 };
	bool usable;

	usable = entry_read(p->en, E_PART_CONF, &text) == 0 &&
		 kv_parse(buf_str(&text), text.len, E_PART_CONF, &kv, &ignored) == 0 &&
		 (trusted || !strcmp(kv_get(&kv, "", "boot"), boot));
	if (usable) {
		set_validator(p, kv_get(&kv, "", "etag"), kv_get(&kv, "", "modified"));
		p->length = kv_num(&kv, 0, "length");
	}
	kv_free(&kv);
	buf_free(&text);
	free(boot);
	return usable && p->validator;
}

static int write_note(struct part *p, struct err *e)
{
	struct buf out = { 0 };
	char *boot = boot_id();
	int r;

	kv_put(&out, "etag", p->etag ? p->validator : "");
	kv_put(&out, "modified", p->validator && !p->etag ? p->validator : "");
	kv_putf(&out, "length", "%llu", (unsigned long long)p->length);
	kv_put(&out, "boot", boot);
	r = entry_write(p->en, E_PART_CONF, buf_str(&out), e);
	buf_free(&out);
	free(boot);
	return r;
}

/* Takes what an earlier run left, as far as it can be hashed. */
static int adopt(struct part *p, const struct stat *st, bool trusted, struct err *e)
{
	if (st->st_size == 0 || !read_note(p, trusted) || (p->length && (uint64_t)st->st_size > p->length))
		return part_restart(p, "", "", "", 0, e);
	if (sha_add_fd(p->sha, p->fd, (uint64_t)st->st_size, E_PART, e) < 0)
		return -1;
	p->have = p->pushed = (uint64_t)st->st_size;
	p->resumed = true;
	return 0;
}

int part_open(const struct entry *en, enum sha_alg alg, bool trusted, struct part *p, struct err *e)
{
	struct stat st;

	*p = (struct part){ .en = en, .alg = alg, .sha = sha_new(alg) };
	p->fd = openat(en->fd, E_PART, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (p->fd < 0) {
		err_sys(e, EXIT_CANTCREATE, "cannot create %s/%s", en->dir, E_PART);
	} else if (fstat(p->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
		err_set(e, EXIT_CANTCREATE, "%s/%s is not a regular file; remove it", en->dir, E_PART);
	} else if (adopt(p, &st, trusted, e) == 0) {
		return 0;
	}
	part_close(p);
	return -1;
}

/* RFC 9110, 8.8.2.2: a Last-Modified identifies bytes only when it is older than the reply. */
static bool strong_date(const char *modified, const char *date)
{
	time_t m = curl_getdate(modified, NULL), d = curl_getdate(date, NULL);

	return m > 0 && d > m;
}

static int check_room(struct part *p, struct err *e)
{
	struct statvfs fs;
	char need[32], room[32];
	uint64_t available;

	if (!p->length || fstatvfs(p->fd, &fs) < 0)
		return 0;
	available = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (p->length <= available)
		return 0;
	size_format(p->length, need, sizeof(need));
	size_format(available, room, sizeof(room));
	return err_set(e, EXIT_IOERR, "%s: No space left: %s are needed, %s are available; free some, or set XDG_CACHE_HOME",
		       p->en->dir, need, room);
}

int part_restart(struct part *p, const char *etag, const char *modified, const char *date, uint64_t length,
		 struct err *e)
{
	entry_unlink(p->en, E_PART_CONF);
	if (ftruncate(p->fd, 0) < 0 || lseek(p->fd, 0, SEEK_SET) < 0)
		return err_sys(e, EXIT_IOERR, "cannot empty %s/%s", p->en->dir, E_PART);
	sha_drop(p->sha);
	p->sha = sha_new(p->alg);
	p->have = p->pushed = 0;
	p->length = length;
	p->resumed = false;
	set_validator(p, strncmp(etag, "W/", 2) ? etag : "", strong_date(modified, date) ? modified : "");
	if (check_room(p, e) < 0)
		return -1;
	return p->validator ? write_note(p, e) : 0;
}

/* Lets the kernel begin to write early, so that the fsync at the end is short. */
static void push(struct part *p)
{
#ifdef SYNC_FILE_RANGE_WRITE
	if (p->have - p->pushed < PUSH_STEP)
		return;
	sync_file_range(p->fd, (off_t)p->pushed, (off_t)(p->have - p->pushed), SYNC_FILE_RANGE_WRITE);
	p->pushed = p->have;
#else
	(void)p;
#endif
}

int part_add(struct part *p, const void *data, size_t n, struct err *e)
{
	if (fd_write_all(p->fd, data, n) < 0)
		return err_sys(e, EXIT_IOERR, "cannot write %s/%s", p->en->dir, E_PART);
	sha_add(p->sha, data, n);
	p->have += n;
	push(p);
	return 0;
}

int part_finish(struct part *p, struct digest *has, struct err *e)
{
	has->alg = p->alg;
	sha_end(p->sha, has->hex);
	p->sha = NULL;
	if (fsync(p->fd) < 0)
		return err_sys(e, EXIT_IOERR, "cannot write %s/%s", p->en->dir, E_PART);
	return 0;
}

int part_publish(struct part *p, struct err *e)
{
	if (renameat(p->en->fd, E_PART, p->en->fd, E_DATA) < 0)
		return err_sys(e, EXIT_CANTCREATE, "cannot rename %s/%s", p->en->dir, E_PART);
	/* Not before: a run that is killed in between must be able to open it for writing. */
	if (fchmod(p->fd, 0444) < 0)
		return err_sys(e, EXIT_IOERR, "cannot change the mode of %s/%s", p->en->dir, E_DATA);
	entry_unlink(p->en, E_PART_CONF);
	return dir_sync(p->en->dir, e);
}

void part_discard(struct part *p)
{
	entry_unlink(p->en, E_PART_CONF);
	entry_unlink(p->en, E_PART);
}

void part_close(struct part *p)
{
	if (p->fd >= 0)
		close(p->fd);
	sha_drop(p->sha);
	free(p->validator);
	*p = (struct part){ .fd = -1 };
}
