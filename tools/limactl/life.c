/* life - see life.h. */
#include "life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "autostart.h"
#include "dirs.h"
#include "file.h"
#include "instance_files.h"
#include "lock.h"
#include "name.h"

#define PATH_LIMIT 108 /* of a unix socket */

const char *life_status(enum state s)
{
	switch (s) {
	case ST_MISSING:
	case ST_STOPPED:
		return "Stopped";
	case ST_ORPHANED:
		return "Broken";
	default:
		return "Running";
	}
}

enum state life_state(const struct instance *in)
{
	struct state_info s;
	enum state state;

	state_read(in, &s);
	state = s.state;
	state_free(&s);
	return state;
}

int life_open(const char *name, struct instance *in, struct err *e)
{
	char *yaml;

	if (instance_open(name, in, e) < 0)
		return -1;
	if (instance_exists(in))
		return 0;
	yaml = instance_path(in, F_LIMA_YAML);
	err_set(e, EXIT_NO, "open %s: %s", yaml, "no such file or directory");
	free(yaml);
	instance_close(in);
	return -1;
}

int life_check_name(const char *name, struct err *e)
{
	static const char regex[] = "^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$";
	struct err ignored = { 0 };

	if (name_check_instance(name, &ignored) == 0)
		return 0;
	if (name_check(name, "name", &ignored) == 0)
		return err_set(e, EXIT_NO, "instance name %s must not end with .yml or .yaml suffix", q(name));
	if (!*name)
		return err_set(e, EXIT_NO, "instance name %s is not a valid identifier: identifier must not be empty", q(name));
	if (strlen(name) > NAME_MAX_LEN)
		return err_set(e, EXIT_NO, "instance name %s is not a valid identifier: identifier %s greater than maximum length (%d characters)",
			       q(name), q(name), NAME_MAX_LEN);
	return err_set(e, EXIT_NO, "instance name %s is not a valid identifier: identifier %s must match %s", q(name), q(name), regex);
}

int life_check_path(const char *name, struct err *e)
{
	char *home = dirs_home(e), *path;
	int r = 0;

	if (!home)
		return -1;
	path = xasprintf("%s/%s/ssh.sock.1234567890123456", home, name);
	if (strlen(path) >= PATH_LIMIT)
		r = err_set(e, EXIT_NO, "instance name %s too long: %s must be less than UNIX_PATH_MAX=%d characters, but is %zu", q(name), q(path),
			    PATH_LIMIT, strlen(path));
	free(path);
	free(home);
	return r;
}

char *life_shell_command(const struct instance *in)
{
	return strcmp(in->name, "default") ? xasprintf("limactl shell %s", in->name) : xstrdup("lima");
}

/* --- stopping --- */

static int stop_gracefully(struct instance *in, struct err *e)
{
	struct state_info s;
	struct relay relay;
	struct watch watch;
	int r;

	state_read(in, &s);
	if (strcmp(life_status(s.state), "Running") != 0) {
		err_set(e, EXIT_NO, "expected status `Running`, got %s (maybe use `limactl stop -f`?)", q(life_status(s.state)));
		state_free(&s);
		return -1;
	}
	if (autostart_active(in->name)) {
		state_free(&s);
		log_info("Stopping the instance %s by systemd, which started it", q(in->name));
		r = autostart_stop(in->name, false, e);
		if (r == 0)
			log_info("The instance %s has shut down", in->name);
		return r;
	}
	relay_open(&relay, in, false);
	log_info("Sending SIGINT to hostagent process %ld", (long)s.agent_pid);
	log_info("Waiting for the host agent and the driver processes to shut down");
	watch = (struct watch){ relay.watch, relay_read, &relay };
	r = machine_stop(in, false, &watch, e);
	relay_close(&relay);
	log_info("Waiting for the instance to shut down");
	if (r == 0)
		log_info("The instance %s has shut down", in->name);
	state_free(&s);
	return r;
}

int life_stop(struct instance *in, bool force, struct err *e)
{
	struct err ignored = { 0 };

	if (!force)
		return stop_gracefully(in, e);
	if (autostart_active(in->name))
		autostart_stop(in->name, true, &ignored);
	return machine_kill(in, e);
}
