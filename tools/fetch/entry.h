/* entry - one entry of the download cache: its directory, its lock, its small files.
 *
 * CACHE/download/by-url-sha256/<SHA-256 of the URL>/ holds
 *
 *   url  data  <ALG>.digest     the guide's: the URL, what it gave, "ALG:HEX" of data (no newlines)
 *   time  type                  its Last-Modified and Content-Type, as served
 *   kernel initrd kernel.cmdline   beside the data of a recipe
 *   verified                    what data was when its digest was computed (stamp.h)
 *   data.part  data.part.conf   a download under way, and the validator that allows to resume it (part.h)
 *   build.PID/                  a recipe being built
 *
 * The lock is an flock on the directory itself, as Lima does it, so both can share one cache. A file that is called
 * data is always complete. /
 */
#ifndef LIMA_FETCH_ENTRY_H
#define LIMA_FETCH_ENTRY_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

#define E_URL "url"
#define E_DATA "data"
#define E_TIME "time"
#define E_TYPE "type"
#define E_KERNEL "kernel"
#define E_INITRD "initrd"
#define E_CMDLINE "kernel.cmdline"
#define E_VERIFIED "verified"
#define E_PART "data.part"
#define E_PART_CONF "data.part.conf"
#define E_BUILD "build."

struct entry {
	char *dir;
	char *url;
	int fd; /* the locked directory */
};

/* CACHE/download/by-url-sha256. The caller frees it. */
char *entry_root(struct err *e);

/* Locks the entry of a URL, made when missing, and removes what killed runs left in it. Waits for another holder,
 * after one line on stderr (unless quiet). `shown` is the URL for messages. Refused: a directory that another user
 * owns or may write to. */
int entry_open(const char *url, const char *shown, bool quiet, struct entry *en, struct err *e);
/* The same for a directory below entry_root that exists, without waiting: EXIT_TRYAGAIN when it is held. */
int entry_open_dir(const char *dir, struct entry *en, struct err *e);
void entry_close(struct entry *en);

/* The path of a file of the entry; the caller frees it. */
char *entry_path(const struct entry *en, const char *name);
/* Reads a small file; -1 without message when it is missing, too large or unreadable. */
int entry_read(const struct entry *en, const char *name, struct buf *out);
int entry_write(const struct entry *en, const char *name, const char *text, struct err *e);
void entry_unlink(const struct entry *en, const char *name);
/* Opens a file of the entry for reading. -1 and *missing when there is none; what is no regular file is an error. */
int entry_open_file(const struct entry *en, const char *name, bool *missing, struct err *e);
/* Removes the leftovers of killed runs. With `partial` also a download that could be resumed. */
void entry_sweep(const struct entry *en, bool partial);

#endif
