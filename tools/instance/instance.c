/* instance - names, paths and locks of one instance; see instance.h. */
#include "instance.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "dirs.h"
#include "file.h"
#include "instance_files.h"
#include "name.h"

int instance_open(const char *name, struct instance *in, struct err *e)
{
	*in = (struct instance){ .lock = { -1 } };
	in->dir = dirs_instance(name, e);
	if (!in->dir)
		return -1;
	in->home = dirs_home(e);
	if (!in->home) {
		instance_close(in);
		return -1;
	}
	in->name = xstrdup(name);
	in->hostname = name_hostname(name);
	return 0;
}

void instance_close(struct instance *in)
{
	lock_release(&in->lock);
	free(in->name);
	free(in->home);
	free(in->dir);
	free(in->hostname);
	*in = (struct instance){ .lock = { -1 } };
}

char *instance_path(const struct instance *in, const char *file)
{
	return path_join(in->dir, file);
}

bool instance_exists(const struct instance *in)
{
	char *yaml = instance_path(in, F_LIMA_YAML);
	bool there = path_exists(yaml);

	free(yaml);
	return there;
}

int instance_must_exist(const struct instance *in, struct err *e)
{
	if (instance_exists(in))
		return 0;
	return err_set(e, EXIT_NO, "there is no instance '%s' in %s; 'make INSTANCE=%s start' makes one", in->name, in->home,
		       in->name);
}

/* Who else can write to a folder can put links and programs of his own into it. A sticky one, such as /tmp, is safe for
 * what is in it already. */
static int must_be_ours(const char *dir, struct err *e)
{
	struct stat st;

	if (stat(dir, &st) < 0 || !(st.st_mode & S_IWOTH) || (st.st_mode & S_ISVTX))
		return 0;
	return err_set(e, EXIT_NO, "%s can be written to by every user of this machine, so what is in it cannot be trusted; "
		       "'chmod o-w' it after a look at its content", dir);
}

int instance_lock(struct instance *in, struct err *e)
{
	char *dir = path_join(in->home, "_locks"), *path = path_join(dir, in->name);
	int r = -1;

	if (in->lock.fd >= 0)
		r = 0;
	else if (must_be_ours(in->home, e) < 0 || must_be_ours(in->dir, e) < 0)
		;
	else if (dir_make(in->home, 0700, e) == 0 && dir_make(dir, 0700, e) == 0)
		r = lock_take(path, -1, &in->lock, e);
	free(path);
	free(dir);
	return r;
}
