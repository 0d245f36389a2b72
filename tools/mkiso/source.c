/* source - see source.h.
 *
 * libisofs can read files by itself, but then it tells them apart by device and inode number: two names of one file
 * would share their blocks, and the same tree copied elsewhere would give another image. Here each file is its own,
 * numbered in the order of the tree. And where a file shrinks meanwhile it puts zeros; here that is an error. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"

/* Ids below are libisofs's own: 1 the local file system, 2 imported images, 3 memory. */
#define FS_ID 0x4c49

struct source {
	struct source_set *set;
	size_t index;
	int fd;
	off_t left;
};

static const struct file *file_of(const struct source *s)
{
	return &s->set->files->file[s->index];
}

static int fail(struct source *s, int number)
{
	const char *root = s->set->files->root, *path = file_of(s)->path;

	if (!s->set->e.code && number) {
		errno = number;
		err_sys(&s->set->e, EXIT_IOERR, "cannot read %s/%s", root, path);
	} else if (!s->set->e.code) {
		err_set(&s->set->e, EXIT_IOERR, "%s/%s changed while it was read; try again", root, path);
	}
	return (int)ISO_FILE_READ_ERROR;
}

static int source_open(IsoStream *stream)
{
	struct source *s = stream->data;
	struct stat st;

	s->fd = openat(s->set->files->fd, file_of(s)->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return fail(s, errno);
	s->left = file_of(s)->size;
	if (!S_ISREG(st.st_mode) || st.st_size != s->left)
		return fail(s, 0);
	return 1;
}

static int source_close(IsoStream *stream)
{
	struct source *s = stream->data;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return 1;
}

static off_t source_size(IsoStream *stream)
{
	return file_of(stream->data)->size;
}

static int source_read(IsoStream *stream, void *buf, size_t count)
{
	struct source *s = stream->data;
	size_t done = 0;

	if ((off_t)count > s->left)
		count = (size_t)s->left;
	while (done < count) {
		ssize_t n = read(s->fd, (char *)buf + done, count - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(s, n < 0 ? errno : 0);
		done += (size_t)n;
	}
	s->left -= (off_t)done;
	return (int)done;
}

static int source_repeatable(IsoStream *stream)
{
	(void)stream;
	return 1;
}

static void source_id(IsoStream *stream, unsigned int *fs_id, dev_t *dev_id, ino_t *ino_id)
{
	const struct source *s = stream->data;

	*fs_id = FS_ID;
	*dev_id = 0;
	*ino_id = s->index;
}

static void source_free(IsoStream *stream)
{
	source_close(stream);
	free(stream->data);
}

static int source_update(IsoStream *stream)
{
	(void)stream;
	return 1;
}

static IsoStreamIface source_class = {
	.version = 1,
	.type = { 'u', 's', 'e', 'r' },
	.open = source_open,
	.close = source_close,
	.get_size = source_size,
	.read = source_read,
	.is_repeatable = source_repeatable,
	.get_id = source_id,
	.free = source_free,
	.update_size = source_update,
};

IsoStream *source_stream(struct source_set *set, size_t index)
{
	IsoStream *stream = xcalloc(1, sizeof(*stream));
	struct source *s = xcalloc(1, sizeof(*s));

	*s = (struct source){ .set = set, .index = index, .fd = -1 };
	*stream = (IsoStream){ .class = &source_class, .refcount = 1, .data = s };
	return stream;
}
