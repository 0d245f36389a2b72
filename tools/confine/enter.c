/* enter - see confine.h. A new root is put together on a small memory file system: the folder, the program's own files, an
 * account of one line, /dev/null; then the old root is let go. Nothing in it but the folder can be written. */
#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"
#include "file.h"

#define NEW_ROOT "/tmp" /* what the memory file system covers while it is filled */

/* Of linux/mount.h, which Debian 12 does not let one include beside sys/mount.h. */
#define ATTR_RDONLY 0x1u
#define ATTR_NOSUID 0x2u
#define ATTR_NODEV 0x4u

struct mount_attributes {
	uint64_t set, clear, propagation, userns;
};

static int set_attributes(const char *path, uint64_t attributes, bool deep, struct err *e)
{
	struct mount_attributes a = { .set = attributes };

	if (syscall(442 /* mount_setattr */, AT_FDCWD, path, deep ? AT_RECURSIVE : 0u, &a, sizeof(a)) == 0)
		return 0;
	return err_sys(e, EXIT_UNAVAIL, "cannot restrict the mount %s", path);
}

static int write_text(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0444), r;

	if (fd < 0)
		return -1;
	r = fd_write_all(fd, text, strlen(text));
	close(fd);
	return r;
}

/* Our own numbers stay what they are; the others have no names here. */
static int map_ids(uid_t uid, gid_t gid)
{
	char text[64];

	if (write_text("/proc/self/setgroups", 0, "deny") < 0)
		return -1;
	snprintf(text, sizeof(text), "%u %u 1", (unsigned)uid, (unsigned)uid);
	if (write_text("/proc/self/uid_map", 0, text) < 0)
		return -1;
	snprintf(text, sizeof(text), "%u %u 1", (unsigned)gid, (unsigned)gid);
	return write_text("/proc/self/gid_map", 0, text);
}

/* Who may not have a mount namespace gets one in a user namespace. That takes the signal at the parent's end away. */
static int new_namespace(struct err *e)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	pid_t parent = getppid();
	int sig = 0;

	prctl(PR_GET_PDEATHSIG, &sig);
	if (unshare(CLONE_NEWNS) < 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || map_ids(uid, gid) < 0))
		return err_sys(e, EXIT_UNAVAIL, "the kernel gives no namespace");
	if (sig)
		prctl(PR_SET_PDEATHSIG, sig);
	if (sig && getppid() != parent)
		_exit(128 + sig);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot make the mounts private");
	return 0;
}

/* A copy of what is mounted there, to be put where it belongs later: by then the name may lead elsewhere. */
static int take_copy(const char *path, struct err *e)
{
	int fd = (int)syscall(428 /* open_tree */, AT_FDCWD, path, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | AT_RECURSIVE);

	return fd < 0 ? err_sys(e, EXIT_UNAVAIL, "cannot open %s", path) : fd;
}

static int check_folder(const char *dir, struct err *e)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, EXIT_NO, "cannot open %s", dir);
	close(fd);
	return 0;
}

/* Makes the file or folder that a source is to cover, and the folders above it. `path` is relative to the new root. */
static int make_place(const char *path, bool is_dir, struct err *e)
{
	char *above = xstrdup(path), *slash = strrchr(above, '/');
	int r = 0, fd;

	if (is_dir) {
		r = dir_make(path, 0755, e);
	} else {
		if (slash) {
			*slash = '\0';
			r = dir_make(above, 0755, e);
		}
		fd = r < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
		if (r == 0 && fd < 0)
			r = err_sys(e, EXIT_UNAVAIL, "cannot make %s", path);
		if (fd >= 0)
			close(fd);
	}
	free(above);
	return r;
}

/* Shows a copy under its own name below the new root, the working directory. */
static int bind_source(int fd, const char *path, bool is_dir, uint64_t attributes, struct err *e)
{
	path += strspn(path, "/");
	if (make_place(path, is_dir, e) < 0)
		return -1;
	if (syscall(429 /* move_mount */, fd, "", AT_FDCWD, path, 4 /* MOVE_MOUNT_F_EMPTY_PATH */) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot show %s", path);
	return set_attributes(path, attributes, is_dir, e);
}

/* sftp-server asks for its own account, and any program's C library for its descriptors 0 to 2. */
static int furnish(struct err *e)
{
	char line[96];

	snprintf(line, sizeof(line), "user:x:%u:%u::/:/\n", (unsigned)getuid(), (unsigned)getgid());
	if (mkdir("etc", 0755) < 0 || write_text("etc/passwd", O_CREAT | O_EXCL, line) < 0 ||
	    write_text("etc/nsswitch.conf", O_CREAT | O_EXCL, "passwd: files\ngroup: files\n") < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot write an account");
	return 0;
}

static int fill_root(const struct confine *c, const int *fd, struct err *e)
{
	size_t n = c->files->n;

	if (furnish(e) < 0 || bind_source(fd[n + 1], "/dev/null", false, ATTR_NOSUID, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (bind_source(fd[i], c->files->v[i], false, ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, e) < 0)
			return -1;
	return bind_source(fd[n], c->dir, true, (c->read_only ? ATTR_RDONLY : 0) | ATTR_NOSUID | ATTR_NODEV, e);
}

static int change_root(struct err *e)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot change the root");
	return set_attributes("/", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, false, e);
}

/* All that is to be shown is copied before the memory file system covers a part of it. */
static int new_root(const struct confine *c, struct err *e)
{
	size_t n = c->files->n + 2;
	int *fd = xcalloc(n, sizeof(*fd)), r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		fd[i] = take_copy(i < c->files->n ? c->files->v[i] : i == n - 2 ? c->dir : "/dev/null", e);
		r = fd[i] < 0 ? -1 : 0;
	}
	if (r == 0 && (mount("lima-confine", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") < 0 ||
		       chdir(NEW_ROOT) < 0))
		r = err_sys(e, EXIT_UNAVAIL, "cannot mount a memory file system on %s", NEW_ROOT);
	if (r == 0)
		r = fill_root(c, fd, e);
	free(fd); /* the descriptors close when the program begins */
	return r < 0 ? -1 : change_root(e);
}

/* Of root's rights, those over files stay: without them it could not serve a folder of somebody else's. */
static void drop_rights(void)
{
	for (int cap = 0; cap <= 63; cap++)
		if (cap != CAP_CHOWN && cap != CAP_DAC_OVERRIDE && cap != CAP_FOWNER && cap != CAP_FSETID)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); /* fails for the numbers that do not exist */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The folder covered by itself, with other rules. */
static int restrict_in_place(const struct confine *c, struct err *e)
{
	if (!c->read_only)
		return 0;
	if (mount(c->dir, c->dir, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_sys(e, EXIT_UNAVAIL, "cannot mount %s on itself", c->dir);
	return set_attributes(c->dir, ATTR_RDONLY, true, e);
}

int confine_enter(const struct confine *c, struct err *e)
{
	mode_t old = umask(022);

	if (check_folder(c->dir, e) < 0 || new_namespace(e) < 0)
		return -1;
	if (c->keep_root ? restrict_in_place(c, e) < 0 : new_root(c, e) < 0)
		return -1;
	if (!c->keep_root)
		drop_rights();
	umask(old);
	return chdir(c->dir) < 0 ? err_sys(e, EXIT_NO, "cannot enter %s", c->dir) : 0;
}

#else

#include "confine.h"

int confine_enter(const struct confine *c, struct err *e)
{
	return err_set(e, EXIT_UNAVAIL, "%s: confining is only implemented for Linux", c->dir);
}

#endif
