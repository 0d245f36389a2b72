/* out_instance - see out_instance.h. */
#include "out_instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dirs.h"
#include "file.h"
#include "instance_files.h"
#include "name.h"
#include "out.h"
#include "resolve.h"

/* The absolute path of an instance directory, which must be $LIMA_HOME/NAME. */
static char *open_dir(const char *dir, const char *home, struct err *e)
{
	char *real = realpath(dir, NULL), *slash = real ? strrchr(real, '/') : NULL;

	if (!real) {
		err_sys(e, errno == ENOENT ? EXIT_NO : EXIT_IOERR, "cannot open the instance directory %s", dir);
		return NULL;
	}
	if (strncmp(real, home, (size_t)(slash - real)) != 0 || home[slash - real] != '\0') {
		err_set(e, EXIT_USAGE, "%s is not in LIMA_HOME (%s)", real, home);
	} else if (name_check_instance(slash + 1, e) == 0 && name_check_socket_path(real, e) == 0) {
		return real;
	}
	free(real);
	return NULL;
}

static struct node *read_source(const char *dir, struct err *e)
{
	char *path = path_join(dir, F_LIMA_YAML);
	struct buf text = { 0 };
	struct node *doc = NULL;

	if (file_read(path, TREE_TEXT_MAX, &text, e) == 0)
		doc = tree_parse(buf_str(&text), text.len, path, e);
	buf_free(&text);
	free(path);
	return doc;
}

static bool debugging(void)
{
	const char *debug = getenv("LIMA_DEBUG");

	return debug && (!strcmp(debug, "1") || !strcmp(debug, "true"));
}

/* From the resolved document on. */
static int render(const struct node *doc, const char *dir, const char *home, const char *share, struct diag *d,
		  struct err *e)
{
	char *hostname = name_hostname(strrchr(dir, '/') + 1), *machine_id = out_machine_id();
	struct out_in in = { .doc = doc, .dir = dir, .home = home, .machine_id = machine_id, .debug = debugging() };
	struct keys keys;
	struct out o;
	int r = keys_load(home, dir, hostname, tree_bool(doc, true, "ssh.loadDotSSHPubKeys"), &keys, d, e);

	if (r == 0) {
		in.keys = &keys;
		out_facts(&o, &in, d);
		r = out_write(&o, share, d, e);
		out_free(&o);
	}
	keys_free(&keys);
	free(machine_id);
	free(hostname);
	return r;
}

/* A description for another driver is in order, but no machine can be made of it here. */
static int check_driver(const struct node *doc, struct err *e)
{
	const char *vm = tree_str(doc, "qemu", "vmType");

	if (!strcmp(vm, "qemu"))
		return 0;
	return err_set(e, EXIT_BADDATA, "vmType %s is not available on this host; only qemu is", vm);
}

int instance_render(const char *dir, struct diag *d, struct err *e)
{
	char *home = dirs_home(e), *real = home ? open_dir(dir, home, e) : NULL, *share = real ? dirs_share(e) : NULL;
	struct node *source = share ? read_source(real, e) : NULL, *doc = NULL;
	int r = -1;

	if (source)
		doc = resolve_instance(source, real, home, false, d);
	if (doc && !d->errors && check_driver(doc, e) == 0)
		r = render(doc, real, home, share, d, e);
	node_free(doc);
	node_free(source);
	free(share);
	free(real);
	free(home);
	return r;
}
