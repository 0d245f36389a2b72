/* sha - see sha.h. The one place that knows OpenSSL's digest interface. */
#include "sha.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

#define CHUNK (256u << 10)

static const struct {
	const char *name;
	size_t hex_len;
	const EVP_MD *(*md)(void);
} algs[SHA_ALGS] = {
	[SHA_256] = { "sha256", 64, EVP_sha256 },
	[SHA_384] = { "sha384", 96, EVP_sha384 },
	[SHA_512] = { "sha512", 128, EVP_sha512 },
};

struct sha {
	EVP_MD_CTX *ctx;
};

const char *sha_name(enum sha_alg alg)
{
	return algs[alg].name;
}

size_t sha_hex_len(enum sha_alg alg)
{
	return algs[alg].hex_len;
}

/* EVP fails for lack of memory, or when the machine's policy forbids the algorithm: nothing can go on then. */
static void must(int good)
{
	if (good)
		return;
	warn_msg("the crypto library cannot compute a digest: out of memory, or forbidden by its configuration");
	exit(EXIT_UNAVAIL);
}

struct sha *sha_new(enum sha_alg alg)
{
	struct sha *s = xcalloc(1, sizeof(*s));

	s->ctx = EVP_MD_CTX_new();
	must(s->ctx && EVP_DigestInit_ex(s->ctx, algs[alg].md(), NULL));
	return s;
}

void sha_add(struct sha *s, const void *data, size_t n)
{
	if (s && n)
		must(EVP_DigestUpdate(s->ctx, data, n));
}

void sha_end(struct sha *s, char hex[SHA_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!s)
		return;
	must(EVP_DigestFinal_ex(s->ctx, raw, &n));
	for (unsigned i = 0; i < n; i++) {
		hex[2 * i] = digits[raw[i] >> 4];
		hex[2 * i + 1] = digits[raw[i] & 15];
	}
	hex[2 * n] = '\0';
	sha_drop(s);
}

void sha_drop(struct sha *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

void sha_hex(enum sha_alg alg, const void *data, size_t n, char hex[SHA_HEX_SIZE])
{
	struct sha *s = sha_new(alg);

	sha_add(s, data, n);
	sha_end(s, hex);
}

int sha_add_fd(struct sha *s, int fd, uint64_t n, const char *name, struct err *e)
{
	char *chunk = xmalloc(CHUNK);
	uint64_t left = n;
	int r = 0;

	while (left > 0) {
		ssize_t got = read(fd, chunk, left < CHUNK ? (size_t)left : CHUNK);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r = err_sys(e, EXIT_IOERR, "cannot read %s", name);
		if (got == 0 && n != UINT64_MAX)
			r = err_set(e, EXIT_IOERR, "%s is %llu bytes shorter than expected", name,
				    (unsigned long long)left);
		if (got <= 0)
			break;
		sha_add(s, chunk, (size_t)got);
		if (n != UINT64_MAX)
			left -= (uint64_t)got;
	}
	free(chunk);
	return r;
}

int sha_file(enum sha_alg alg, const char *path, char hex[SHA_HEX_SIZE], struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct sha *s;

	if (fd < 0)
		return err_sys(e, errno == ENOENT ? EXIT_NO : EXIT_IOERR, "cannot open %s", path);
	s = sha_new(alg);
	if (sha_add_fd(s, fd, UINT64_MAX, path, e) < 0) {
		sha_drop(s);
		close(fd);
		return -1;
	}
	close(fd);
	sha_end(s, hex);
	return 0;
}

int digest_parse(const char *text, struct digest *d, struct err *e)
{
	const char *colon = strchr(text, ':');

	for (int i = 0; colon && i < SHA_ALGS; i++) {
		const char *hex = colon + 1;
		size_t n = (size_t)(colon - text), len = strlen(hex);

		if (strlen(algs[i].name) != n || memcmp(text, algs[i].name, n) != 0)
			continue;
		if (len != algs[i].hex_len)
			return err_set(e, EXIT_BADDATA, "digest '%.140s': %s has %zu hex digits, not %zu", text,
				       algs[i].name,
				       algs[i].hex_len, len);
		if (strspn(hex, "0123456789abcdef") != len)
			return err_set(e, EXIT_BADDATA, "digest '%.140s': only 0-9 and a-f (lower case) are allowed",
				       text);
		d->alg = (enum sha_alg)i;
		memcpy(d->hex, hex, len + 1);
		return 0;
	}
	return err_set(e, EXIT_BADDATA, "digest '%.140s': write sha256:HEX, sha384:HEX or sha512:HEX", text);
}

void digest_format(const struct digest *d, char text[SHA_TEXT_SIZE])
{
	snprintf(text, SHA_TEXT_SIZE, "%s:%.*s", algs[d->alg].name, SHA_HEX_SIZE - 1, d->hex);
}
