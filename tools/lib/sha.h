/* sha - message digests by OpenSSL's EVP: a whole buffer, a stream, a file; and digests in their written form.
 *
 * Written form (OCI): "ALG:HEX" with ALG sha256, sha384 or sha512 and HEX in lower case, for example
 * "sha256:e3b0c4...". Programs that use this link with -lcrypto. Lack of memory ends the program, as in buf.h.
 */
#ifndef LIMA_SHA_H
#define LIMA_SHA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum sha_alg { SHA_256, SHA_384, SHA_512 };
#define SHA_ALGS 3
#define SHA_HEX_SIZE 129  /* the longest hex text with its terminator */
#define SHA_TEXT_SIZE 136 /* the longest "ALG:HEX" with its terminator */

/* "sha256", "sha384", "sha512". */
const char *sha_name(enum sha_alg alg);
/* Length of the hex text: 64, 96 or 128. */
size_t sha_hex_len(enum sha_alg alg);

/* One shot: the digest of n bytes as hex. */
void sha_hex(enum sha_alg alg, const void *data, size_t n, char hex[SHA_HEX_SIZE]);

/* Streaming: sha_new, any number of sha_add, then sha_end (gives the hex text) or sha_drop; both free it. NULL is
 * a valid argument of the last three, which then do nothing. */
struct sha;
struct sha *sha_new(enum sha_alg alg);
void sha_add(struct sha *s, const void *data, size_t n);
void sha_end(struct sha *s, char hex[SHA_HEX_SIZE]);
void sha_drop(struct sha *s);

/* Adds the next `n` bytes of a descriptor, or all up to its end when n is UINT64_MAX. Less than n bytes are an error
 * (EXIT_IOERR). `name` is for messages. */
int sha_add_fd(struct sha *s, int fd, uint64_t n, const char *name, struct err *e);
/* The digest of a whole file. */
int sha_file(enum sha_alg alg, const char *path, char hex[SHA_HEX_SIZE], struct err *e);

/* A digest as somebody wrote it down. */
struct digest {
	enum sha_alg alg;
	char hex[SHA_HEX_SIZE];
};
/* Reads "ALG:HEX", strictly: known algorithm, right length, lower case. EXIT_BADDATA else, saying what is wrong. */
int digest_parse(const char *text, struct digest *d, struct err *e);
/* Writes "ALG:HEX" to `text`. */
void digest_format(const struct digest *d, char text[SHA_TEXT_SIZE]);

#endif
