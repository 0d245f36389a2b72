/* disks - see disks.h. A link is replaced by renaming a new one over it, so that there is no moment without. */
#include "disks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "hostagent/agent.h"
#include "instance_files.h"
#include "oswatch.h"

#define F_IN_USE_BY "in_use_by"

/* The instance that a mark names; NULL with errno when there is none. The caller frees it. */
static char *holder(const char *mark)
{
	char target[PATH_MAX];
	ssize_t n = readlink(mark, target, sizeof(target) - 1);

	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

static bool is_running(const char *dir)
{
	char *ha = path_join(dir, F_HA_PID), *qemu = path_join(dir, F_QEMU_PID);
	bool running = lock_held(ha, NULL) || file_lock_holder(qemu) != 0;

	free(ha);
	free(qemu);
	return running;
}

static int replace(const char *mark, const char *dir, struct err *e)
{
	char *tmp = xasprintf("%s.tmp.%ld", mark, (long)getpid());
	int r = 0;

	unlink(tmp);
	if (symlink(dir, tmp) < 0 || rename(tmp, mark) < 0) {
		r = err_sys(e, EXIT_CANTCREATE, "cannot mark the disk with %s", mark);
		unlink(tmp);
	}
	free(tmp);
	return r;
}

static int lock_one(const struct agent *a, const char *name, const char *mark, struct err *e)
{
	char *other;
	int r;

	if (symlink(a->dir, mark) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, EXIT_CANTCREATE, "cannot mark the disk %s with %s", name, mark);
	other = holder(mark);
	if (!other)
		return err_sys(e, EXIT_CANTCREATE, "cannot read %s, which should be a symbolic link", mark);
	if (!strcmp(other, a->dir)) {
		r = 0;
	} else if (is_running(other)) {
		r = err_set(e, EXIT_TRYAGAIN, "the disk %s is in use by the instance %s; stop that first", name,
			    strrchr(other, '/') ? strrchr(other, '/') + 1 : other);
	} else {
		log_info("the disk %s was left marked by %s, which does not run; taking it", name, other);
		r = replace(mark, a->dir, e);
	}
	free(other);
	return r;
}

static char *mark_of(const struct agent *a, size_t i)
{
	return path_join(kv_get(&a->conf, "", "disks.%zu.dir", i), F_IN_USE_BY);
}

int disks_lock(struct agent *a, struct err *e)
{
	size_t n = (size_t)kv_num(&a->conf, 0, "disks");

	for (size_t i = 0; i < n; i++) {
		char *mark = mark_of(a, i);
		int r = lock_one(a, kv_get(&a->conf, "", "disks.%zu.name", i), mark, e);

		free(mark);
		if (r < 0) {
			disks_unlock(a);
			return -1;
		}
	}
	return 0;
}

void disks_unlock(struct agent *a)
{
	size_t n = (size_t)kv_num(&a->conf, 0, "disks");

	for (size_t i = 0; i < n; i++) {
		char *mark = mark_of(a, i), *who = holder(mark);

		if (who && !strcmp(who, a->dir))
			unlink(mark);
		free(who);
		free(mark);
	}
}
