/* fake_qemu_lock - the locks that fake-qemu.c holds on its disk and its pid file, as QEMU does; included by it. */
#ifndef LIMA_FAKE_QEMU_LOCK_H
#define LIMA_FAKE_QEMU_LOCK_H

static void lock_range(const char *path, int cmd, off_t start, off_t len)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (cmd == F_SETLK)
		l.l_type = F_WRLCK;
	if (fd < 0 || fcntl(fd, cmd, &l) < 0) {
		fprintf(stderr, "fake-qemu: Failed to get \"write\" lock on %s\n", path);
		exit(1);
	}
	if (cmd == F_SETLK && (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0))
		exit(97);
}

#endif
