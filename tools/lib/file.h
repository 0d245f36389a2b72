/* file - whole files: bounded reads, atomic writes, directories.
 *
 * Writes go to a temporary file in the same directory (O_EXCL, O_NOFOLLOW, O_CLOEXEC), are flushed and renamed:
 * a reader sees the old or the new content, and a failure leaves the old file and no temporary one. A
 * killed writer may leave ".NAME.tmp.PID.N"; tmp_sweep removes those of dead processes.
 */
#ifndef LIMA_FILE_H
#define LIMA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

/* Reads all of `path` (at most `max` bytes, more is an error) and appends it to `out`. */
int file_read(const char *path, size_t max, struct buf *out, struct err *e);
/* Reads from a descriptor until its end, with the same bound. `name` is for messages. */
int fd_read_all(int fd, const char *name, size_t max, struct buf *out, struct err *e);
/* Writes everything, across short writes and EINTR. Returns -1 with errno set. */
int fd_write_all(int fd, const void *data, size_t n);

/* Replaces `path` by the given bytes, atomically, with exactly `mode` whatever the umask. */
int file_write(const char *path, const void *data, size_t n, mode_t mode, struct err *e);
/* The same, but leaves a file alone that has this content and mode already (its mtime stays, so make sees no
 * change). *changed, when given, tells whether it was written. */
int file_write_if_changed(const char *path, const void *data, size_t n, mode_t mode, bool *changed, struct err *e);

/* A temporary file beside `path`, for writers that stream. Fill tmp.fd, then file_commit (fsync, chmod,
 * rename; closes) or file_abort (unlink; closes). One of the two must follow. */
struct tmpfile {
	int fd;
	char *tmp;  /* its path */
	char *path; /* where it goes */
};
int file_begin(const char *path, struct tmpfile *t, struct err *e);
int file_commit(struct tmpfile *t, mode_t mode, struct err *e);
void file_abort(struct tmpfile *t);

/* Creates `path` and the directories above it that are missing. An existing directory is fine. */
int dir_make(const char *path, mode_t mode, struct err *e);
/* Removes a directory with all below it, without following symlinks or entering other file systems (what somebody mounted
 * there is not ours). A missing one is fine. */
int dir_remove(const char *path, struct err *e);
/* Makes the entry changes in a directory durable. */
int dir_sync(const char *path, struct err *e);
/* Removes from `dir` the temporary files of file_begin whose process is gone. */
void tmp_sweep(const char *dir);

bool path_exists(const char *path); /* lstat succeeds */
/* dir/name; the caller frees it. */
char *path_join(const char *dir, const char *name);

#endif
