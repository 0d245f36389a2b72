/* stamp - which content the files of a cache entry are known to have, so that a large file is not hashed at every use.
 *
 * The file "verified" (kv.h) says for each of data, kernel, initrd and kernel.cmdline:
 *
 *   NAME.size=BYTES  NAME.mtime=SECONDS.NANOSECONDS  NAME.inode=N    the file that was hashed
 *   NAME.sha256=HEX (sha384, sha512)                                 the digests it had
 *   etag=TEXT                                                        the ETag that data was served with
 *
 * While size, mtime and inode are the same the digests hold; otherwise the file is hashed anew and compared.
 */
#ifndef LIMA_FETCH_STAMP_H
#define LIMA_FETCH_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "fetch/entry.h"
#include "sha.h"

enum stamp_part { STAMP_DATA, STAMP_KERNEL, STAMP_INITRD, STAMP_CMDLINE };
#define STAMP_PARTS 4

struct stamp_item {
	uint64_t size, inode;
	int64_t sec;
	long nsec;
	char hex[SHA_ALGS][SHA_HEX_SIZE]; /* "" = not computed */
};
struct stamp {
	struct stamp_item item[STAMP_PARTS];
	char *etag; /* NULL = none */
};

/* "data", "kernel", "initrd", "kernel.cmdline". */
const char *stamp_name(enum stamp_part part);

/* Reads the entry's stamp; one that is missing or damaged gives an empty one. */
void stamp_load(const struct entry *en, struct stamp *s);
int stamp_save(const struct entry *en, const struct stamp *s, struct err *e);
void stamp_free(struct stamp *s);

/* Notes what an open file is: size, mtime, inode and one digest; other digests of that part are forgotten. */
int stamp_set(struct stamp *s, enum stamp_part part, int fd, const struct digest *d, struct err *e);

enum verdict {
	VERDICT_GOOD,    /* it is what it was, and has the digest that is wanted */
	VERDICT_MISSING, /* there is no such file */
	VERDICT_OTHER,   /* it is what it was, but its digest is not the wanted one */
	VERDICT_DAMAGED, /* it is not what it was */
};

/* Judges one file of the entry; hashes it only on doubt, and then refreshes the entry's stamp. `want` may be NULL. *fd
 * is the open file for GOOD and OTHER, else -1; *has is its digest for both. -1 and *e when it is unreadable. */
int stamp_verify(const struct entry *en, struct stamp *s, enum stamp_part part, const struct digest *want, int *fd,
		 struct digest *has, enum verdict *verdict, struct err *e);

/* Writes ALG.digest of data and removes those of the other algorithms. */
int digest_publish(const struct entry *en, const struct digest *d, struct err *e);

#endif
