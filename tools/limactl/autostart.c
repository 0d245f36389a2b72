/* autostart - see autostart.h. */
#include "autostart.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirs.h"
#include "file.h"
#include "log.h"
#include "spawn.h"

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
	buf_adds(out, "[Unit]\nDescription=Lima - Linux virtual machine (%i)\n\n[Service]\nType=simple\nExecStart=");
	add_word(out, limactl);
	buf_adds(out, " start %i --foreground\nEnvironment=");
	add_word(out, env);
	buf_adds(out, "\nWorkingDirectory=%h\nTimeoutSec=10min\nSuccessExitStatus=143\nRestart=on-failure\nOOMPolicy=continue\n"
		      "\n[Install]\nWantedBy=default.target\n");
	free(env);
	free(limactl);
	free(home);
	free(bin);
	return 0;
}

int autostart_systemctl(const char *verb, const char *inst, struct err *e)
{
	char *unit = unit_name(inst);
	char *argv[] = { "systemctl", "--user", (char *)verb, unit, NULL };
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
		r = autostart_systemctl("enable", inst, e);
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
		r = autostart_systemctl("disable", inst, e);
		if (r == 0 && unlink(path) < 0 && path_exists(path))
			r = err_sys(e, EXIT_IOERR, "cannot remove %s", path);
	}
	free(path);
	return r;
}
