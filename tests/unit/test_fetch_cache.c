/* uses: fetch */
/* The cache entry: when a copy is believed, hashed anew, and found to be damaged. The digests are those of FIPS 180-4's
 * "abc" and of the empty message. */
#include "fetch/entry.h"
#include "fetch/stamp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "tap.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_384 "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"

static struct entry en;

static void put(const char *name, const char *text)
{
	char *path = entry_path(&en, name);
	struct err e = { 0 };

	if (file_write(path, text, strlen(text), 0644, &e) < 0)
		printf("# %s\n", e.msg);
	free(path);
}

/* Changes a file without a new inode, size or time. */
static void forge(const char *name, const char *text)
{
	int fd = openat(en.fd, name, O_WRONLY | O_CLOEXEC);
	struct timespec times[2];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || write(fd, text, strlen(text)) < 0)
		printf("# cannot forge\n");
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	futimens(fd, times);
	close(fd);
}

static enum verdict judge(const char *want_text, char *got)
{
	struct digest want, has = { 0 };
	struct stamp s;
	struct err e = { 0 };
	enum verdict v = VERDICT_MISSING;
	int fd = -1;

	if (want_text)
		digest_parse(want_text, &want, &e);
	stamp_load(&en, &s);
	if (stamp_verify(&en, &s, STAMP_DATA, want_text ? &want : NULL, &fd, &has, &v, &e) < 0)
		printf("# %s\n", e.msg);
	if (fd >= 0)
		close(fd);
	if (got)
		strcpy(got, has.hex);
	stamp_free(&s);
	return v;
}

static void forget(void)
{
	static const char *const names[] = { E_DATA, E_VERIFIED, "sha256.digest", "sha384.digest" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		entry_unlink(&en, names[i]);
}

static void verdicts(void)
{
	char hex[SHA_HEX_SIZE];

	is_num(judge(NULL, NULL), VERDICT_MISSING, "no data");
	put(E_DATA, "abc");
	is_num(judge(NULL, hex), VERDICT_GOOD, "data of somebody who left no digest is taken as it is");
	is_str(hex, ABC, "and hashed");
	is_num(judge("sha256:" ABC, NULL), VERDICT_GOOD, "the right digest");
	is_num(judge("sha256:" EMPTY, NULL), VERDICT_OTHER, "the wrong digest");
	is_num(judge("sha384:" ABC_384, NULL), VERDICT_GOOD, "a digest of another kind is computed");
	forge(E_DATA, "xyz");
	is_num(judge("sha256:" ABC, NULL), VERDICT_GOOD, "while size, time and inode are the same nothing is hashed");
	is_num(judge("sha384:" ABC_384, NULL), VERDICT_GOOD, "for no algorithm that was computed once");
	put(E_DATA, "xyz");
	is_num(judge("sha256:" ABC, NULL), VERDICT_DAMAGED, "otherwise it is, and the damage shows");
	is_num(judge(NULL, NULL), VERDICT_DAMAGED, "also when nobody asks for a digest");
	put(E_DATA, "abc");
	is_num(judge(NULL, NULL), VERDICT_GOOD, "the old content in a new file is good");
}

static void notes(void)
{
	forget();
	put(E_DATA, "abc");
	put("sha256.digest", "sha256:" EMPTY);
	is_num(judge(NULL, NULL), VERDICT_DAMAGED, "a digest file that does not fit");
	is_num(judge("sha256:" ABC, NULL), VERDICT_GOOD, "what is asked for goes before it");
	put("sha256.digest", "sha256:" ABC);
	put(E_VERIFIED, "data.size=3\ndata.mtime=1.0\ndata.inode=1\ndata.sha256=" EMPTY "\n");
	is_num(judge(NULL, NULL), VERDICT_GOOD, "a crash between stamp and digest: one that fits is enough");
	put(E_VERIFIED, "garbage");
	is_num(judge(NULL, NULL), VERDICT_GOOD, "a damaged stamp is none");
	put(E_VERIFIED, "data.size=3\ndata.mtime=x\ndata.inode=18446744073709551615\ndata.sha256=short\netag=x\n");
	is_num(judge("sha256:" ABC, NULL), VERDICT_GOOD, "nor is one with nonsense in it");
	put("sha256.digest", "sha512:" ABC);
	is_num(judge(NULL, NULL), VERDICT_GOOD, "a digest file that is not valid is ignored");
}

static void locks(const char *url)
{
	struct entry other;
	struct err e = { 0 };
	char *dir = xstrdup(en.dir);

	ok(entry_open_dir(dir, &other, &e) < 0 && e.code == EXIT_TRYAGAIN, "it is locked: %s", e.msg);
	entry_close(&en);
	ok(entry_open_dir(dir, &other, &e) == 0, "free again");
	is_str(other.url, "", "no url yet");
	entry_close(&other);
	ok(entry_open(url, url, true, &en, &e) == 0, "opened again %s", e.msg);
	free(dir);
}

int main(void)
{
	const char *url = "https://example.org/x";
	char home[] = "/tmp/test_cache.XXXXXX", want[256];
	struct err e = { 0 };
	char *path;

	ok(mkdtemp(home) != NULL, "a folder");
	setenv("XDG_CACHE_HOME", home, 1);
	ok(entry_open(url, url, true, &en, &e) == 0, "an entry %s", e.msg);
	/* printf %s https://example.org/x | sha256sum */
	snprintf(want, sizeof(want), "%s/lima/download/by-url-sha256/bc7ad374981a44c1bf5e82791dc35304e2252c32b249c749c3f03815b7efe4c3", home);
	is_str(en.dir, want, "its place");
	verdicts();
	notes();
	locks(url);
	path = entry_path(&en, ".data.tmp.999999999.0");
	put(".data.tmp.999999999.0", "x");
	entry_sweep(&en, false);
	ok(!path_exists(path), "what a dead process left is removed");
	free(path);
	entry_close(&en);
	dir_remove(home, &e);
	return done();
}
