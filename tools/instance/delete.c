/* delete, protect, unprotect. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "instance.h"
#include "instance_files.h"
#include "kv.h"
#include "network.h"

/* A data disk stays; only the mark that this instance uses it goes. */
void disks_release(const struct instance *in)
{
	char *conf = instance_path(in, F_AGENT_CONF);
	struct err ignored = { 0 };
	struct kv kv;

	if (kv_load(conf, &kv, &ignored) == 0) {
		uint64_t n = kv_num(&kv, 0, "disks");

		for (unsigned i = 0; i < n; i++) {
			char *mark = path_join(kv_get(&kv, "", "disks.%u.dir", i), "in_use_by");
			char target[4096];
			ssize_t len = readlink(mark, target, sizeof(target) - 1);

			if (len > 0 && (target[len] = '\0', !strcmp(target, in->dir)))
				unlink(mark);
			free(mark);
		}
		kv_free(&kv);
	}
	free(conf);
}

/* First out of sight under a name that no instance can have, then removed: a killed delete never leaves half an
 * instance, and what it leaves is swept up by the next one. */
static int remove_dir(const struct instance *in, struct err *e)
{
	char *gone = xasprintf("%s/_locks/%s.deleted", in->home, in->name);
	char *lock = xasprintf("%s/_locks/%s", in->home, in->name);
	int r = dir_remove(gone, e);

	if (r == 0 && rename(in->dir, gone) < 0)
		r = err_sys(e, EXIT_IOERR, "cannot move %s away", in->dir);
	if (r == 0)
		r = dir_remove(gone, e);
	if (r == 0)
		unlink(lock);
	free(lock);
	free(gone);
	return r;
}

int step_delete(const struct instance *in, struct err *e)
{
	disks_release(in);
	return remove_dir(in, e);
}

static int delete_locked(const struct instance *in, const struct request *rq, struct err *e)
{
	char *protected = instance_path(in, F_PROTECTED);
	bool is_protected = path_exists(protected);
	struct state_info s;
	int r = 0;

	free(protected);
	if (is_protected && !rq->force)
		return err_set(e, EXIT_NO, "the instance '%s' is protected; 'make unprotect' or FORCE=1 allows deleting it", in->name);
	state_read(in, &s);
	if (s.state != ST_STOPPED && s.state != ST_MISSING) {
		if (!rq->force)
			r = err_set(e, EXIT_NO, "the instance '%s' is running; stop it first, or delete with FORCE=1", in->name);
		else
			r = step_stop(in, true, e);
	}
	state_free(&s);
	if (r == 0)
		r = step_delete(in, e);
	if (r == 0)
		say("the instance '%s' is deleted", in->name);
	return r;
}

int verb_delete(const struct request *rq, struct err *e)
{
	struct instance in;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	if (!path_exists(in.dir)) {
		say("there is no instance '%s'", in.name);
		instance_close(&in);
		return 0;
	}
	r = instance_must_exist(&in, e);
	if (r == 0)
		r = instance_lock(&in, e);
	if (r == 0)
		r = delete_locked(&in, rq, e);
	instance_close(&in);
	if (r == 0)
		networks_tidy();
	return r;
}

static int set_protection(const struct request *rq, bool on, struct err *e)
{
	struct instance in;
	char *path;
	int r;

	if (instance_open(rq->name, &in, e) < 0)
		return -1;
	path = instance_path(&in, F_PROTECTED);
	r = instance_must_exist(&in, e);
	if (r == 0 && on)
		r = file_write_if_changed(path, "", 0, 0400, NULL, e);
	else if (r == 0 && unlink(path) < 0 && path_exists(path))
		r = err_sys(e, EXIT_IOERR, "cannot remove %s", path);
	if (r == 0)
		say(on ? "the instance '%s' is protected" : "the instance '%s' is not protected", in.name);
	free(path);
	instance_close(&in);
	return r;
}

int verb_protect(const struct request *rq, struct err *e)
{
	return set_protection(rq, true, e);
}

int verb_unprotect(const struct request *rq, struct err *e)
{
	return set_protection(rq, false, e);
}
