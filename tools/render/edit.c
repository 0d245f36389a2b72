/* edit - see edit.h. */
#include "edit.h"

#include <stdlib.h>
#include <string.h>

#include "edit_ops.h"

/* In the order in which they take effect. */
#define ROWS(X)                                                                                                        \
	X("cpus", "CPUS", EDIT_INT, 0, "N", "number of CPUs", ".cpus", edit_set_int)                                   \
	X("dns", "DNS", EDIT_LIST, 0, "IP,...", "name servers of the guest; turns the host resolver off", ".dns",      \
	  edit_dns)                                                                                                    \
	X("memory", "MEMORY", EDIT_GIB, 0, "GIB", "memory in GiB, or a size like 512MiB", ".memory", edit_set_gib)     \
	X("mount", "MOUNT", EDIT_LIST, 0, "DIR[:w],...",                                                               \
	  "directories to mount in addition; \":w\" makes them writable", ".mounts", edit_mount)                       \
	X("mount-only", "MOUNT_ONLY", EDIT_LIST, 0, "DIR[:w],...",                                                     \
	  "directories to mount instead of those of the template", ".mounts", edit_mount_only)                         \
	X("mount-none", "MOUNT_NONE", EDIT_BOOL, 0, "", "mount nothing", ".mounts", edit_mount_none)                   \
	X("mount-type", "MOUNT_TYPE", EDIT_STRING, 0, "TYPE", "reverse-sshfs, 9p, virtiofs or wsl2", ".mountType",     \
	  edit_set_string)                                                                                             \
	X("vm-type", "VM_TYPE", EDIT_STRING, 0, "TYPE", "kind of virtual machine: qemu", ".vmType", edit_set_string)   \
	X("mount-inotify", "MOUNT_INOTIFY", EDIT_BOOL, EXPERIMENTAL, "", "pass file change events to the guest",       \
	  ".mountInotify", edit_set_bool)                                                                              \
	X("mount-writable", "MOUNT_WRITABLE", EDIT_BOOL, 0, "", "make all mounts writable", ".mounts[].writable",      \
	  edit_mount_writable)                                                                                         \
	X("network", "NETWORK", EDIT_LIST, 0, "lima:NAME,...", "additional networks, lima:NAME or vzNAT", ".networks", \
	  edit_network)                                                                                                \
	X("nested-virt", "NESTED_VIRT", EDIT_BOOL, 0, "", "nested virtualization", ".nestedVirtualization",            \
	  edit_set_bool)                                                                                               \
	X("rosetta", "ROSETTA", EDIT_BOOL, 0, "", "Rosetta (vz only)", ".vmOpts.vz.rosetta", edit_rosetta)             \
	X("set", "SET", EDIT_REPEAT, 0, "EXPRESSION", "change the document by an expression, such as '.cpus = 4'",     \
	  ".", edit_expression)                                                                                        \
	X("param", "PARAM", EDIT_REPEAT, 0, "KEY=VALUE", "set a parameter of the template", ".param", edit_param)      \
	X("video", "VIDEO", EDIT_BOOL, 0, "", "open a window with the display of the guest", ".video.display",         \
	  edit_video)                                                                                                  \
	X("audio-device", "AUDIO_DEVICE", EDIT_STRING, CREATE | EXPERIMENTAL, "DEVICE", "audio device of the host",    \
	  ".audio.device", edit_set_string)                                                                            \
	X("audio-interface", "AUDIO_INTERFACE", EDIT_STRING, CREATE | EXPERIMENTAL, "NAME", "hda or virtio",           \
	  ".audio.interface", edit_set_string)                                                                         \
	X("ssh-port", "SSH_PORT", EDIT_INT, 0, "PORT", "port for ssh on the host, 0 = a free one", ".ssh.localPort",   \
	  edit_set_port)                                                                                               \
	X("image-variant", "IMAGE_VARIANT", EDIT_STRING, CREATE, "VARIANT", "use only images of this variant",         \
	  ".images", edit_image_variant)                                                                               \
	X("arch", "ARCH", EDIT_STRING, CREATE, "ARCH", "architecture of the guest, such as x86_64 or aarch64",         \
	  ".arch", edit_set_string)                                                                                    \
	X("containerd", "CONTAINERD", EDIT_STRING, CREATE, "MODE", "user, system, user+system or none", ".containerd", \
	  edit_containerd)                                                                                             \
	X("disk", "DISK", EDIT_GIB, 0, "GIB", "size of the disk in GiB, or a size like 50GiB", ".disk", edit_set_gib)  \
	X("plain", "PLAIN", EDIT_BOOL, CREATE, "", "no mounts, no port forwarding, no guest agent, no containerd",     \
	  ".plain", edit_set_bool)                                                                                     \
	X("port-forward", "PORT_FORWARD", EDIT_REPEAT, CREATE, "HOST:GUEST[,static=BOOL]",                             \
	  "forward a port of the host to the guest", ".portForwards", edit_port_forward)                               \
	X("shell", "USER_SHELL", EDIT_STRING, 0, "PATH", "login shell of the guest's user", ".user.shell",             \
	  edit_set_string)

enum { CREATE = 1, EXPERIMENTAL = 2 };
#define AS_FLAG(flag, var, type, bits, arg, help, keys, op)                                                            \
	{flag, var, type, (bits)&CREATE, (bits)&EXPERIMENTAL, arg, help, keys},
#define AS_OP(flag, var, type, bits, arg, help, keys, op) op,

static const struct edit_flag table[] = {ROWS(AS_FLAG){0}};
static edit_op *const ops[] = {ROWS(AS_OP)};

const struct edit_flag *edit_table(void)
{
	return table;
}

const struct edit_flag *edit_find(const char *name)
{
	for (const struct edit_flag *f = table; f->flag; f++)
		if (!strcmp(f->flag, name) || !strcmp(f->var, name))
			return f;
	return NULL;
}

static const struct edit_flag *find(const char *name, struct err *e)
{
	const struct edit_flag *f = edit_find(name);

	if (!f)
		err_set(e, EXIT_USAGE, "there is no option --%s", name);
	return f;
}

static int apply(struct node *doc, const struct edit_flag *f, const char *value, struct err *e)
{
	if (doc->type != NODE_MAP)
		return err_set(e, EXIT_BADDATA, "the document is not a map");
	if (!value)
		value = "";
	if (!*value && f->type != EDIT_BOOL)
		return err_set(e, EXIT_USAGE, "--%s needs a value: %s", f->flag, f->arg);
	if (ops[f - table](doc, f, value, e) < 0)
		return err_wrap(e, "--%s %.200s", f->flag, value);
	return 0;
}

/* The root stays at its address, its content becomes that of `copy`, which is freed. */
static void replace(struct node *doc, struct node *copy)
{
	struct node old = *doc;

	*doc = *copy;
	*copy = old;
	node_free(copy);
}

int edit_apply(struct node *doc, const char *flag, const char *value, struct err *e)
{
	const struct edit_flag *f = find(flag, e);
	struct node *copy;

	if (!f)
		return -1;
	copy = node_copy(doc);
	if (apply(copy, f, value, e) < 0) {
		node_free(copy);
		return -1;
	}
	replace(doc, copy);
	return 0;
}

/* --- several --- */

static bool is_off(const char *value)
{
	return value && (!strcmp(value, "false") || !strcmp(value, "0"));
}

static int check_all(const struct edit *list, size_t n, struct err *e)
{
	static const char *const exclusive[] = {"mount", "mount-only", "mount-none"};
	const char *seen = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct edit_flag *f = find(list[i].flag, e);

		if (!f)
			return -1;
		for (size_t k = 0; k < sizeof(exclusive) / sizeof(exclusive[0]); k++) {
			if (strcmp(f->flag, exclusive[k]) || (k == 2 && is_off(list[i].value)))
				continue;
			if (seen && strcmp(seen, f->flag))
				return err_set(e, EXIT_USAGE, "--%s and --%s exclude each other", seen, f->flag);
			seen = f->flag;
		}
	}
	return 0;
}

static void note(struct strv *warnings, const struct edit_flag *f, bool skipped)
{
	if (!warnings)
		return;
	if (skipped)
		strv_addf(warnings, "--%s does not apply to an existing instance; it is ignored", f->flag);
	else if (f->experimental)
		strv_addf(warnings, "--%s is experimental", f->flag);
	else if (!strcmp(f->flag, "dns"))
		strv_addf(warnings,
			  "--dns turns hostResolver off: names of hostResolver.hosts are no longer known in the guest");
}

/* The values of a flag that must be applied in one go, joined; NULL when the flag was not given. Expressions share one
 * run of libjq, and --mount-only starts afresh each time. */
static char *join_values(const struct edit_flag *f, const struct edit *list, size_t n)
{
	struct buf all = {0};
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (edit_find(list[i].flag) != f || !list[i].value)
			continue;
		if (any)
			buf_adds(&all, f->type == EDIT_LIST ? "," : "\n| ");
		buf_adds(&all, list[i].value);
		any = true;
	}
	return any ? buf_detach(&all) : NULL;
}

static int apply_flag(struct node *doc, const struct edit_flag *f, const struct edit *list, size_t n, struct err *e)
{
	char *joined = !strcmp(f->flag, "set") || !strcmp(f->flag, "mount-only") ? join_values(f, list, n) : NULL;
	int r = 0;

	if (joined) {
		r = apply(doc, f, joined, e);
		free(joined);
		return r;
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (edit_find(list[i].flag) == f)
			r = apply(doc, f, list[i].value, e);
	return r;
}

static bool given(const struct edit_flag *f, const struct edit *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (edit_find(list[i].flag) == f)
			return true;
	return false;
}

int edit_apply_all(struct node *doc, const struct edit *list, size_t n, bool existing, struct strv *warnings,
		   struct err *e)
{
	struct node *copy;
	int r = check_all(list, n, e);

	if (r < 0 || n == 0)
		return r;
	copy = node_copy(doc);
	for (const struct edit_flag *f = table; r == 0 && f->flag; f++) {
		bool skip = existing && f->create_only;

		if (!given(f, list, n))
			continue;
		note(warnings, f, skip);
		if (!skip)
			r = apply_flag(copy, f, list, n, e);
	}
	if (r < 0)
		node_free(copy);
	else
		replace(doc, copy);
	return r;
}
