/* autostart - see autostart.h. */
#include "autostart.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "log.h"
#include "spawn.h"

#define LAUNCH_S 60      /* until the host agent of a unit that was started must answer */
#define LAUNCH_POLL_MS 100 /* it is systemd's child, not ours: nothing tells us */
#define BOOTED "/run/systemd/system" /* sd_booted(3) */

int autostart_supported(struct err *e)
{
	struct stat st;

	if (stat(BOOTED, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return err_set(e, EXIT_NO, "autostart is not supported on linux without systemd (there is no " BOOTED ")");
}

/* The directory of the user's units; NULL when there is no home. The caller frees it. */
static char *unit_dir(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		return path_join(config, "systemd/user");
	return home && *home ? path_join(home, ".config/systemd/user") : NULL;
}

static char *unit_name(const char *inst)
{
	return xasprintf("lima-vm@%s.service", inst);
}

static char *unit_path(const char *inst)
{
	char *dir = unit_dir(), *name = unit_name(inst), *path = dir ? path_join(dir, name) : NULL;

	free(name);
	free(dir);
	return path;
}

bool autostart_registered(const char *inst)
{
	char *path = unit_path(inst);
	bool yes = path && path_exists(path);

	free(path);
	return yes;
}

/* A word of ExecStart= or Environment=: in quotes, with systemd's specifiers out of force. */
static void add_word(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		if (strchr("\"\\", *s))
			buf_addc(out, '\\');
		if (strchr("%$", *s))
			buf_addc(out, *s);
		buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

static int unit_text(struct buf *out, struct err *e)
{
	char *bin = dirs_bin(e), *home = bin ? dirs_home(e) : NULL, *limactl, *env;

	if (!home) {
		free(bin);
		return -1;
	}
	limactl = path_join(bin, "limactl");
	env = xasprintf("LIMA_HOME=%s", home);
	/* A start that cannot succeed is tried a few times, not for ever, however long each takes. */
	buf_adds(out, "[Unit]\nDescription=Lima - Linux virtual machine (%i)\nStartLimitIntervalSec=5min\nStartLimitBurst=5\n\n"
		      "[Service]\nType=simple\nExecStart=");
	add_word(out, limactl);
	buf_adds(out, " start %i --foreground\nEnvironment=");
	add_word(out, env);
	buf_adds(out, "\nWorkingDirectory=%h\nTimeoutSec=10min\nSuccessExitStatus=143\nRestart=on-failure\nOOMPolicy=continue\n"
		      /* A stop is the host agent's business: QEMU must not get the signal, and must outlive a host agent that
		       * crashed, whose successor takes the machine over. */
		      "KillMode=process\n"
		      "\n[Install]\nWantedBy=default.target\n");
	free(env);
	free(limactl);
	free(home);
	free(bin);
	return 0;
}

/* systemctl --user VERB [OPTION] UNIT. */
static int systemctl(const char *verb, const char *option, const char *inst, struct err *e)
{
	char *unit = unit_name(inst);
	char *argv[] = { "systemctl", "--user", (char *)verb, option ? (char *)option : unit, option ? unit : NULL, NULL };
	struct buf said = { 0 };
	int status = 0, r = spawn_run(argv, NULL, &said, &status, e);

	if (said.len && said.data[said.len - 1] == '\n')
		said.data[--said.len] = '\0';
	if (r == 0 && status != 0)
		r = err_set(e, EXIT_NO, "systemctl --user %s %s failed with status %d: %s", verb, unit, status, buf_str(&said));
	buf_free(&said);
	free(unit);
	return r;
}

int autostart_register(const char *inst, bool *existed, struct err *e)
{
	char *dir = unit_dir(), *path = unit_path(inst);
	struct buf text = { 0 };
	int r;

	if (!path) {
		free(dir);
		return err_set(e, EXIT_NO, "HOME is not set: there is no place for the unit");
	}
	*existed = path_exists(path);
	r = unit_text(&text, e);
	if (r == 0)
		r = dir_make(dir, 0755, e);
	if (r == 0)
		r = file_write(path, buf_str(&text), text.len, 0644, e);
	if (r == 0)
		r = systemctl("enable", NULL, inst, e);
	buf_free(&text);
	free(path);
	free(dir);
	return r;
}

int autostart_unregister(const char *inst, struct err *e)
{
	char *path = unit_path(inst);
	int r = 0;

	if (path && path_exists(path)) {
		r = systemctl("disable", NULL, inst, e);
		if (r == 0 && unlink(path) < 0 && path_exists(path))
			r = err_sys(e, EXIT_IOERR, "cannot remove %s", path);
	}
	free(path);
	return r;
}

/* --- running it --- */

bool autostart_active(const char *inst)
{
	struct err ignored = { 0 };

	return autostart_registered(inst) && systemctl("is-active", "--quiet", inst, &ignored) == 0;
}

char *autostart_unit_of_this(const char *inst)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");

	return pid && *pid && strtol(pid, NULL, 10) == (long)getpid() && autostart_registered(inst) ? unit_name(inst) : NULL;
}

static bool answers(const struct instance *in)
{
	struct err ignored = { 0 };
	char *body = NULL;
	bool yes = agent_request(in, "GET", "/v1/info", NULL, 1000, &body, &ignored) == 0;

	free(body);
	return yes;
}

int autostart_launch(struct instance *in, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LAUNCH_POLL_MS * 1000000L };
	struct err ignored = { 0 };

	lock_release(&in->lock);
	log_info("Starting the instance %s by systemd, as it starts at login", q(in->name));
	/* The limit on starts is for those that nobody asked for. A unit that has not failed is no news. */
	systemctl("reset-failed", NULL, in->name, &ignored);
	if (systemctl("start", NULL, in->name, e) < 0)
		return -1;
	for (int i = 0; i < LAUNCH_S * 1000 / LAUNCH_POLL_MS; i++) {
		if (answers(in))
			return 0;
		if (!autostart_active(in->name))
			return err_set(e, EXIT_NO, "the unit of %s ended (hint: see `journalctl --user -u lima-vm@%s.service`)",
				       q(in->name), in->name);
		nanosleep(&pause, NULL);
	}
	return err_set(e, EXIT_NO, "the host agent of %s did not answer within %d seconds (hint: see "
		       "`journalctl --user -u lima-vm@%s.service`)", q(in->name), LAUNCH_S, in->name);
}

int autostart_stop(const char *inst, bool force, struct err *e)
{
	return systemctl("stop", force ? "--no-block" : NULL, inst, e);
}
