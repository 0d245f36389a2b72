/* sha: digests of the standard's examples (FIPS 180-4), one shot, streamed and of files; the written form. */
#include "sha.h"

#include <fcntl.h>
#include <unistd.h>

#include "tap.h"

/* FIPS 180-4: the message "abc". */
static const char *const abc[SHA_ALGS] = {
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
	"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};

static void algorithms(void)
{
	for (int i = 0; i < SHA_ALGS; i++) {
		enum sha_alg alg = (enum sha_alg)i;
		char hex[SHA_HEX_SIZE] = "";
		struct sha *s = sha_new(alg);

		sha_hex(alg, "abc", 3, hex);
		is_str(hex, abc[i], sha_name(alg));
		sha_add(s, "a", 1);
		sha_add(s, NULL, 0);
		sha_add(s, "bc", 2);
		sha_end(s, hex);
		is_str(hex, abc[i], "in pieces");
		is_num(strlen(abc[i]), sha_hex_len(alg), "length");
	}
	sha_drop(sha_new(SHA_256));
	sha_drop(NULL);
}

static void files(void)
{
	char path[] = "/tmp/test_sha.XXXXXX", hex[SHA_HEX_SIZE] = "untouched";
	struct err e = { 0 };
	int fd = mkstemp(path);
	struct sha *s = sha_new(SHA_256);

	ok(fd >= 0 && write(fd, "xabcx", 5) == 5 && lseek(fd, 1, SEEK_SET) == 1, "a file");
	ok(sha_add_fd(s, fd, 3, path, &e) == 0, "three bytes from where it stands");
	sha_end(s, hex);
	is_str(hex, abc[SHA_256], "are hashed");
	s = sha_new(SHA_256);
	ok(sha_add_fd(s, fd, 2, path, &e) < 0 && e.code == EXIT_IOERR, "more than there are is an error: %s", e.msg);
	sha_drop(s);
	ok(ftruncate(fd, 0) == 0 && pwrite(fd, "abc", 3, 0) == 3, "another content");
	ok(sha_file(SHA_512, path, hex, &e) == 0, "a whole file");
	is_str(hex, abc[SHA_512], "is hashed");
	close(fd);
	unlink(path);
	ok(sha_file(SHA_512, path, hex, &e) < 0 && e.code == EXIT_NO, "a missing file: %s", e.msg);
}

static void written(void)
{
	static const char *const bad[] = { "", "sha256", "sha256:", ":", "md5:d41d8cd98f00b204e9800998ecf8427e", "SHA256:",
					   "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
					   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
					   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015add",
					   "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
					   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a\n",
					   "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" };
	char text[SHA_TEXT_SIZE], again[SHA_TEXT_SIZE];
	struct digest d;
	struct err e = { 0 };

	for (int i = 0; i < SHA_ALGS; i++) {
		snprintf(text, sizeof(text), "%s:%s", sha_name((enum sha_alg)i), abc[i]);
		ok(digest_parse(text, &d, &e) == 0 && d.alg == (enum sha_alg)i, "parse %.12s...", text);
		is_str(d.hex, abc[i], "its hex");
		digest_format(&d, again);
		is_str(again, text, "and back");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(digest_parse(bad[i], &d, &e) < 0 && e.code == EXIT_BADDATA, "'%.20s' is refused", bad[i]);
}

int main(void)
{
	algorithms();
	files();
	written();
	return done();
}
