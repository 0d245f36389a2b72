/* line - see line.h: the builder, and the order of the groups. */
#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "instance_files.h"

/* QEMU takes -x and --x alike. */
static bool user_has(const struct conf *c, const char *option)
{
	for (size_t i = 0; i < c->nargs; i++) {
		const char *arg = c->arg[i];

		if (arg[0] == '-' && !strcmp(arg + (arg[1] == '-'), option))
			return true;
	}
	return false;
}

bool line_is_ours(struct line *l, const char *option)
{
	if (!user_has(l->conf, option))
		return true;
	strv_addf(l->notes, "%s comes from the arguments of the QEMU_SYSTEM_ variable; ours is left out", option);
	return false;
}

/* The strings of a strv stay where they are when it grows. */
static const char *keep(struct line *l, const char *text)
{
	strv_add(&l->scratch, text);
	return l->scratch.v[l->scratch.n - 1];
}

const char *line_esc(struct line *l, const char *text)
{
	struct buf b = { 0 };
	const char *kept;

	for (; *text; text++) {
		if (*text == ',')
			buf_addc(&b, ',');
		buf_addc(&b, *text);
	}
	kept = keep(l, buf_str(&b));
	buf_free(&b);
	return kept;
}

const char *line_path(struct line *l, const char *name)
{
	const char *dir = l->opts->dir;
	bool dot = !strcmp(dir, ".");
	/* QEMU takes "a:b" as a file b by the protocol a. A slash in front stops that, and a leading "-" too. */
	bool guard = !dot && dir[0] != '/' && strncmp(dir, "./", 2) && (strchr(dir, ':') || dir[0] == '-');
	char *path = dot ? xstrdup(name) : path_join(dir, name);

	if (guard)
		strv_addf(&l->scratch, "./%s", path);
	else
		strv_add(&l->scratch, path);
	free(path);
	return l->scratch.v[l->scratch.n - 1];
}

const char *line_file(struct line *l, const char *name)
{
	return line_esc(l, line_path(l, name));
}

bool line_has(struct line *l, const char *name)
{
	return path_exists(line_path(l, name));
}

/* Desktop displays and sound servers may start helpers and set priorities; the rest of QEMU needs neither. */
static bool may_confine(const struct conf *c)
{
	bool display = !strcmp(c->display, "none") || !strcmp(c->display, "vnc");

	return c->sandbox && display && !strcmp(c->audio, "none");
}

static void line_program(struct line *l)
{
	strv_add(l->argv, l->conf->qemu);
	for (size_t i = 0; i < l->conf->nargs; i++)
		strv_add(l->argv, l->conf->arg[i]);
	strv_add(l->argv, "-nodefaults");
	strv_add(l->argv, "-no-user-config");
	if (may_confine(l->conf))
		line_own(l, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
}

static int line_all(struct line *l, struct err *e)
{
	line_program(l);
	if (line_machine(l, e) < 0 || line_disks(l, e) < 0 || line_kernel(l, e) < 0 || line_tpm(l, e) < 0)
		return -1;
	if (line_networks(l, e) < 0)
		return -1;
	line_opt(l, "-device", "virtio-rng-pci");
	line_screen_and_sound(l);
	line_consoles(l);
	line_mounts(l);
	line_control(l);
	return 0;
}

int qemu_argv_build(const struct qemu_argv_opts *opts, struct strv *argv, struct strv *notes, struct err *e)
{
	struct conf *conf = xcalloc(1, sizeof(*conf));
	struct line l = { .opts = opts, .conf = conf, .argv = argv, .notes = notes };
	int r = conf_load(opts->dir, conf, e);

	if (r == 0) {
		l.arch = arch_find(conf->arch);
		l.accel = *conf->accel ? conf->accel : conf->probed_accel;
		l.kernel = line_has(&l, F_KERNEL);
		l.initrd = line_has(&l, F_INITRD);
		l.iso = line_has(&l, "iso");
		if (!l.arch)
			r = err_set(e, EXIT_BADDATA, "%s: arch: '%s' is no architecture this tool knows", conf->kv.path,
				    conf->arch);
	}
	if (r == 0)
		r = line_all(&l, e);
	strv_free(&l.scratch);
	conf_free(conf);
	free(conf);
	return r;
}
