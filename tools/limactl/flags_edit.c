/* flags_edit - the flags that change a template: their names, and how they become options of lima-render, which knows what
 * they mean (render/edit.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "render/edit.h"

#define ARCHES "x86_64 aarch64 riscv64 armv7l s390x ppc64le"

const struct flag_spec flags_set_e[] = {
	{ .name = "cpus", .type = FLAG_INT, .help = "number of CPUs", .words = "1 2 4 8", .complete = COMPLETE_WORDS },
	{ .name = "disk", .type = FLAG_FLOAT, .help = "size of the disk in GiB", .words = "10 30 50 100 200",
	  .complete = COMPLETE_WORDS },
	{ .name = "dns", .type = FLAG_IPS, .help = "name servers of the guest; turns the host resolver off" },
	{ .name = "memory", .type = FLAG_FLOAT, .help = "memory in GiB", .words = "1 2 4 8 16 32",
	  .complete = COMPLETE_WORDS },
	{ .name = "mount", .type = FLAG_SLICE, .help = "directories to mount in addition, \":w\" behind makes one writable",
	  .complete = COMPLETE_FILE },
	{ .name = "mount-inotify", .help = "pass changes of files on to the guest (experimental)" },
	{ .name = "mount-none", .help = "mount nothing" },
	{ .name = "mount-only", .type = FLAG_SLICE, .help = "directories to mount instead of those of the template",
	  .complete = COMPLETE_FILE },
	{ .name = "mount-type", .type = FLAG_STRING, .help = "how: reverse-sshfs, 9p, virtiofs",
	  .words = "reverse-sshfs 9p virtiofs",
	  .complete = COMPLETE_WORDS },
	{ .name = "mount-writable", .help = "make all mounts writable" },
	{ .name = "nested-virt", .help = "nested virtualization" },
	{ .name = "network", .type = FLAG_SLICE, .help = "additional networks: lima:NAME", .complete = COMPLETE_NETWORK },
	{ .name = "param", .type = FLAG_ARRAY, .arg = "NAME=VALUE", .help = "set a parameter of the template" },
	{ .name = "rosetta", .help = "Rosetta (on macOS with vz only)" },
	{ .name = "set", .type = FLAG_ARRAY, .arg = "EXPRESSION",
	  .help = "change the template by a yq expression, such as '.cpus = 4'",
	  .complete = COMPLETE_PATH },
	{ .name = "shell", .type = FLAG_STRING, .help = "login shell of the guest's user",
	  .words = "/bin/bash /bin/sh /bin/zsh /usr/bin/fish", .complete = COMPLETE_WORDS },
	{ .name = "ssh-port", .type = FLAG_UINT16, .value = "0", .help = "port for ssh on the host, 0 = a free one",
	  .words = "0 60022", .complete = COMPLETE_WORDS },
	{ .name = "video", .help = "open a window with the display of the guest" },
	{ .name = "vm-type", .type = FLAG_STRING, .help = "kind of virtual machine: qemu", .words = "qemu",
	  .complete = COMPLETE_WORDS },
	{ 0 },
};

const struct flag_spec flags_set_c[] = {
	{ .name = "arch", .type = FLAG_STRING, .help = "architecture of the guest", .words = ARCHES,
	  .complete = COMPLETE_WORDS },
	{ .name = "audio-device", .type = FLAG_STRING, .help = "audio device of the host (experimental)",
	  .words = "default none pa alsa oss sdl", .complete = COMPLETE_WORDS },
	{ .name = "audio-interface", .type = FLAG_STRING, .help = "hda or virtio (experimental)", .words = "hda virtio",
	  .complete = COMPLETE_WORDS },
	{ .name = "containerd", .type = FLAG_STRING, .help = "user, system, user+system, none",
	  .words = "user system user+system none",
	  .complete = COMPLETE_WORDS },
	{ .name = "image-variant", .type = FLAG_STRING, .help = "use only images of this variant" },
	{ .name = "plain", .help = "no mounts, port forwarding, guest agent, containerd" },
	{ .name = "port-forward", .type = FLAG_ARRAY, .arg = "HOST:GUEST[,static=true]",
	  .help = "forward a port of the host to the guest",
	  .words = "8080:80 3000:3000,static=true", .complete = COMPLETE_WORDS },
	{ 0 },
};

static int wrong(const char *flag, const char *why, struct err *e)
{
	return err_set(e, EXIT_NO, "error while processing flag %s: %s", q(flag), why);
}

/* The number as Go prints a float32: the shortest text that is it. */
static char *shortest(const char *text)
{
	float wanted = strtof(text, NULL);
	char number[40];

	for (int digits = 1; digits <= 9; digits++) {
		snprintf(number, sizeof(number), "%.*g", digits, (double)wanted);
		if (strtof(number, NULL) == wanted)
			break;
	}
	return xasprintf("%.15g", strtod(number, NULL));
}

/* Text of lima-render's errors, "--FLAG VALUE: reason", without its start. */
static const char *reason(const char *msg, const char *flag, const char *value)
{
	size_t n = strlen(flag);

	if (strncmp(msg, "--", 2) != 0 || strncmp(msg + 2, flag, n) != 0 || msg[n + 2] != ' ')
		return msg;
	msg += n + 3;
	n = strlen(value);
	return !strncmp(msg, value, n) && !strncmp(msg + n, ": ", 2) ? msg + n + 2 : msg;
}

void flags_edit_error(struct err *e)
{
	struct err old = *e;

	for (const struct edit_flag *f = edit_table(); f->flag; f++) {
		size_t n = strlen(f->flag);
		const char *colon;

		if (strncmp(old.msg, "--", 2) != 0 || strncmp(old.msg + 2, f->flag, n) != 0 || old.msg[2 + n] != ' ')
			continue;
		/* A value with ": " in it is told up to there; expressions, which have it, quote themselves. */
		colon = !strcmp(f->flag, "set") ? strstr(old.msg, ": the expression ") : strstr(old.msg, ": ");
		if (colon)
			wrong(f->flag, colon + 2, e);
		return;
	}
}

/* What can be found wrong without the template is found here, before anything is done. */
static int check(const char *flag, const char *value, struct err *e)
{
	static const char *const need_template[] = { "set", "param", "image-variant" };
	struct err why = { 0 };
	struct node *doc;
	int r;

	if (!strcmp(flag, "param") && !strchr(value, '=')) {
		err_set(&why, EXIT_NO, "invalid parameter %s, expected NAME=VALUE", q(value));
		return wrong(flag, why.msg, e);
	}
	if (!*value)
		return wrong(flag, "the value must not be empty", e);
	for (size_t i = 0; i < sizeof(need_template) / sizeof(*need_template); i++)
		if (!strcmp(flag, need_template[i]))
			return 0;
	if (!strcmp(flag, "vm-type") && strcmp(value, "qemu") != 0) {
		err_set(&why, EXIT_NO, "%s is not available on this host; only qemu is", q(value));
		return wrong(flag, why.msg, e);
	}
	doc = node_new(NODE_MAP);
	r = edit_apply(doc, flag, value, &why);
	node_free(doc);
	return r < 0 ? wrong(flag, reason(why.msg, flag, value), e) : 0;
}

static int add(const char *flag, const char *value, struct strv *settings, struct err *e)
{
	if (check(flag, value, e) < 0)
		return -1;
	strv_addf(settings, "--%s=%s", flag, value);
	return 0;
}

static int add_size(const struct ctl *c, const char *flag, struct strv *settings, struct err *e)
{
	char *number = shortest(flag_string(c->flags, flag));
	int r = add(flag, number, settings, e);

	free(number);
	return r;
}

/* A value of a list as one field again, for the comma that it may have. */
static int add_listed(const char *flag, const char *value, struct strv *settings, struct err *e)
{
	struct buf field = { 0 };
	int r;

	if (!value[strcspn(value, ",\"")])
		return add(flag, value, settings, e);
	buf_addc(&field, '"');
	for (; *value; value++)
		buf_addf(&field, *value == '"' ? "\"%c" : "%c", *value);
	buf_addc(&field, '"');
	r = add(flag, buf_str(&field), settings, e);
	buf_free(&field);
	return r;
}

static int add_list(const struct ctl *c, const struct flag_spec *s, struct strv *settings, struct err *e)
{
	const struct strv *list = flag_list(c->flags, s->name);
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = (s->type == FLAG_ARRAY ? add : add_listed)(s->name, list->v[i], settings, e);
	return r;
}

static int add_bool(const struct ctl *c, const char *flag, struct strv *settings, struct err *e)
{
	/* --mount-none=false is what --mount-none is. */
	bool b = flag_bool(c->flags, flag) || !strcmp(flag, "mount-none");

	return add(flag, b ? "true" : "false", settings, e);
}

static int add_flag(const struct ctl *c, const struct flag_spec *s, struct strv *settings, struct err *e)
{
	char *number;
	int r;

	switch (s->type) {
	case FLAG_BOOL:
		return add_bool(c, s->name, settings, e);
	case FLAG_FLOAT:
		return add_size(c, s->name, settings, e);
	case FLAG_SLICE:
	case FLAG_IPS:
	case FLAG_ARRAY:
		return add_list(c, s, settings, e);
	case FLAG_INT:
	case FLAG_UINT16:
		number = xasprintf("%lld", (long long)flag_int(c->flags, s->name));
		r = add(s->name, number, settings, e);
		free(number);
		return r;
	default:
		return add(s->name, flag_string(c->flags, s->name), settings, e);
	}
}

static int exclusive(const struct ctl *c, struct err *e)
{
	static const char *const names[] = { "mount", "mount-only", "mount-none" };
	const char *seen = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!flag_given(c->flags, names[i]))
			continue;
		if (seen) {
			struct err why = { 0 };

			err_set(&why, EXIT_NO, "flag %s conflicts with flag %s", q(names[i]), q(seen));
			return wrong(names[i], why.msg, e);
		}
		seen = names[i];
	}
	return 0;
}

/* Those that an existing instance was made with and keeps. */
static bool fixed(const char *flag)
{
	static const char *const names[] = { "arch", "image-variant", "containerd", "plain" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(flag, names[i]))
			return true;
	return false;
}

static void warn(const char *flag)
{
	static const char *const experimental[] = { "mount-inotify", "audio-device", "audio-interface" };

	for (size_t i = 0; i < sizeof(experimental) / sizeof(*experimental); i++)
		if (!strcmp(flag, experimental[i]))
			log_warn("--%s is experimental", flag);
	if (!strcmp(flag, "dns"))
		log_warn("--dns turns the host resolver off: names of hostResolver.hosts are not known in the guest any more");
}

int flags_edit_settings(const struct ctl *c, bool existing, struct strv *settings, struct err *e)
{
	const struct flag_spec *const *tables = flags_tables(c->flags);
	int r = exclusive(c, e);

	for (size_t t = 0; r == 0 && tables[t]; t++) {
		if (tables[t] != flags_set_e && tables[t] != flags_set_c)
			continue;
		for (const struct flag_spec *s = tables[t]; r == 0 && s->name; s++) {
			if (!flag_given(c->flags, s->name))
				continue;
			if (existing && fixed(s->name)) {
				log_warn("flag %s is not applicable to an existing instance; it is ignored", q(s->name));
				continue;
			}
			warn(s->name);
			r = add_flag(c, s, settings, e);
		}
	}
	return r;
}
