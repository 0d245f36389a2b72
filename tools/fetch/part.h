/* part - a download under way: the bytes so far in a file with a fixed name, their digest, and the validator that
 * allows another process to go on where this one was killed.
 *
 * data.part.conf (kv.h): etag= modified= (the validator; "" = none) length= (of the whole; 0 = unknown) boot= (the
 * machine's boot id: after a crash of the machine the bytes of a file may not be those that were written) It is
 * removed before data.part is emptied and written before the first byte goes in: where it exists, it fits the bytes. /
 */
#ifndef LIMA_FETCH_PART_H
#define LIMA_FETCH_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "fetch/entry.h"
#include "sha.h"

struct part {
	const struct entry *en;
	int fd;
	enum sha_alg alg;
	struct sha *sha;
	uint64_t have;   /* bytes in the file, all of them in `sha` */
	uint64_t length; /* of the whole, 0 = unknown */
	uint64_t pushed; /* bytes whose writing to the disk was begun */
	char *validator; /* for If-Range; NULL = it cannot be resumed */
	bool etag;       /* the validator is an ETag */
	bool resumed;    /* some bytes came with an earlier reply */
};

/* Opens the entry's part. Bytes of an earlier run are kept and hashed when they may be resumed; `trusted` says that a
 * digest will show whether they are right, so that a crash of the machine in between does not matter. */
int part_open(const struct entry *en, enum sha_alg alg, bool trusted, struct part *p, struct err *e);
/* Throws the bytes away and notes the validator of the reply that begins: a strong ETag, else a Last-Modified that is
 * older than the reply's date. All may be "". */
int part_restart(struct part *p, const char *etag, const char *modified, const char *date, uint64_t length,
		 struct err *e);
/* Appends. */
int part_add(struct part *p, const void *data, size_t n, struct err *e);
/* Makes the file durable and gives its digest. The hash is used up. */
int part_finish(struct part *p, struct digest *has, struct err *e);
/* The file becomes data, read-only. */
int part_publish(struct part *p, struct err *e);
/* Removes file and note. */
void part_discard(struct part *p);
void part_close(struct part *p);

#endif
