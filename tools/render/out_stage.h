/* out_stage - a folder that must hold exactly a given set of small files: .make/cidata. */
#ifndef LIMA_OUT_STAGE_H
#define LIMA_OUT_STAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

#define STAGE_NAME_MAX 30 /* longer names do not survive on every reader of ISO 9660 */

struct stage_file {
	char *path; /* below the folder, "boot/07-etc.sh" */
	struct buf data;
	mode_t mode; /* 0600 or 0700 */
};
struct stage {
	struct stage_file *file;
	size_t n;
	const char *keep; /* one file that somebody else makes there, left alone; NULL = none */
};

/* Adds a file and takes over the content, leaving *data empty. */
void stage_add(struct stage *s, const char *path, struct buf *data, mode_t mode);
/* Adds a file of the disk. Executable (0700) when `exec`, or when it begins like a script or an ELF program. */
int stage_add_file(struct stage *s, const char *path, const char *from, size_t max, bool exec, struct err *e);
/* Adds all files below a folder of the disk, hidden ones and editors' backups ("x~") left out; nothing when it is
 * missing. */
int stage_add_dir(struct stage *s, const char *path, const char *from, size_t max, struct err *e);

/* Makes the folder `root` hold these files and nothing else: unchanged files keep their times, wrong ones are
 * replaced by rename, everything unknown is removed. Not flushed to the disk: the next run compares contents again.
 * `list` receives one line "SHA256 MODE PATH" a file, sorted by path. */
int stage_write(struct stage *s, const char *root, struct buf *list, struct err *e);
void stage_free(struct stage *s);

#endif
